"""Files in, files out: copies, batches, resuming, faults, the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits as astropy_fits
from conftest import finds_the_track, sky_image, with_track
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_io import cli, fits
from shared_io.errors import SchemaMismatch

from cosmic_conn.cli import app
from cosmic_conn.detection import Camera, Settings
from cosmic_conn.files.frames import camera_of, read_science
from cosmic_conn.files.packing import Packer, packed
from cosmic_conn.files.products import Layout
from cosmic_conn.pipeline.detecting import Request, detect_files, frames_below

FP32 = Settings(precision="fp32")


def write_mef(path: Path, chips: int = 2, **cards: object) -> Path:
    """A file with chips of science, bad pixels and data quality."""
    hdus: list[object] = [astropy_fits.PrimaryHDU()]
    hdus[0].header.update({"EXPTIME": 100.0, "PIXSIZE": 15.0, **cards})
    for chip in range(1, chips + 1):
        image = with_track(sky_image(seed=chip))
        bad = np.zeros(image.shape, dtype=np.uint8)
        bad[60, 20] = chip == 2
        quality = np.zeros(image.shape, dtype=np.int16)
        quality[0, 0] = 4
        for name, data in (("SCI", image), ("BPM", bad), ("DQ", quality)):
            hdu = astropy_fits.ImageHDU(data, name=name)
            hdu.header["EXTVER"] = chip
            hdus.append(hdu)
    fits.write(path, hdus)
    return path


def run(*words: object) -> int:
    return cli.execute(app, prog="cosmic-conn", argv=[str(w) for w in words], default_verb="detect")


def test_the_copy_holds_the_file_and_what_was_found(tmp_path: Path) -> None:
    source = write_mef(tmp_path / "a.fits")
    before = source.read_bytes()
    outcome = detect_files([source], Request(FP32, layout=Layout(bit=8, clean=True)))
    target = tmp_path / "cosmic_conn_output" / "CR_a.fits"
    assert outcome.exit_code == 0
    assert source.read_bytes() == before
    assert target.read_bytes()[2880 : 2880 * 5] == before[2880 : 2880 * 5]
    fits.verify(target)
    for chip in (1, 2):
        mask = fits.read_image(target, ("CRMASK", chip))
        assert set(np.unique(mask.data)) == {0, 8}
        flagged = mask.data > 0
        assert flagged[60, 20] == (chip == 1)  # a bad pixel of the second chip
        assert flagged.sum() == mask.header["CRNPIX"]
        assert mask.header["CRNOBJ"] == sum(mask.header[f"CRN{n}"] for n in (1, 2, 5, 21))
        assert mask.header["PROVTOOL"] == "cosmic-conn"
        assert mask.header["CRRATE"] == pytest.approx(mask.header["CRNOBJ"] / (flagged.size * 15e-4**2) / 100, rel=1e-4)
        probability = fits.read_image(target, ("CRPROB", chip)).data
        assert probability.min() >= 0
        assert probability.max() <= 1
        assert (probability[flagged] > 0.04).all()
        clean = fits.read_image(target, ("CRCLEAN", chip)).data
        science = fits.read_image(target, ("SCI", chip)).data
        assert np.array_equal(clean[~flagged], science[~flagged])
        assert np.abs(clean[flagged] - 200).max() < 40


def test_the_bit_is_merged_into_data_quality(tmp_path: Path) -> None:
    source = write_mef(tmp_path / "a.fits")
    before = source.read_bytes()
    outcome = detect_files([source], Request(FP32, layout=Layout(bit=32, merge="dq")))
    assert outcome.exit_code == 0, outcome.to_text()
    target = tmp_path / "cosmic_conn_output" / "CR_a.fits"
    for chip in (1, 2):
        quality = fits.read_image(target, ("DQ", chip)).data
        mask = fits.read_image(target, ("CRMASK", chip)).data
        assert quality[0, 0] == 4
        assert np.array_equal(quality & 32, mask)
        assert np.array_equal(fits.read_image(target, ("SCI", chip)).data, fits.read_image(source, ("SCI", chip)).data)
    assert source.read_bytes() == before


@pytest.mark.parametrize(("merge", "bit", "words"), [("QUALITY", 1, "no QUALITY"), ("DQ", 2**20, "cannot hold")])
def test_a_bit_that_cannot_be_merged_is_told(merge: str, bit: int, words: str, tmp_path: Path) -> None:
    source = write_mef(tmp_path / "a.fits")
    outcome = detect_files([source], Request(FP32, layout=Layout(bit=bit, merge=merge)))
    assert outcome.exit_code == 3
    assert words in outcome.to_text()
    assert not list((tmp_path / "cosmic_conn_output").glob("*.fits"))


def test_a_bad_file_stops_nothing_and_a_second_run_skips(tmp_path: Path) -> None:
    for name in "ab":
        write_mef(tmp_path / f"{name}.fits", chips=1)
    broken = bytearray((tmp_path / "a.fits").read_bytes()[:-2880])
    (tmp_path / "broken.fits").write_bytes(bytes(broken))
    paths = frames_below(tmp_path)
    first = detect_files(paths, Request(FP32))
    assert first.exit_code == 3
    assert [e.state for e in first.report.entries] == ["done", "done", "failed"]
    assert [image["file"] for image in first.images] == [str(tmp_path / f"{n}.fits") for n in "ab"]
    outputs = {p.name: p.read_bytes() for p in (tmp_path / "cosmic_conn_output").glob("CR_*")}
    again = detect_files(frames_below(tmp_path), Request(FP32))
    assert [e.state for e in again.report.entries] == ["skipped", "skipped", "failed"]
    assert len(again.images) == 2
    (tmp_path / "cosmic_conn_output" / "CR_b.fits").unlink()
    detect_files(paths, Request(FP32))
    assert {p.name: p.read_bytes() for p in (tmp_path / "cosmic_conn_output").glob("CR_*")} == outputs


def test_a_file_in_the_way_is_left_alone(tmp_path: Path) -> None:
    source = write_mef(tmp_path / "a.fits", chips=1)
    strange = tmp_path / "out" / "CR_a.fits"
    strange.parent.mkdir()
    strange.write_text("mine")
    request = Request(FP32, output=tmp_path / "out")
    assert detect_files([source], request).exit_code == 6
    assert strange.read_text() == "mine"
    assert detect_files([source], request, overwrite=True).exit_code == 0
    assert fits.verify(strange) > 0


def test_two_processes_give_the_same_bytes_as_one(tmp_path: Path) -> None:
    paths = [write_mef(tmp_path / f"{n}.fits", chips=1) for n in "ab"]
    for workers in (1, 2):
        assert detect_files(paths, Request(FP32, output=tmp_path / str(workers)), workers=workers).exit_code == 0
    for name in ("CR_a.fits", "CR_b.fits"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_which_images_are_searched(tmp_path: Path) -> None:
    path = write_mef(tmp_path / "a.fits")
    assert [(i.name, i.version) for i in read_science(path)] == [("SCI", 1), ("SCI", 2)]
    assert list(read_science(path))[1].mask is not None
    assert [i.index for i in read_science(path, "4")] == [4]
    assert next(read_science(path, "SCI,2")).version == 2
    with pytest.raises(SchemaMismatch, match="no HDU 'RAW'"):
        next(read_science(path, "RAW"))
    fits.write_image(tmp_path / "plain.fits", sky_image())
    assert next(read_science(tmp_path / "plain.fits")).mask is None
    fits.write_image(tmp_path / "small.fits", np.zeros((5, 40)))
    with pytest.raises(SchemaMismatch, match="5 x 40"):
        next(read_science(tmp_path / "small.fits"))


def test_what_the_header_says_of_the_camera(tmp_path: Path) -> None:
    (image,) = read_science(write_mef(tmp_path / "a.fits", 1, GAIN=2.5, RDNOISE=6.0, SATURATE=50_000.0))
    assert camera_of(image, Camera()) == Camera(2.5, 6.0, 50_000.0)
    assert camera_of(image, Camera(gain=1.0, saturation=7e4)) == Camera(1.0, 6.0, 7e4)
    (low,) = read_science(write_mef(tmp_path / "b.fits", 1, GAIN="none", SATURATE=100.0))
    assert camera_of(low, Camera()) == Camera()


def test_results_are_no_input(tmp_path: Path) -> None:
    write_mef(tmp_path / "night" / "a.fits", chips=1)
    detect_files(frames_below(tmp_path), Request(FP32))
    assert frames_below(tmp_path) == [tmp_path / "night" / "a.fits"]


@pytest.mark.parametrize("bit", [0, 3, 2**31])
def test_a_bit_is_a_power_of_two(bit: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        Layout(bit=bit)


def test_the_line_of_the_published_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_mef(tmp_path / "DIR" / "a.fits")
    assert run("-m", "ground_imaging", "-e", "SCI", "-i", "DIR", "-c", "256", "--json", "--png", "--clean") == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["extver"] for row in found["images"]] == [1, 2]
    assert found["images"][0]["by_size"]["5-20"] == 1
    assert found["images"][0]["rate_per_cm2_s"] > 0
    folder = tmp_path / "DIR" / "cosmic_conn_output"
    assert (folder / "CR_a.png").read_bytes().startswith(b"\x89PNG")
    assert finds_the_track(fits.read_image(folder / "CR_a.fits", ("CRMASK", 1)).data > 0)
    assert run("-m", "ground_imaging", "-e", "SCI", "-i", "DIR", "-c", "256", "--png", "--clean") == 0
    assert "1 skipped" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("-i", "nowhere"), 4, "no such file"),
        (("-i", "a.fits", "-m", "nothing"), 4, "no model is called 'nothing'"),
        (("-i", "a.fits", "-m", "x.pth"), 4, "models import x.pth"),
        (("-i", "a.fits", "--threshold", "3"), 2, "between 0 and 1"),
        (("-i", "a.fits", "--gain", "-1"), 2, "above zero"),
        (("-i", "a.fits", "--bit", "5"), 2, "power of two"),
        (("-i", "a.fits", "--device", "toaster"), 2, "toaster"),
        (("models", "import", "none.pth"), 4, "no such file"),
        (("models", "train", "x.pth", "--steps", "1"), 4, "ends .safetensors"),
        (("evaluate", "--stamps", "none.json"), 4, "no such file"),
        (("evaluate", "--stamps", "a.fits"), 4, "not a list of cosmic-ray stamps"),
        (("evaluate", "--peers", "no/such/python"), 5, "cannot be run"),
    ],
)
def test_errors_are_one_line_and_a_code(
    words: tuple[str, ...],
    code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_mef(tmp_path / "a.fits", chips=1)
    assert run(*words) == code
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_cuda_without_a_gpu_is_5(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert run("-i", write_mef(tmp_path / "a.fits", chips=1), "--device", "cuda") == 5
    assert capsys.readouterr().err.count("\n") == 1


def test_a_dry_run_does_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_mef(tmp_path / "a.fits", chips=1)
    assert run("-i", tmp_path, "--dry-run") == 0
    assert "a.fits" in capsys.readouterr().out
    assert [p.name for p in tmp_path.iterdir()] == ["a.fits"]


def test_models_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models", "list", "--json") == 0
    assert "ground_imaging" in [row["name"] for row in json.loads(capsys.readouterr().out)]


@settings(deadline=None, max_examples=30)
@given(
    height=st.integers(1, 40), width=st.integers(1, 30), strip=st.integers(5, 40),
    kind=st.sampled_from([("RICE_1", np.uint8), ("RICE_1", np.int32), ("PLIO_1", np.uint8)]), seed=st.integers(0, 99),
)  # fmt: skip
def test_an_image_packed_in_strips_is_the_whole_one_packed(tmp_path_factory, height, width, strip, kind, seed):
    random = np.random.default_rng(seed)
    pixels = np.where(random.random((height, width)) < 0.3, random.integers(1, 250, (height, width)), 0)
    pixels = pixels.astype(kind[1])
    packer = Packer("CRMASK", 3, kind[0])
    for start in range(0, height, strip):
        packer.add(pixels[start : start + strip])
    folder = tmp_path_factory.mktemp("packed")
    for name, hdu in (("strips.fits", packer.hdu()), ("whole.fits", packed(pixels, "CRMASK", 3, kind[0]))):
        hdu.header["CRBIT"] = 1
        fits.write(folder / name, [hdu])
    assert (folder / "strips.fits").read_bytes() == (folder / "whole.fits").read_bytes()
    assert np.array_equal(fits.read_image(folder / "strips.fits").data, pixels)
