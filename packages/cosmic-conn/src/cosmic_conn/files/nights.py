"""Simulated exposures as LCO's pipeline BANZAI writes them, and the truth about them."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from shared_io import fits
from shared_io.provenance import Provenance

from cosmic_conn.files.packing import packed
from cosmic_conn.files.sequences import CATALOGUE, IMAGE
from cosmic_conn.simulate.nights import Camera, Night, Shot

__all__ = ["CHARGE", "EXPOSED", "TRAIL", "shot_name", "write_shot", "write_truth"]

CHARGE, TRAIL = "CHARGE", "TRAIL"
"""Extensions of a truth file: charge of cosmic rays [e-, whole numbers], and pixels of a satellite."""

EXPOSED = 300.0
"""Exposure time [s]."""

_SCALE = 0.389  # [arcsec/pixel]
_TURN = np.radians(0.3)  # of the detector on the sky
_DUSK = datetime(2024, 3, 15, 1, 0, tzinfo=UTC)
_DAY = "20240315"


def shot_name(night: Night, index: tuple[int, int]) -> str:
    """Return the name of an exposure, without suffix."""
    return f"lsc1m009-fa15-{_DAY}-{index[0] * night.frames + index[1] + 1:04d}-e91"


def write_shot(
    path: str | os.PathLike[str],
    night: Night,
    camera: Camera,
    shot: Shot,
    index: tuple[int, int],
    provenance: Provenance,
) -> None:
    """Write an exposure with its BPM and CAT, replacing an earlier one.

    Raises
    ------
    WriteFailed
        When it cannot be put there.
    """
    from astropy.io.fits import ImageHDU, PrimaryHDU

    image = ImageHDU(shot.pixels, _header(night, camera, shot, index), name=IMAGE, ver=1)
    hdus = [PrimaryHDU(), image, packed(camera.bad, "BPM", 1), _catalogue(shot)]
    fits.write(path, hdus, overwrite=True, provenance=provenance)


def write_truth(
    path: str | os.PathLike[str], night: Night, shot: Shot, index: tuple[int, int], provenance: Provenance
) -> None:
    """Write the charge of the cosmic rays and the trail of a satellite, replacing an earlier file.

    Raises
    ------
    WriteFailed
        When it cannot be put there.
    """
    from astropy.io.fits import PrimaryHDU

    charge = packed(np.rint(shot.charge).astype(np.int32), CHARGE, 1)
    _with_system(charge.header, night, shot, index[0])
    fits.write(path, [PrimaryHDU(), charge, packed(shot.trail, TRAIL, 1)], overwrite=True, provenance=provenance)


def _header(night: Night, camera: Camera, shot: Shot, index: tuple[int, int]) -> Any:
    from astropy.io.fits import Header

    number = index[0] * night.frames + index[1]
    start = _DUSK + timedelta(seconds=(EXPOSED + 40) * number)
    header = Header()
    header["TELESCOP"], header["SITEID"], header["INSTRUME"] = "1m0-09", "lsc", "fa15"
    header["OBSTYPE"], header["OBJECT"], header["FILTER"] = "EXPOSE", f"field {index[0] + 1}", "rp"
    header["DATE-OBS"] = (start.strftime("%Y-%m-%dT%H:%M:%S"), "simulated")
    header["EXPTIME"] = (EXPOSED, "[s]")
    header["REQNUM"], header["MOLNUM"] = str(1000 + index[0]), 1
    header["FRMTOTAL"], header["MOLFRNUM"] = night.frames, index[1] + 1
    header["PROPID"] = "simulation"
    header["GAIN"] = (camera.detector.gain, "[e-/ADU]")
    header["RDNOISE"] = (camera.detector.read_noise, "[e-]")
    header["SATURATE"] = (camera.detector.full_well / camera.detector.gain, "[ADU]")
    header["L1MEDIAN"] = (round(float(np.median(shot.pixels)), 3), "[ADU]")
    header["L1FWHM"] = (round(shot.seeing * _SCALE, 3), "[arcsec]")
    header["WCSERR"] = 0
    header["FILENAME"] = f"{shot_name(night, index)}.fits"
    return _with_system(header, night, shot, index[0])


def _with_system(header: Any, night: Night, shot: Shot, field: int) -> Any:
    """Add a gnomonic projection; the sky is where it is, the frame is shifted on it."""
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CRVAL1"], header["CRVAL2"] = 150.0 + 2.0 * field, -30.0 + field
    header["CRPIX1"] = round(night.side / 2 + 0.5 - shot.shift[1], 6)
    header["CRPIX2"] = round(night.side / 2 + 0.5 - shot.shift[0], 6)
    step = _SCALE / 3600
    header["CD1_1"], header["CD1_2"] = -step * np.cos(_TURN), step * np.sin(_TURN)
    header["CD2_1"], header["CD2_2"] = step * np.sin(_TURN), step * np.cos(_TURN)
    return header


def _catalogue(shot: Shot) -> Any:
    from astropy.io.fits import BinTableHDU, Column

    names, units = ("x", "y", "flux"), ("pixel", "pixel", "adu")
    columns = [
        Column(name, "D", unit=unit, array=shot.stars[:, place])
        for place, (name, unit) in enumerate(zip(names, units, strict=True))
    ]
    return BinTableHDU.from_columns(columns, name=CATALOGUE, ver=1)
