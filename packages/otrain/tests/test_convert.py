from __future__ import annotations

import gzip
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits as afits
from conftest import CARDS, SIDE, done, run, stamp, write_fits

from otrain.files.datacube import read_cube

LINE = "otrain-convert --path-datacube out --cube c --cutouts cutouts"


def loaded(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "out/datacube/c.npz", allow_pickle=False) as file:
        return dict(file)


def test_the_keys_of_the_file(cutouts: Callable[..., Path], tmp_path: Path) -> None:
    cutouts()
    assert "12 cut-outs of 20 x 20 x 1: 6 true, 6 false" in done(LINE, tmp_path)
    cube = loaded(tmp_path)
    assert (cube["cube"].shape, cube["cube"].dtype) == ((12, SIDE, SIDE, 1), np.float32)
    assert cube["labels"].tolist() == [1] * 6 + [0] * 6
    assert cube["labels"].dtype == np.int64
    for key in ("mags", "errmags", "fwhms"):
        assert (cube[key].shape, cube[key].dtype) == ((12,), np.float64)
    assert cube["candids"].tolist() == [f"{name}{k}" for name in ("true", "false") for k in range(6)]
    assert set(cube["filters"].tolist()) == {"r"}
    first = afits.getdata(tmp_path / "cutouts/true/000.fits")
    assert np.array_equal(cube["cube"][0, ..., 0], first)


@pytest.mark.parametrize("value", ["False", "F", "0", " false", False, 0, None])
def test_edge_that_is_false(cutouts: Callable[..., Path], tmp_path: Path, value: Any) -> None:
    cutouts(EDGE=value)
    assert len(loaded_after(tmp_path)["labels"]) == 12


@pytest.mark.parametrize("value", ["True", "T", "true", True, 1])
def test_edge_that_is_true(cutouts: Callable[..., Path], tmp_path: Path, value: Any) -> None:
    folder = cutouts(EDGE="False")
    with afits.open(folder / "true/003.fits", mode="update") as hdus:
        hdus[0].header["EDGE"] = value
    cube = loaded_after(tmp_path)
    assert "true3" not in cube["candids"]
    assert len(cube["labels"]) == 10


def loaded_after(folder: Path, more: str = "") -> dict[str, np.ndarray]:
    done(f"{LINE} {more}", folder)
    return loaded(folder)


def test_missing_keywords_become_nan_and_names_stay_with_their_rows(
    cutouts: Callable[..., Path], tmp_path: Path
) -> None:
    folder = cutouts()
    with afits.open(folder / "true/001.fits", mode="update") as hdus:
        for key in ("MAG", "MAGERR", "FILTER", "CANDID", "FWHM"):
            del hdus[0].header[key]
    cube = loaded_after(tmp_path)
    assert cube["candids"].tolist()[:3] == ["true0", "001.fits", "true2"]
    assert np.isnan([cube["mags"][1], cube["errmags"][1], cube["fwhms"][1]]).all()
    assert cube["mags"].dtype == np.float64
    assert cube["filters"][1] == ""


def several(folder: Path, *, cards: dict[str, Any], names: tuple[str, ...] = ("IMAGE", "TEMPLATE", "DIFF")) -> None:
    rng = np.random.default_rng(0)
    for name in ("true", "false"):
        for k in range(3):
            planes = {plane: stamp(rng, real=True) + 1000 * i for i, plane in enumerate(names)}
            write_fits(folder / "cutouts" / name / f"{k}.fits", None, {**cards, "NAME": f"{name}{k}"}, planes)


@pytest.mark.parametrize("edge", [None, "False"])
def test_of_several_extensions_the_difference_is_taken(tmp_path: Path, edge: str | None) -> None:
    cards: dict[str, Any] = {"FILTER": "g", "FWHM": 3.0, "HIERARCH mag_calib": 17.25}
    several(tmp_path, cards=cards if edge is None else {**cards, "EDGE": edge})
    cube = loaded_after(tmp_path)
    assert cube["cube"].shape == (6, SIDE, SIDE, 1)
    assert 1900 < np.median(cube["cube"]) < 2300
    assert set(cube["mags"]) == {17.25}
    assert cube["candids"][0] == "true0"


