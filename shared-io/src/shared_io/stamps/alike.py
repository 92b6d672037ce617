"""Files that are laid out alike, many at a time.

The first file of a batch is read by `shared_io.stamps.quick`; the others are compared with it, all at once: they must
be of its size, and of its very bytes wherever those decide about the structure. So they would have passed the same
checks one by one. A file that differs, or whose checksums or values are in any way unusual, is left.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shared_io.fits.checksum import ones_sums
from shared_io.stamps.cards import ODD, Value, parse_many
from shared_io.stamps.layout import CARD, NAME, Form, Layout
from shared_io.stamps.quick import FLAGS, Quick

__all__ = ["Alike", "read_alike"]

PathLike = str | os.PathLike[str]

_ROUNDS = 3  # kinds of files that are looked for among some
_FEW = 4  # files that are not worth it
_BYTES = 2**22  # read before they are looked at: a whole batch of the usual ones
_LARGEST = 2**18  # bytes of a file; larger ones gain nothing here
_FULL = 0xFFFFFFFF


@dataclass(frozen=True)
class Alike:
    """Cut-outs of one shape and type with the same cards.

    Attributes
    ----------
    places : list of int
        Their positions among the paths, rising.
    data : ndarray
        Their pixels, native byte order.
    values : list
        For each key the value of each, or None where none has the card.
    """

    places: list[int]
    data: npt.NDArray[Any]
    values: list[list[Value] | None]


class _Template:
    """The bytes that a header must share with that of a file that was found sound."""

    def __init__(self, header: bytes, layout: Layout, form: Form) -> None:
        mask = np.zeros((layout.size // CARD, CARD), np.uint8)
        mask[:, :NAME] = 0xFF
        flat = mask.reshape(-1)
        for start, end in layout.fixed:
            flat[start:end] = 0xFF
        self.layout, self.form = layout, form
        self._mask = flat.view(np.uint64)
        self._want = np.frombuffer(header, np.uint64) & self._mask

    def fits(self, headers: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
        """Tell which headers, shape (n, size), share them."""
        found: npt.NDArray[np.bool_] = ((headers.view(np.uint64) & self._mask) == self._want).all(axis=1)
        return found


def read_alike(paths: Sequence[PathLike], quick: Quick) -> tuple[list[Alike], list[int]]:
    """Read the files that are alike.

    Parameters
    ----------
    paths
        Of a batch.
    quick
        Reads one of each kind.

    Returns
    -------
    found : list of Alike
    left : list of int
        The positions of the other files, rising.
    """
    found: list[Alike] = []
    left, odd = list(range(len(paths))), []
    for _ in range(_ROUNDS):
        if len(left) < _FEW:
            break
        first = quick.look(paths[left[0]])
        if first is None or first[2].total > _LARGEST:
            odd.append(left.pop(0))
            continue
        more, left = _of_kind(paths, left, _Template(*first))
        found += more
    return found, sorted(left + odd)


def _of_kind(paths: Sequence[PathLike], places: list[int], template: _Template) -> tuple[list[Alike], list[int]]:
    total = template.form.total
    buffer = np.empty((max(_BYTES // total, 1), total), np.uint8)
    found: list[Alike] = []
    left: list[int] = []
    for start in range(0, len(places), len(buffer)):
        some = places[start : start + len(buffer)]
        read = _filled(buffer, paths, some)
        one = _sound(buffer[: len(read)], read, template)
        if len(one.places) < len(some):
            left += sorted(set(some).difference(one.places))
        if one.places:
            found.append(one)
    return found, left


def _filled(buffer: npt.NDArray[np.uint8], paths: Sequence[PathLike], places: list[int]) -> list[int]:
    """Read files of the right size into the rows of a buffer; return the positions of those."""
    whole, size = buffer.reshape(-1).data, buffer.shape[1]
    beyond = bytearray(1)
    read: list[int] = []
    at = 0
    for place in places:
        try:
            descriptor = os.open(paths[place], FLAGS)
        except (OSError, ValueError):
            continue
        try:
            count = os.readv(descriptor, (whole[at : at + size], beyond))
        except OSError:
            continue
        finally:
            os.close(descriptor)
        if count == size:
            read.append(place)
            at += size
    return read


def _sound(raw: npt.NDArray[np.uint8], places: list[int], template: _Template) -> Alike:
    """Keep the files that are as they should be, and take out what is wanted."""
    layout, form = template.layout, template.form
    good = template.fits(raw[:, : layout.size])
    if layout.datasum >= 0 or layout.checksum >= 0:
        good &= _sums_fit(raw, layout)
    if not good.all():
        raw, places = raw[good], [place for place, fits in zip(places, good.tolist(), strict=True) if fits]
    values = [parse_many(raw[:, at : at + CARD - NAME]) if at >= 0 and places else None for at in layout.wanted]
    odd = {row for column in values if column and ODD in column for row, value in enumerate(column) if value is ODD}
    if odd:
        kept = [row for row in range(len(places)) if row not in odd]
        raw, places = raw[kept], [places[row] for row in kept]
        values = [None if column is None else [column[row] for row in kept] for column in values]
    stored = raw[:, layout.size : layout.size + form.size].view(form.dtype)
    data = stored.astype(form.dtype.newbyteorder("=")).reshape(-1, *form.shape)
    return Alike(places, data, values)


def _sums_fit(raw: npt.NDArray[np.uint8], layout: Layout) -> npt.NDArray[np.bool_]:
    """Tell where the checksums that there are fit."""
    fits = np.ones(len(raw), bool)
    if not len(raw):
        return fits
    data = ones_sums(raw[:, layout.size :])
    if layout.datasum >= 0:
        stated = parse_many(raw[:, layout.datasum : layout.datasum + CARD - NAME])
        numbers = [text.strip() if isinstance(text, str) else "" for text in stated]
        said = [int(text) if text.isascii() and text.isdigit() and len(text) < 18 else -1 for text in numbers]
        fits &= data == np.array(said, np.int64)
    if layout.checksum >= 0:
        rest = ones_sums(raw[:, : layout.size]) + data
        rest = (rest & _FULL) + (rest >> 32)
        fits &= (rest == 0) | (rest == _FULL)
    return fits
