"""``cosmic-conn reduce`` from exposures to masked files, as a user sees it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from shared_io import cli

from cosmic_conn.cli import app
from cosmic_conn.files.sequences import read_aligned, read_masked
from cosmic_conn.pipeline.nights import align_night, make_night, score_masked
from cosmic_conn.simulate.nights import Night

NIGHT = Night(side=192, tracks=600, satellites=0, seed=3)
MAIN = "from cosmic_conn.cli import main; main()"
FIRST = "lsc1m009-fa15-20240315-0001-e91"


@pytest.fixture(scope="session")
def made_night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two fields, three exposures each."""
    folder = tmp_path_factory.mktemp("night")
    assert make_night(folder, NIGHT).exit_code == 0
    return folder


@pytest.fixture
def night(made_night: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made_night, tmp_path / "night"))


def reduce(*words: object) -> int:
    return cli.execute(app, prog="cosmic-conn", argv=["reduce", *(str(word) for word in words)])


def said(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and not p.name.startswith(".")
    }


def test_a_night_is_reduced(night: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = digests(night)
    assert reduce("--data", night, "--min_cr_size", 2, "--comment", "first", "--json") == 0
    found = said(capsys)
    after = digests(night)
    assert {name: after[name] for name in before} == before
    assert found["aligned"]["done"] == found["labelled"]["done"] == 2
    for record in found["sequences"]:
        assert record["accepted"]
        assert len(record["frames"]) == 3
        assert np.allclose(record["snr_of_empty_sky"], 1, atol=0.03)
        score = score_masked(night / "masked_fits" / record["masked"], night / "truth")
        assert score.strong > 100
        assert score.completeness > 0.97
        assert score.purity > 0.96
    assert (night / f"first/{FIRST}_3frms_first.png").read_bytes().startswith(b"\x89PNG")
    assert (night / f"aligned_png/{FIRST}_3frms_aligned.png").is_file()
    log = (night / "CR_reduction_log.txt").read_text()
    assert f"{FIRST}_3frms_masks.fits: exp_time 300.0" in log
    assert "snr_thres_low: 2.5" in log
    assert json.loads((night / "CR_reduction_log.json").read_text())["options"]["min_cr_size"] == 2


def test_the_files_are_laid_out_as_documented(night: Path) -> None:
    assert reduce("--data", night, "--no_png", "--debug", "-q") == 0
    with fits.open(night / f"aligned_fits/{FIRST}_3frms_aligned.fits") as hdus:
        assert [(h.name, h.ver) for h in hdus[1:]] == [
            ("SCI", 1),
            ("SCI", 2),
            ("SCI", 3),
            ("VALID_MASK", 1),
            ("CAT", 1),
        ]
        assert hdus[0].header["ALIGNED"] is True
        assert len({hdus[i].header["CRPIX1"] for i in (1, 2, 3)}) == 1
        assert [hdus[i].header["FILENAME"][-8:] for i in (1, 2, 3)] == ["0001-e91", "0002-e91", "0003-e91"]
        assert len(hdus["CAT"].data) > 0
    with fits.open(night / f"masked_fits/{FIRST}_3frms_masks.fits") as hdus:
        names = [(h.name, h.ver) for h in hdus[6:]]
        assert names == [(n, v) for n in ("CR", "IGNORE", "MASK_HIGH", "CR_SNR") for v in (1, 2, 3)]
        assert set(np.unique(hdus["IGNORE", 1].data)) <= {0, 1, 2, 3, 4, 5, 6, 7, 8}
        assert hdus["CR_SNR", 2].data.dtype == ">f4"
        masked = read_masked(night / f"masked_fits/{FIRST}_3frms_masks.fits")
        assert np.array_equal(masked.cr[1], hdus["CR", 2].data > 0)
    assert not list(night.glob("*png*"))


def test_bad_columns_are_not_valid_and_not_labelled(night: Path) -> None:
    assert reduce("--data", night, "--no_png", "-q") == 0
    with fits.open(night / f"banzai_frms/{FIRST}.fits") as hdus:
        assert hdus["BPM"].data.sum() > 100
    found = read_aligned(night / f"aligned_fits/{FIRST}_3frms_aligned.fits")
    assert found.frames[:, 20:-20, 20:-20].max() < 1.2e5
    assert (~found.valid[20:-20, 20:-20]).sum() > 100


def test_a_second_run_does_nothing_and_another_one_asks(night: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reduce("--data", night, "--no_png", "-q") == 0
    before = digests(night)
    capsys.readouterr()
    assert reduce("--data", night, "--no_png", "--json") == 0
    found = said(capsys)
    assert (found["aligned"]["skipped"], found["labelled"]["skipped"], found["labelled"]["done"]) == (2, 2, 0)
    after = digests(night)
    assert {k: v for k, v in after.items() if "log" not in k} == {k: v for k, v in before.items() if "log" not in k}
    assert reduce("--data", night, "--no_png", "--snr_thres", 6, "-q") == 6
    assert reduce("--data", night, "--no_png", "--snr_thres", 6, "--overwrite", "-q") == 0


def test_damage_is_repaired(night: Path) -> None:
    assert reduce("--data", night, "--no_png", "-q") == 0
    before = digests(night / "masked_fits")
    target = night / f"masked_fits/{FIRST}_3frms_masks.fits"
    target.unlink()
    assert reduce("--data", night, "--no_png", "-q") == 0
    assert digests(night / "masked_fits") == before


def test_masks_of_others_are_never_replaced_unasked(night: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = night / f"masked_fits/{FIRST}_3frms_masks.fits"
    target.parent.mkdir()
    target.write_bytes(b"mine")
    assert reduce("--data", night, "--no_png", "--json") == 6
    assert said(capsys)["labelled"]["refused"] == 1
    assert target.read_bytes() == b"mine"
    assert reduce("--data", night, "--no_png", "--overwrite", "-q") == 0
    assert read_masked(target).cr.any()


def test_several_processes_give_the_same_bytes(night: Path, tmp_path: Path) -> None:
    assert reduce("--data", night, "--cpus", 2, "--no_png", "-o", tmp_path / "two", "-q") == 0
    assert reduce("--data", night, "--no_png", "-o", tmp_path / "one", "-q") == 0
    one, two = (digests(tmp_path / name) for name in ("one", "two"))
    assert {k: v for k, v in one.items() if "log" not in k} == {k: v for k, v in two.items() if "log" not in k}
    assert not (night / "masked_fits").exists()


def test_bad_files_stop_nothing(night: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = night / "banzai_frms"
    whole = (raw / f"{FIRST}.fits").read_bytes()
    (raw / "broken.fits").write_bytes(whole[: len(whole) // 2])
    (raw / "text.fits").write_text("no FITS at all")
    fits.PrimaryHDU(np.zeros(5)).writeto(raw / "line.fits")
    assert reduce("--data", night, "--no_png", "--json") == 3
    found = said(capsys)
    assert (found["aligned"]["failed"], found["labelled"]["done"]) == (3, 2)
    assert "truncated" in (night / "CR_reduction_log.txt").read_text()


def test_pixels_that_are_damaged_fail_alone(night: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = night / f"banzai_frms/{FIRST}.fits"
    content = bytearray(path.read_bytes())
    content[20_000] ^= 64
    path.write_bytes(bytes(content))
    assert reduce("--data", night, "--no_png", "--json") == 3
    found = said(capsys)
    assert (found["aligned"]["failed"], found["labelled"]["done"]) == (1, 1)


@pytest.mark.parametrize("what", ["shape", "mask", "cards", "cube", "table"])
def test_aligned_files_that_make_no_sense(night: Path, capsys: pytest.CaptureFixture[str], what: str) -> None:
    align_night(night)
    path = night / f"aligned_fits/{FIRST}_3frms_aligned.fits"
    with fits.open(path) as hdus:
        if what == "shape":
            hdus[2].data = hdus[2].data[:50]
        elif what == "mask":
            hdus["VALID_MASK"].data = hdus["VALID_MASK"].data[:50]
        elif what == "cards":
            hdus[1].header["GAIN"], hdus[2].header["RDNOISE"], hdus[3].header["SATURATE"] = -1, "eight", 0.0
            del hdus[1].header["FILENAME"], hdus[2].header["EXPTIME"]
        elif what == "cube":
            hdus[2].data = np.zeros((2, 5, 5), dtype=np.float32)
        else:
            hdus["CAT"].data = None
        hdus.writeto(path, overwrite=True, checksum=True)
    wrong = what in ("shape", "mask")
    assert reduce("--data", night, "--aligned", "--no_png", "--json") == (3 if wrong else 0)
    found = said(capsys)
    assert found["labelled"]["failed"] == int(wrong)
    if wrong:
        (entry,) = [e for e in found["labelled"]["entries"] if e["state"] == "failed"]
        assert "pixels beside" in entry["message"]


def test_the_predecessor_needs_a_read_noise(night: Path, capsys: pytest.CaptureFixture[str]) -> None:
    align_night(night)
    words = ("--data", night, "--aligned", "--no_png", "--keywords", "read_noise=RON", "--json")
    assert reduce(*words, "--compat") == 3
    assert "no RON in the header of a frame" in said(capsys)["labelled"]["entries"][0]["message"]
    assert reduce(*words) == 0


def test_a_file_is_no_folder(night: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reduce("--data", night / f"banzai_frms/{FIRST}.fits") == 4
    assert "a file, not a folder; give the folder" in capsys.readouterr().err


def test_aligned_files_skip_phase_one(night: Path, capsys: pytest.CaptureFixture[str]) -> None:
    align_night(night)
    shutil.rmtree(night / "banzai_frms")
    words = ("--snr_thres", 5, "--snr_thres_low", 2.5, "--dilation", 5, "--min_exptime", "99.", "--min_cr_size", 2)
    assert reduce("--data", night, *words, "--cpus", 1, "--aligned", "--no_png", "--comment", "c", "--json") == 0
    assert said(capsys)["labelled"]["done"] == 2
    shutil.copytree(night / "aligned_fits", night / "plain")
    (night / "plain/other.fits").write_bytes((night / f"truth/{FIRST}.fits").read_bytes())
    assert reduce("--data", night / "plain", "--aligned", "--no_png", "--json") == 0
    found = said(capsys)
    assert found["labelled"]["done"] == 2
    assert "not an aligned file" in found["skipped"][0]["reason"]
    assert (night / f"plain/masked_fits/{FIRST}_3frms_masks.fits").is_file()


def test_a_plain_folder_of_exposures_is_a_night_too(night: Path) -> None:
    assert reduce("--data", night / "banzai_frms", "--no_png", "-q") == 0
    assert (night / f"masked_fits/{FIRST}_3frms_masks.fits").is_file()
    plain = night.with_name("plain")
    (night / "banzai_frms").rename(plain)
    assert reduce("--data", plain, "--no_png", "-q") == 0
    assert (plain / f"masked_fits/{FIRST}_3frms_masks.fits").is_file()


def test_two_frames_make_a_sequence_and_one_does_not(night: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in (3, 5, 6):
        (night / f"banzai_frms/lsc1m009-fa15-20240315-{number:04d}-e91.fits").unlink()
    assert reduce("--data", night, "--no_png", "--json") == 0
    found = said(capsys)
    assert found["labelled"]["done"] == 1
    assert [s["reason"] for s in found["skipped"]] == ["1 consecutive exposure of this field, 2 are needed"]
    assert (night / f"masked_fits/{FIRST}_2frms_masks.fits").is_file()


def test_interpolated_frames_are_calibrated_too(night: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reduce("--data", night, "--no_png", "--order", "bilinear", "--json") == 0
    for record in said(capsys)["sequences"]:
        assert np.allclose(record["snr_of_empty_sky"], 1, atol=0.03)


def test_a_stack_without_labels_is_said_and_not_done_again(night: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reduce("--data", night, "--no_png", "--snr_thres", 1000, "--json") == 0
    assert [r["reason"] for r in said(capsys)["sequences"]] == ["rejected_low_cr_frac"] * 2
    assert not list((night / "masked_fits").glob("*.fits"))
    capsys.readouterr()
    assert reduce("--data", night, "--no_png", "--snr_thres", 1000, "--json") == 0
    assert said(capsys)["labelled"]["skipped"] == 2


def test_labels_of_the_predecessor(night: Path, capsys: pytest.CaptureFixture[str]) -> None:
    align_night(night)
    assert reduce("--data", night, "--aligned", "--no_png", "--compat", "--border", 20, "--json") == 0
    found = said(capsys)
    assert found["labelled"]["done"] == 2
    masked = read_masked(night / f"masked_fits/{FIRST}_3frms_masks.fits")
    score = score_masked(night / f"masked_fits/{FIRST}_3frms_masks.fits", night / "truth")
    assert (masked.ignore[:, :20] & 1).all()
    assert score.purity > 0.99


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--data", "nowhere"), 4, "nowhere: no such folder"),
        (("--data", "."), 4, "no FITS files"),
        (("--snr_thres_low", "9"), 2, "the lower one not above"),
        (("--keywords", "nonsense=X"), 2, "MEANING=CARD"),
        (("--order", "linear"), 2, "linear"),
        (("--min_frames", "1"), 2, "--min_frames"),
    ],
)
def test_mistakes_are_told_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple,
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert reduce(*words) == code
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


def test_a_dry_run_writes_nothing(night: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = digests(night)
    assert reduce("--data", night, "--dry-run", "--json") == 0
    assert f"{FIRST}_3frms_aligned.fits" in capsys.readouterr().out
    assert digests(night) == before


def test_gains_and_left_out_frames_are_seen_in_the_files(night: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A 0.4 m telescope whose counts are halved, with a satellite in one frame."""
    raw = night / "banzai_frms"
    for path in sorted(raw.iterdir()):
        with fits.open(path) as hdus:
            hdus["SCI"].data = hdus["SCI"].data / 2
            if "0002" in path.name:
                along = np.arange(150)
                for width in range(4):
                    hdus["SCI"].data[along + 20, along + 20 + width] += 900
            hdus.writeto(raw / path.name.replace("1m009", "0m409"), checksum=True)
        path.unlink()
    assert reduce("--data", night, "--comment", "small", "--json") == 0
    record = said(capsys)["sequences"][0]
    assert record["rejected_frames"] == ["lsc0m409-fa15-20240315-0002-e91"]
    assert np.allclose(record["gains"], 2, rtol=0.05)
    masked = read_masked(night / "masked_fits" / record["masked"])
    assert [h["GAIN"] for h in masked.headers] == record["gains"]
    assert len(masked.frames) == 2
    name = FIRST.replace("1m009", "0m409")
    assert (night / f"rejected_frms/{name}_3frms.png").is_file()
    assert "rejected_frames: ['lsc0m409" in (night / "CR_reduction_log.txt").read_text()


@pytest.mark.faults
def test_a_killed_run_goes_on_to_the_same_bytes(night: Path, tmp_path: Path) -> None:
    assert reduce("--data", night, "--no_png", "-o", tmp_path / "calm", "-q") == 0
    wanted = {k: v for k, v in digests(tmp_path / "calm").items() if "log" not in k}
    words = ("reduce", "--data", night, "--no_png", "-o", tmp_path / "killed", "-q")
    for state in ("aligned_fits", "masked_fits"):
        process = subprocess.Popen([sys.executable, "-c", MAIN, *map(str, words)], stdout=subprocess.DEVNULL)
        while not list((tmp_path / "killed" / state).glob("*")) and process.poll() is None:
            time.sleep(0.002)
        process.kill()
        process.wait()
    assert reduce("--data", night, "--no_png", "-o", tmp_path / "killed", "-q") == 0
    assert {k: v for k, v in digests(tmp_path / "killed").items() if "log" not in k} == wanted


def test_spectra_of_nres(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(1)
    for index in range(3):
        pixels = random.normal(310, 5, (120, 160)).astype(np.float32)
        pixels[60:62, 20 + 30 * index : 32 + 30 * index] += 900
        header = fits.Header({"GAIN": 1.0, "RDNOISE": 5.0, "EXPTIME": 600.0, "PROPID": "P", "REQNUM": "5"})
        hdus = [fits.PrimaryHDU(), fits.ImageHDU(pixels, header, name="SPECTRUM")]
        fits.HDUList(hdus).writeto(tmp_path / f"lscnrs01-fa09-20200101-000{index}-e00.fits")
    assert reduce("--data", tmp_path, "--nres", "--min_cr_size", 2, "--json") == 0
    (record,) = said(capsys)["sequences"]
    assert record["cr_pixels"] == [24, 24, 24]
    with fits.open(tmp_path / "masked_fits" / record["masked"]) as hdus:
        assert [(h.name, h.ver) for h in hdus[1:]] == [(n, v) for n in ("SPECTRUM", "CR", "IGNORE") for v in (1, 2, 3)]
        assert hdus["SPECTRUM", 1].header["MAXLIN"] == 30_000
    again = tmp_path / "again"
    again.mkdir()
    shutil.copy(tmp_path / "masked_fits" / record["masked"], again)
    assert read_masked(again / record["masked"]).cr.sum() == 72


def test_real_exposures_of_decam(real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Sky-subtracted, in ADU, other cards than LCO's; long tracks in two frames of the first field."""
    for path in (real_data / "decam_sfft").glob("*.fits"):
        shutil.copy(path, tmp_path)
    words = ("--keywords", "request=GAINA,block=,sky=", "--min_cr_size", 2, "--no_png", "--json")
    assert reduce("--data", tmp_path, *words) == 0
    first, second = said(capsys)["sequences"]
    for record in (first, second):
        assert len(record["frames"]) == 5
        assert np.allclose(record["snr_of_empty_sky"], 1, atol=0.03)
    assert first["cr_pixels"][4] > 100
    assert 40 < first["cr_pixels"][2] < 70
    assert first["cr_pixels"][:2] == [0, 0]
    masked = read_masked(tmp_path / "masked_fits" / first["masked"])
    others = np.median(masked.frames, axis=0)
    stands_out = (masked.frames - others)[masked.cr] / 30
    assert (stands_out > 2).mean() > 0.95