def test_planes_are_stacked(tmp_path: Path) -> None:
    several(tmp_path, cards={"FILTER": "g"}, names=("Sci", "ref", "Diff"))
    cube = loaded_after(tmp_path, "--planes all")
    assert cube["planes"].tolist() == ["science", "template", "difference"]
    assert [int(round(np.median(cube["cube"][..., k]), -3)) for k in range(3)] == [0, 1000, 2000]
    cube = loaded_after(tmp_path, "--planes difference 1 --overwrite")
    assert [int(round(np.median(cube["cube"][..., k]), -3)) for k in range(2)] == [2000, 0]
    code, _, errors = run(f"{LINE} --planes mask --overwrite", tmp_path)
    assert code == 4
    assert "no extension mask" in errors
    assert "difference" in errors


def test_extensions_without_difference(tmp_path: Path) -> None:
    several(tmp_path, cards={}, names=("A", "B"))
    assert 50 < np.median(loaded_after(tmp_path)["cube"]) < 200


def test_planes_of_one_image(tmp_path: Path) -> None:
    for name in ("true", "false"):
        data = np.arange(3 * 20 * 20, dtype="f4").reshape(3, 20, 20)
        write_fits(tmp_path / "cutouts" / name / "a.fits", data, CARDS)
    cube = loaded_after(tmp_path, "--cutout-size 17")
    assert cube["cube"].shape == (2, 17, 17, 3)
    assert np.array_equal(cube["cube"][0, ..., 2], data[2, 2:19, 2:19])


@pytest.mark.parametrize("kind", ["fit", "fits.gz", "fits.fz", "scaled", "integers"])
def test_every_kind_of_fits(cutouts: Callable[..., Path], tmp_path: Path, kind: str) -> None:
    folder = cutouts(true=2, false=2)
    wanted = []
    for path in sorted(folder.rglob("*.fits")):
        with afits.open(path) as hdus:
            data, header = np.round(hdus[0].data), hdus[0].header
        wanted.append(data.copy())
        path.unlink()
        if kind == "fits.gz":
            path.with_suffix(".fits.gz").write_bytes(gzip.compress(b"".join(_bytes(data, header))))
        elif kind == "fits.fz":
            compressed = afits.CompImageHDU(data.astype("i2"), header, compression_type="RICE_1")
            afits.HDUList([afits.PrimaryHDU(), compressed]).writeto(path.with_suffix(".fits.fz"))
        elif kind == "scaled":
            hdu = afits.PrimaryHDU(data, header)
            hdu.scale("int16", bscale=0.5, bzero=100)
            hdu.writeto(path)
        else:
            afits.PrimaryHDU(data.astype("i4") if kind == "integers" else data, header).writeto(
                path.with_suffix(".fit" if kind == "fit" else ".fits")
            )
    cube = loaded_after(tmp_path)
    true_first = [*wanted[2:], *wanted[:2]]
    assert np.array_equal(cube["cube"][..., 0], np.array(true_first))


def _bytes(data: np.ndarray, header: afits.Header) -> list[bytes]:
    import io

    out = io.BytesIO()
    afits.PrimaryHDU(data, header).writeto(out)
    return [out.getvalue()]


def test_shapes_that_differ(cutouts: Callable[..., Path], tmp_path: Path) -> None:
    folder = cutouts()
    rng = np.random.default_rng(5)
    write_fits(folder / "true/odd.fits", stamp(rng, real=True, side=25), {**CARDS, "CANDID": "odd"})
    code, out, _ = run(LINE, tmp_path)
    assert code == 3
    assert "odd.fits: 25 x 25 pixels" in out
    assert len(loaded(tmp_path)["labels"]) == 12
    cube = loaded_after(tmp_path, "--cutout-size 16 --all --overwrite")
    assert cube["cube"].shape == (13, 16, 16, 1)
    assert cube["cube"][cube["candids"] == "odd"][0, 8, 8, 0] > 150


