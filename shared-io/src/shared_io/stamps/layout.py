"""Where everything lies in a header, worked out once for all files that are laid out alike.

Two headers are laid out alike if they have the same keywords in the same order. Which cards decide about the
structure is then the same too, and what those cards say is looked up by their bytes: `shared_io.fits` judges
each new form once, so a file that takes this way has passed the same checks as one that is read by it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from shared_io.errors import SharedIOError
from shared_io.fits.structure import BLOCK, STRUCTURAL, describe
from shared_io.stamps.cards import STANDARD

__all__ = ["CARD", "NAME", "Form", "Layout", "layout_of"]

CARD = 80
NAME = 10  # the keyword and "= "
_DTYPES = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
_FREE = (b"DATASUM ", b"CHECKSUM")  # they differ from file to file and are verified for each
_OTHERS = (b"NEXTEND ", b"GROUPS  ", b"BSCALE  ", b"BZERO   ", b"BLANK   ")
_REMARKS = (b"COMMENT ", b"HISTORY ", b"        ")


@dataclass(frozen=True, slots=True)
class Form:
    """What the structural cards of a simple image declare.

    Attributes
    ----------
    shape
        Of the pixels: (ny, nx) or (planes, ny, nx).
    dtype
        As stored: big-endian.
    size
        Bytes of pixels.
    total
        Bytes of the whole file.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    size: int
    total: int


@dataclass(slots=True)
class Layout:
    """Where the cards lie.

    Attributes
    ----------
    size
        Bytes of the header, whole blocks.
    fixed
        Start and end of the runs of cards that decide about the structure.
    wanted
        Where the values of the cards asked for begin; -1 for those that are not there.
    datasum, checksum
        Likewise.
    forms
        What those cards declare, by their bytes; None if the file is not a simple image.
    """

    size: int
    fixed: tuple[tuple[int, int], ...]
    wanted: tuple[int, ...]
    datasum: int
    checksum: int
    forms: dict[bytes, Form | None] = field(default_factory=dict)

    def form(self, raw: bytes) -> Form | None:
        """Return what the header at the beginning of `raw` declares, or None."""
        key = b"".join([raw[start:end] for start, end in self.fixed])
        try:
            return self.forms[key]
        except KeyError:
            found = self.forms[key] = _form(raw[: self.size])
            return found


def layout_of(names: bytes, size: int, end: int, keys: tuple[bytes, ...]) -> Layout | None:
    """Return the layout of a header, or None if astropy must read it.

    Parameters
    ----------
    names
        The first `NAME` bytes of all its cards.
    size
        Its bytes, whole blocks.
    end
        Where its END lies.
    keys
        The keywords asked for, eight bytes each.
    """
    cards = [names[at : at + NAME] for at in range(0, end // CARD * NAME, NAME)]
    places: dict[bytes, int] = {}
    fixed, continued = [], set()
    for number, card in enumerate(cards):
        key, start = card[:8], number * CARD
        if key in _OTHERS or not (key in _REMARKS or key == b"CONTINUE" or STANDARD.fullmatch(card)):
            return None
        places.setdefault(key, start + NAME)
        if key == b"CONTINUE":
            continued.add(start - CARD + NAME)
        elif STRUCTURAL.match(card) and key not in _FREE:
            fixed.append((start, start + CARD))
    wanted = tuple(places.get(key, -1) for key in keys)
    datasum, checksum = (places.get(key, -1) for key in _FREE)
    if continued.intersection((*wanted, datasum, checksum)):
        return None
    return Layout(size, _merged([*fixed, (end, size)]), wanted, datasum, checksum)


def _merged(runs: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged = runs[:1]
    for start, end in runs[1:]:
        if merged[-1][1] == start:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return tuple(merged)


def _form(header: bytes) -> Form | None:
    try:
        block = describe(header, len(header), "", 0)
    except SharedIOError:
        return None
    if block.kind != "image" or len(block.shape) not in (2, 3) or 0 in block.shape:
        return None
    padded = -(-block.size // BLOCK) * BLOCK
    return Form(block.shape, np.dtype(_DTYPES[block.bitpix]), block.size, len(header) + padded)
