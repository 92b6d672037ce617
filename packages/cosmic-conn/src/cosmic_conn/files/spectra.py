"""Repeated spectra of LCO's NRES, read into one stack."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from shared_io.errors import SchemaMismatch

from cosmic_conn.files.exposures import read_frame
from cosmic_conn.files.sequences import Aligned
from cosmic_conn.labelling.naming import base_name
from cosmic_conn.labelling.spectra import LINEAR, SATURATED

__all__ = ["read_spectra"]


def read_spectra(paths: Sequence[Path]) -> Aligned:
    """Read repeated exposures of a spectrum; they are on one grid as they are.

    The limits of NRES, MAXLIN and SATURATE, are written into their headers.

    Raises
    ------
    SharedIOError
        When one of them is damaged, has no extension SPECTRUM, or another shape.
    """
    from astropy.io.fits import Header

    frames = [read_frame(path, spectrum=True) for path in paths]
    for frame, path in zip(frames, paths, strict=True):
        if frame.pixels.shape != frames[0].pixels.shape:
            raise SchemaMismatch("another shape than the spectra before it", path=path)
        frame.header["MAXLIN"] = (LINEAR, "[ADU] end of the linear range")
        frame.header["SATURATE"] = (SATURATED, "[ADU] saturation level")
        frame.header["FILENAME"] = (base_name(path), "of this frame")
    pixels = np.stack([frame.pixels for frame in frames])
    valid = np.asarray(np.isfinite(pixels).all(axis=0))
    return Aligned(pixels, valid, tuple(f.header for f in frames), Header(), spectra=True)