def test_a_damaged_file_does_not_stop_the_others(cutouts: Callable[..., Path], tmp_path: Path) -> None:
    folder = cutouts()
    whole = (folder / "false/002.fits").read_bytes()
    (folder / "false/002.fits").write_bytes(whole[:3000])
    (folder / "true/empty.fits").write_bytes(b"")
    code, out, errors = run(LINE, tmp_path)
    assert code == 3
    assert "002.fits" in out
    assert "empty.fits" in out
    assert "Traceback" not in out + errors
    assert loaded(tmp_path)["labels"].tolist() == [1] * 5 + [0] * 5


def test_balance_is_drawn_at_random_with_a_seed(cutouts: Callable[..., Path], tmp_path: Path) -> None:
    cutouts(true=4, false=20)
    one = loaded_after(tmp_path)
    assert one["labels"].tolist() == [1] * 4 + [0] * 4
    drawn = [int(name.removeprefix("false")) for name in one["candids"][4:]]
    assert drawn == sorted(drawn) != list(range(4))
    again = loaded_after(tmp_path, "--overwrite --no-resume")
    assert all(np.array_equal(one[key], again[key], equal_nan=one[key].dtype.kind == "f") for key in one)
    other = loaded_after(tmp_path, "--seed 5 --overwrite")
    assert other["candids"].tolist() != one["candids"].tolist()
    few = loaded_after(tmp_path, "--frac_true 0.8 --overwrite")
    assert few["labels"].tolist() == [1] * 4 + [0]
    assert len(loaded_after(tmp_path, "--all --overwrite")["labels"]) == 24


def test_missing_pixels_stay_missing(cutouts: Callable[..., Path], tmp_path: Path) -> None:
    folder = cutouts()
    with afits.open(folder / "true/000.fits", mode="update") as hdus:
        hdus[0].data[3, 4] = np.nan
    cube = loaded_after(tmp_path)["cube"]
    assert np.argwhere(np.isnan(cube)).tolist() == [[0, 3, 4, 0]]


def test_running_again(cutouts: Callable[..., Path], tmp_path: Path) -> None:
    folder = cutouts()
    done(LINE, tmp_path)
    before = (tmp_path / "out/datacube/c.npz").read_bytes()
    assert "1 skipped" in done(LINE, tmp_path)
    (folder / "true/000.fits").unlink()
    code, _, errors = run(LINE, tmp_path)
    assert code == 6
    assert (tmp_path / "out/datacube/c.npz").read_bytes() == before
    assert "9" not in errors or "in the way" in errors
    done(f"{LINE} --overwrite", tmp_path)
    assert (tmp_path / "out/datacube/c.npz").read_bytes() != before


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    code, _, errors = run(LINE, tmp_path)
    assert (code, errors.count("\n")) == (4, 1)
    (tmp_path / "cutouts/True").mkdir(parents=True)
    code, _, errors = run(LINE, tmp_path)
    assert code == 4
    assert "no file ending" in errors or "no folder 'false'" in errors


def test_names_of_class_folders_in_capitals(cutouts: Callable[..., Path], tmp_path: Path) -> None:
    folder = cutouts()
    (folder / "true").rename(folder / "True")
    (folder / "false").rename(folder / "FALSE")
    assert len(loaded_after(tmp_path)["labels"]) == 12


def test_a_cube_is_mapped_not_loaded(cutouts: Callable[..., Path], tmp_path: Path) -> None:
    cutouts()
    done(LINE, tmp_path)
    cube = read_cube(tmp_path / "out/datacube/c.npz")
    assert isinstance(cube.pixels, np.memmap)
    assert cube.planes == ("difference",)
    assert len(cube.data) == 64


