"""Small FITS files to damage."""

from __future__ import annotations

import numpy as np
from astropy.io import fits


def card(text):
    return text.ljust(80).encode("ascii")


def header(*cards):
    raw = b"".join(card(c) for c in (*cards, "END"))
    return raw.ljust(-(-len(raw) // 2880) * 2880)


def minimal(*, naxis=(4, 3), bitpix=-32, extra=(), data=None):
    """A file with one image, made by hand."""
    axes = [f"NAXIS{i}  = {n:20}" for i, n in enumerate(naxis, 1)]
    head = header(f"SIMPLE  = {'T':>20}", f"BITPIX  = {bitpix:20}", f"NAXIS   = {len(naxis):20}", *axes, *extra)
    size = abs(bitpix) // 8 * int(np.prod(naxis, dtype=object)) if naxis else 0
    if data is None:
        data = b"\1" * min(size, 2**20)
    return head + data.ljust(-(-len(data) // 2880) * 2880, b"\0")


def several():
    """HDUs of every kind, with checksums when written by shared_io."""
    rng = np.random.default_rng(5)
    return [
        fits.PrimaryHDU(),
        fits.ImageHDU(rng.normal(size=(30, 20)).astype("f4"), name="SCI"),
        fits.ImageHDU(rng.integers(0, 60000, (30, 20)).astype("u2"), name="RAW"),
        fits.CompImageHDU(rng.integers(0, 99, (30, 20)).astype("i2"), name="MASK"),
        fits.BinTableHDU.from_columns(
            [
                fits.Column("x", "E", array=np.arange(7)),
                fits.Column("v", "PJ()", array=np.array([np.arange(i) for i in range(7)], dtype=object)),
            ],
            name="CAT",
        ),
    ]
