from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from shared_io.errors import SchemaMismatch

from cosmic_conn.files.sequences import is_aligned, read_aligned, read_masked

SHAPE = (20, 24)


def planes(count: int = 3) -> dict[str, np.ndarray]:
    """Frames and masks that no two positions have in common."""
    random = np.random.default_rng(4)
    return {
        "SCI": random.normal(100, 5, (count, *SHAPE)).astype(np.float32),
        "CR": (random.random((count, *SHAPE)) < 0.1).astype(np.uint8),
        "IGNORE": random.choice(np.array([0, 1, 2, 4, 8], dtype=np.uint8), (count, *SHAPE)),
        "MASK_HIGH": (random.random((count, *SHAPE)) < 0.1).astype(np.uint8),
    }


def old_file(path: Path, order: tuple[str, ...], *, versions: bool = True, names: bool = True) -> dict[str, np.ndarray]:
    """A masked file as Cosmic-CoNN lays it out: EXTVER from 0, IGNORE without one."""
    made = planes()
    hdus: list[object] = [fits.PrimaryHDU(), *(fits.ImageHDU(p, name="SCI", ver=j) for j, p in enumerate(made["SCI"]))]
    hdus.append(fits.CompImageHDU(np.ones(SHAPE, dtype=np.uint8), name="VALID_MASK"))
    hdus.append(fits.BinTableHDU.from_columns([fits.Column("x", "D", array=[1.0])], name="CAT"))
    for name in order:
        for j, plane in enumerate(made[name]):
            hdu = fits.CompImageHDU(plane, name=name if names else None, compression_type="RICE_1")
            if versions and name != "IGNORE":
                hdu.header["EXTVER"] = j
            hdus.append(hdu)
    fits.HDUList(hdus).writeto(path)
    return made


@pytest.mark.parametrize("order", [("CR", "IGNORE"), ("CR", "MASK_HIGH", "IGNORE")], ids=["plain", "debug"])
@pytest.mark.parametrize("versions", [True, False])
def test_files_of_the_predecessor_are_read(tmp_path: Path, order: tuple[str, ...], versions: bool) -> None:
    made = old_file(tmp_path / "old.fits", order, versions=versions)
    found = read_masked(tmp_path / "old.fits")
    assert np.array_equal(found.frames, made["SCI"])
    assert np.array_equal(found.cr, made["CR"] > 0)
    assert np.array_equal(found.ignore, made["IGNORE"])
    assert found.valid.all()
    assert len(found.headers) == 3


def test_masks_without_names_are_read_by_their_position(tmp_path: Path) -> None:
    made = old_file(tmp_path / "old.fits", ("CR", "IGNORE"), names=False)
    found = read_masked(tmp_path / "old.fits")
    assert np.array_equal(found.cr, made["CR"] > 0)
    assert np.array_equal(found.ignore, made["IGNORE"])


def test_spectra_have_their_masks_right_behind_them(tmp_path: Path) -> None:
    made = planes(2)
    hdus = [fits.PrimaryHDU()]
    for name, old in (("SPECTRUM", "SCI"), ("CR", "CR"), ("IGNORE", "IGNORE")):
        hdus += [fits.ImageHDU(plane, name=name, ver=j + 1) for j, plane in enumerate(made[old])]
    fits.HDUList(hdus).writeto(tmp_path / "spectra.fits")
    found = read_masked(tmp_path / "spectra.fits")
    assert np.array_equal(found.frames, made["SCI"])
    assert np.array_equal(found.cr, made["CR"] > 0)
    assert read_aligned(tmp_path / "spectra.fits").spectra


def test_masks_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    old_file(tmp_path / "old.fits", ("CR",))
    with pytest.raises(SchemaMismatch, match="0 extensions IGNORE for 3 frames"):
        read_masked(tmp_path / "old.fits")
    fits.PrimaryHDU(np.zeros(SHAPE)).writeto(tmp_path / "one.fits")
    with pytest.raises(SchemaMismatch, match="no two frames"):
        read_masked(tmp_path / "one.fits")
    assert not is_aligned(tmp_path / "one.fits")
    assert not is_aligned(tmp_path / "old.fits")
