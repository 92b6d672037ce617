"""Images compressed inside FITS files, the same bytes every time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["packed"]


def packed(pixels: npt.NDArray[Any], name: str, version: int, kind: str = "RICE_1") -> Any:
    """Return an extension of integers compressed without loss.

    Not by GZIP: astropy writes the time of day into it.

    Parameters
    ----------
    pixels : ndarray of integers or bool, shape (height, width)
    name, version
        EXTNAME and EXTVER.
    kind
        ``RICE_1`` or ``PLIO_1``.
    """
    from astropy.io.fits import CompImageHDU

    plain = pixels.astype(np.uint8) if pixels.dtype == bool else pixels
    hdu = CompImageHDU(plain, name=name, compression_type=kind, quantize_level=0)
    hdu.header["EXTVER"] = (version, "of the image that this belongs to")
    return hdu
