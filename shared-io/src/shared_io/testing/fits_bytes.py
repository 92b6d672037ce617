"""FITS files made by hand, card by card, so that any card can be wrong."""

from __future__ import annotations

import numpy as np

__all__ = ["BLOCK", "PRIMARY", "binary_table", "card", "extension", "header", "image", "padded"]

BLOCK = 2880


def card(key: str, value: object) -> str:
    """Return a card: text that begins with a quote as it is, anything else to the right."""
    text = str(value)
    return f"{key:8}= {text if text.startswith(chr(39)) else text.rjust(20)}"


def header(cards: dict[str, object], *, end: bool = True) -> bytes:
    """Return the blocks of a header."""
    lines = [card(key, value) for key, value in cards.items()] + (["END"] if end else [])
    return padded("".join(line.ljust(80) for line in lines).encode("latin-1"), b" ")


def padded(data: bytes, filling: bytes = b"\0") -> bytes:
    """Return data filled up to whole blocks."""
    return data + filling * (-len(data) % BLOCK)


def image(changes: dict[str, object] | None = None, *, shape: tuple[int, int] = (30, 40)) -> bytes:
    """Return a file with one image of float32 without checksums, some cards changed (None: left out)."""
    cards = {"SIMPLE": "T", "BITPIX": -32, "NAXIS": 2, "NAXIS1": shape[1], "NAXIS2": shape[0]}
    data = np.random.default_rng(3).normal(9, 1, shape).astype(">f4").tobytes()
    return header(_changed(cards, changes)) + padded(data)


PRIMARY = header({"SIMPLE": "T", "BITPIX": 8, "NAXIS": 0, "EXTEND": "T"})


def extension(changes: dict[str, object] | None = None, data: bytes = b"") -> bytes:
    """Return an image extension of bytes without pixels, some cards changed."""
    cards = {"XTENSION": "'IMAGE   '", "BITPIX": 8, "NAXIS": 0, "PCOUNT": 0, "GCOUNT": 1}
    return header(_changed(cards, changes)) + padded(data)


def binary_table(changes: dict[str, object] | None = None, *, rows: int = 20, heap: bytes = b"") -> bytes:
    """Return a file with a table of a float, an integer and an array of variable length, some cards changed."""
    cards = {
        "XTENSION": "'BINTABLE'",
        "BITPIX": 8,
        "NAXIS": 2,
        "NAXIS1": 16,
        "NAXIS2": rows,
        "PCOUNT": len(heap),
        "GCOUNT": 1,
        "TFIELDS": 3,
        "TFORM1": "'E       '",
        "TTYPE1": "'flux    '",
        "TFORM2": "'J       '",
        "TTYPE2": "'number  '",
        "TFORM3": "'PJ      '",
        "TTYPE3": "'list    '",
    }
    row = np.zeros(rows, [("flux", ">f4"), ("number", ">i4"), ("length", ">i4"), ("start", ">i4")])
    row["flux"], row["number"] = 1.5, np.arange(rows) + 7
    row["length"] = len(heap) // 4
    return PRIMARY + header(_changed(cards, changes)) + padded(row.tobytes() + heap)


def _changed(cards: dict[str, object], changes: dict[str, object] | None) -> dict[str, object]:
    found = cards | (changes or {})
    return {key: value for key, value in found.items() if value is not None}
