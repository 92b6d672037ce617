"""Exposures of other observatories than LCO: other headers, other layouts, other units, other air."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from shared_io import cli
from stacks import exposures, field, showers, stacked

from cosmic_conn.cli import app
from cosmic_conn.files.sequences import read_masked
from cosmic_conn.labelling.label import label_stack
from cosmic_conn.labelling.stack import Rules

SHAPE = (200, 220)
CARDS = {"EXPTIME": 120.0, "RDNOISE": 8.0, "GAIN": 1.0, "FILTER": "r", "REQNUM": "1", "MOLNUM": "1", "WCSERR": 0}
SYSTEM = {
    "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 150.0, "CRVAL2": 2.0, "CRPIX1": 110.5, "CRPIX2": 100.5,
    "CD1_1": -1e-4, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 1e-4,
}  # fmt: skip
SIP = {"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "A_ORDER": 2, "B_ORDER": 2, "A_2_0": 1e-5, "B_0_2": 1e-5}
TPV = {"CTYPE1": "RA---TPV", "CTYPE2": "DEC--TPV", "PV1_1": 1.0, "PV1_4": 1e-3, "PV2_1": 1.0}
GAINS = (1.0, 2.0, 0.5)


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return exposures(field(SHAPE, 25), 3) + showers(SHAPE, 3)


def header(index: int, without: tuple[str, ...] = (), **more: object) -> fits.Header:
    cards = {**CARDS, **SYSTEM, "DATE-OBS": f"2020-01-01T00:0{index}:00", **more}
    return fits.Header({name: value for name, value in cards.items() if name not in without})


def plain(index: int, pixels: np.ndarray, **more: object) -> fits.HDUList:
    return fits.HDUList([fits.PrimaryHDU(pixels, header(index, **more))])


def in_extension(index: int, pixels: np.ndarray) -> fits.HDUList:
    """The image behind a table, its WCS with it, all else in the primary header."""
    whole = header(index)
    primary = fits.Header([card for card in whole.cards if card.keyword not in SYSTEM])
    image = fits.ImageHDU(pixels, fits.Header([card for card in whole.cards if card.keyword in SYSTEM]), name="IMAGE")
    return fits.HDUList([fits.PrimaryHDU(header=primary), fits.BinTableHDU(name="TAB"), image])


def renamed(index: int, pixels: np.ndarray) -> fits.HDUList:
    cards = {"EXPOSED": "120.0", "EGAIN": 1.0, "RON": 8.0}
    return plain(index, pixels, without=("EXPTIME", "GAIN", "RDNOISE", "REQNUM", "MOLNUM"), **cards)


LAYOUTS: dict[str, tuple[Callable[[int, np.ndarray], fits.HDUList], str]] = {
    "as LCO": (plain, ""),
    "no names of blocks": (lambda i, p: plain(i, p, without=("FILTER", "REQNUM", "MOLNUM", "WCSERR")), ""),
    "no dates": (lambda i, p: plain(i, p, without=("DATE-OBS",)), ""),
    "other cards, numbers as text": (renamed, "exposure=EXPOSED,gain=EGAIN,read_noise=RON"),
    "no exposure time": (lambda i, p: plain(i, p, without=("EXPTIME",)), "exposure="),
    "SIP": (lambda i, p: plain(i, p, **SIP), ""),
    "TPV": (lambda i, p: plain(i, p, **TPV), ""),
    "in an extension": (in_extension, ""),
    "other gains": (lambda i, p: plain(i, p / np.float32(GAINS[i]), GAIN=GAINS[i]), ""),
    "big-endian doubles": (lambda i, p: plain(i, p.astype(">f8")), ""),
}


def written(folder: Path, frames: np.ndarray, make: Callable[[int, np.ndarray], fits.HDUList]) -> Path:
    folder.mkdir()
    for index, pixels in enumerate(frames):
        make(index, pixels).writeto(folder / f"exposure{index}.fits")
    return folder


def reduced(folder: Path, *words: str) -> int:
    argv = ["reduce", "--data", str(folder), "--no_png", "--min_cr_size", "2", *words]
    return cli.execute(app, prog="cosmic-conn", argv=argv)


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_labels_do_not_depend_on_how_it_is_written(name: str, frames: np.ndarray, tmp_path: Path) -> None:
    make, keywords = LAYOUTS[name]
    folder = written(tmp_path / "night", frames, make)
    assert reduced(folder, *(["--keywords", keywords] if keywords else [])) == 0
    (path,) = (folder / "masked_fits").glob("*.fits")
    wanted = label_stack(stacked(frames), Rules(min_cr_size=2)).cr
    found = read_masked(path).cr
    assert wanted.sum() > 100
    assert (found != wanted).sum() <= 0.02 * wanted.sum()


def test_unsigned_integers_are_read_with_their_zero(frames: np.ndarray, tmp_path: Path) -> None:
    counts = np.clip(np.rint(frames), 0, 65535).astype(np.uint16)
    folder = written(tmp_path / "night", counts, plain)
    assert reduced(folder) == 0
    (path,) = (folder / "masked_fits").glob("*.fits")
    wanted = label_stack(stacked(counts.astype(np.float32)), Rules(min_cr_size=2)).cr
    assert np.array_equal(read_masked(path).cr, wanted)


@pytest.mark.parametrize(("without", "reason"), [(("EXPTIME",), "no exposure time"), (tuple(SYSTEM), "no astrometry")])
def test_what_is_missing_is_said(
    without: tuple[str, ...], reason: str, frames: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written(tmp_path / "night", frames, lambda i, p: plain(i, p, without=without))
    assert reduced(folder) == 0
    told = capsys.readouterr().out
    assert f"3 exposures in no sequence: {reason}" in told
    assert "--keywords" in told


def test_exposures_of_other_lengths_are_not_compared(frames: np.ndarray, tmp_path: Path) -> None:
    folder = written(tmp_path / "night", frames, lambda i, p: plain(i, p, EXPTIME=(60.0, 120.0, 121.0)[i]))
    assert reduced(folder, "--min_exptime", "30") == 0
    (record,) = (folder / "masked_fits").glob("*.json")
    assert json.loads(record.read_text())["frames"] == ["exposure1", "exposure2"]


def test_of_two_exposures_one_with_a_satellite_gives_no_labels(frames: np.ndarray, tmp_path: Path) -> None:
    pair = frames[:2].copy()
    along = np.arange(180)
    for width in range(4):
        pair[1, along + 10, along + 15 + width] += 900
    folder = written(tmp_path / "night", pair, plain)
    assert reduced(folder) == 0
    (record,) = (folder / "masked_fits").glob("*.json")
    assert json.loads(record.read_text())["reason"] == "rejected_less_than_2_frames"


@pytest.mark.parametrize(
    "air",
    [
        [(3.5, 1.0), (3.5, 0.5)],
        [(3.5, 1.0), (3.5, 0.5), (3.5, 0.5)],
        [(3.0, 1.0), (4.8, 1.0)],
        [(3.0, 1.0), (4.8, 1.0), (4.8, 1.0)],
        [(3.0, 1.0), (4.8, 1.0), (3.2, 0.5), (3.5, 0.9), (3.0, 1.0)],
    ],
)
def test_clouds_and_bad_seeing_make_no_cosmic_rays_and_hide_none(air: list[tuple[float, float]]) -> None:
    shape = (400, 400)
    frames = [exposures(clear * field(shape, 80, fwhm=fwhm), 1, seed=i)[0] for i, (fwhm, clear) in enumerate(air)]
    charge = showers(shape, len(air))
    found = label_stack(stacked(np.array(frames)), Rules(min_cr_size=2, min_cr_fraction=0.0))
    assert found.cr.sum() <= 3 * len(air)
    found = label_stack(stacked(np.array(frames) + charge), Rules(min_cr_size=2))
    strong = (charge >= 8 * np.sqrt(264)) & ((found.ignore & 7) == 0)
    assert found.cr[strong].mean() > 0.95  # single pixels, which are ignored, among them
