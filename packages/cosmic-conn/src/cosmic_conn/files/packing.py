"""Images compressed inside FITS files, the same bytes every time, strip by strip where they are large."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from shared_io import fits

__all__ = ["Packer", "packed"]

_BLOCK = 2880  # bytes that headers and data of FITS files are filled up to


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


class Packer:
    """An extension as of `packed`, of which never more than some rows are held unpacked.

    Each row of such an image is compressed by itself, so the tables of strips are those of the whole, one behind the
    other, with the places of the rows in the heap moved on.

    Parameters
    ----------
    name, version, kind
        As for `packed`.
    """

    def __init__(self, name: str, version: int, kind: str = "RICE_1") -> None:
        self._what = name, version, kind
        self._header: Any = None
        self._rows: list[npt.NDArray[np.int32]] = []
        self._heap = bytearray()

    def add(self, pixels: npt.NDArray[Any]) -> None:
        """Add the rows that follow, at least one of them."""
        from astropy.io.fits import Header

        raw = _written(packed(pixels, *self._what))
        header = Header.fromstring(raw)
        table = raw[len(header.tostring()) :]
        split = header["NAXIS1"] * header["NAXIS2"]
        if header["NAXIS1"] != 8:
            raise AssertionError("a row of a compressed image is a length and a place")
        rows = np.frombuffer(table[:split], ">i4").reshape(-1, 2).astype(np.int32)
        rows[:, 1] += len(self._heap)
        self._rows.append(rows)
        self._heap += table[split : split + header["PCOUNT"]]
        self._header = self._header or header

    def hdu(self) -> Any:
        """Return the extension as the table that holds it: astropy writes this as it is, without unpacking it."""
        from astropy.io.fits import BinTableHDU

        rows = np.concatenate(self._rows)
        header = self._header.copy()
        header["NAXIS2"] = header["ZNAXIS2"] = len(rows)
        header["PCOUNT"] = len(self._heap)
        header["TFORM1"] = f"{header['TFORM1'].partition('(')[0]}({rows[:, 0].max()})"
        data = rows.astype(">i4").tobytes() + bytes(self._heap)
        raw = header.tostring().encode() + data.ljust(-(-len(data) // _BLOCK) * _BLOCK, b"\0")
        with fits.quiet():
            return BinTableHDU.fromstring(raw)


def _written(hdu: Any) -> bytes:
    """Return an extension as it is written behind an empty primary HDU."""
    from astropy.io.fits import HDUList, PrimaryHDU

    file = io.BytesIO()
    HDUList([PrimaryHDU(), hdu]).writeto(file)
    return file.getvalue()[_BLOCK:]