def test_chunks_and_balance_give_what_one_piece_gives(monkeypatch: pytest.MonkeyPatch, cutouts: Callable[..., Path],
                                                      tmp_path: Path) -> None:  # fmt: skip
    cutouts(true=9, false=23)
    whole = loaded_after(tmp_path, "--frac-true 0.4")
    monkeypatch.setattr("otrain.files.fits_cutouts.CHUNK", 4)
    monkeypatch.setattr("otrain.files.spill.BLOCK", 3)
    small = loaded_after(tmp_path, "--frac-true 0.4 --overwrite --no-resume")
    assert all(np.array_equal(whole[key], small[key], equal_nan=whole[key].dtype.kind == "f") for key in whole)


@pytest.mark.parametrize("wait", [0.3, 0.5, 0.7])
def test_a_killed_run_is_done_again_to_the_same_bytes(
    cutouts: Callable[..., Path], tmp_path: Path, wait: float
) -> None:
    cutouts(true=150, false=150)
    done(f"{LINE} --frac-true 0.4", tmp_path)
    target = tmp_path / "out/datacube/c.npz"
    whole = target.read_bytes()
    target.unlink()
    (target.parent / ".otrain-convert.ledger").unlink()
    program = Path(sys.executable).with_name("otrain-convert")
    words = [program, *LINE.split()[1:], "--frac-true", "0.4"]
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(wait)
        process.kill()
    assert not target.exists() or target.read_bytes() == whole
    done(f"{LINE} --frac-true 0.4", tmp_path)
    assert target.read_bytes() == whole
    assert sorted(path.name for path in target.parent.iterdir()) == [".otrain-convert.ledger", "c.npz"]


def test_memory_does_not_grow_with_the_number_of_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("otrain.files.fits_cutouts.CHUNK", 100)
    monkeypatch.setattr("otrain.files.spill.BLOCK", 100)
    monkeypatch.setattr("otrain.files.spill.MEMORY", 1000)
    _copies(tmp_path / "warm", 300)
    done(LINE, tmp_path / "warm")
    peaks = {}
    for number in (1000, 3000):
        _copies(tmp_path / str(number), number)
        # the least of two: in one of them Python may enlarge its table of all names, by megabytes
        peaks[number] = min(_peak(tmp_path / str(number)) for _ in range(2))
    assert (peaks[3000] - peaks[1000]) / 2000 < 150


def _peak(folder: Path) -> int:
    tracemalloc.start()
    try:
        done(f"{LINE} --frac-true 0.4 --overwrite --no-resume", folder)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _copies(folder: Path, number: int) -> None:
    for name in ("true", "false"):
        place = folder / "cutouts" / name
        write_fits(place / "survey_20240301_000000.fits", np.zeros((8, 8), "f4"), {**CARDS, "CANDID": "1" * 18})
        for k in range(1, number // 2):
            (place / f"survey_20240301_{k:06d}.fits").hardlink_to(place / "survey_20240301_000000.fits")


def test_text_is_as_wide_as_the_widest_of_all_parts(monkeypatch: pytest.MonkeyPatch, cutouts: Callable[..., Path],
                                                    tmp_path: Path) -> None:  # fmt: skip
    folder = cutouts(true=2, false=9)
    with afits.open(folder / "false/000.fits", mode="update") as hdus:
        hdus[0].header["FILTER"] = "infrared"
    whole = loaded_after(tmp_path, "--seed 1")
    before = (tmp_path / "out/datacube/c.npz").read_bytes()
    assert set(whole["filters"]) == {"r"}
    assert whole["filters"].dtype == "U8"
    monkeypatch.setattr("otrain.files.fits_cutouts.CHUNK", 2)
    done(f"{LINE} --seed 1 --overwrite --no-resume", tmp_path)
    assert (tmp_path / "out/datacube/c.npz").read_bytes() == before
