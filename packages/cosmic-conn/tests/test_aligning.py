from __future__ import annotations

import numpy as np
import pytest
from astropy.io.fits import Header
from astropy.wcs import WCS

from cosmic_conn.files.exposures import with_system_of
from cosmic_conn.labelling.aligning import align, reference_of

SHAPE = (60, 70)


def system(dy: float = 0.0, dx: float = 0.0, turn: float = 0.0) -> WCS:
    found = WCS(naxis=2)
    found.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    found.wcs.crval = [150.0, -30.0]
    found.wcs.crpix = [35.0 - dx, 30.0 - dy]
    step, angle = 1e-4, np.radians(turn)
    found.wcs.cd = step * np.array([[-np.cos(angle), np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return found


def sky(dy: int = 0, dx: int = 0) -> np.ndarray:
    """A frame cut out of a wide field."""
    wide = np.random.default_rng(1).normal(100, 10, (SHAPE[0] + 40, SHAPE[1] + 40)).astype(np.float32)
    return wide[20 + dy : 20 + dy + SHAPE[0], 20 + dx : 20 + dx + SHAPE[1]]


def test_whole_shifts_move_pixels_as_they_are() -> None:
    shifts = [(3, -5), (0, 0), (-7, 4)]
    frames, valid = align([sky(*s) for s in shifts], [system(*s) for s in shifts])
    assert reference_of(3) == 1
    assert np.array_equal(frames[1], sky())
    for frame in frames:
        assert np.array_equal(frame[valid], sky()[valid])
    assert valid.sum() == (60 - 3 - 7) * (70 - 5 - 4)


def test_nearest_neighbours_are_pixels_of_the_frame() -> None:
    frame = sky()
    found, valid = align([frame, frame], [system(turn=2.0), system()])
    assert 0.8 < valid.mean() < 1
    assert np.isin(found[0][valid], frame).all()


def test_other_orders_interpolate() -> None:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    ramp = (2.0 * x + y).astype(np.float32)
    found, valid = align([ramp, ramp], [system(0.25, 0.5), system()], order="bilinear")
    inner = np.s_[2:-2, 2:-2]
    assert valid[inner].all()
    assert np.allclose(found[0][inner], (ramp - 1.25)[inner], atol=0.01)


def test_missing_pixels_are_not_valid_and_filled() -> None:
    frame = sky().copy()
    frame[20, 30] = np.nan
    for order, count in (("nearest-neighbor", 1), ("bilinear", 1)):
        found, valid = align([frame, sky()], [system(), system()], order)
        assert not valid[20, 30]
        assert valid.sum() == valid.size - count
        assert found[0, 20, 30] == np.float32(np.nanmedian(frame))
    _, valid = align([frame, sky()], [system(0.5, 0.5), system()], "bilinear")
    assert not valid[20:22, 30:32].any()


def test_frames_without_overlap_have_no_valid_pixel() -> None:
    found, valid = align([sky(), sky()], [system(500, 0), system()])
    assert not valid.any()
    assert (found[0] == 0).all()


@pytest.mark.parametrize("card", ["CRVAL1", "CRPIX2", "CD1_2", "PV2_1", "A_ORDER", "CTYPE1"])
def test_a_header_takes_over_the_whole_system(card: str) -> None:
    own, other = Header(), Header()
    own[card], own["EXPTIME"], own["A_2_0"] = "own", 5.0, 1.0
    other[card], other["EXPTIME"] = "other", 7.0
    found = with_system_of(own, other, "frame")
    assert (found[card], found["EXPTIME"], found["FILENAME"]) == ("other", 5.0, "frame")
    assert "A_2_0" not in found
    assert own[card] == "own"
