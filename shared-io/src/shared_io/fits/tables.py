"""Checks of FITS tables: their columns must fill the rows, their descriptors must stay in the heap."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shared_io import limits
from shared_io.errors import CorruptInput, InputTooLarge
from shared_io.fits import tiles
from shared_io.fits.structure import Block

__all__ = ["FieldSpec", "check_binary", "fields"]

_FORM = re.compile(r"\s*'\s*(\d*)([LXBIJKAEDCMPQ])(.*?)'", re.DOTALL)
_VARIABLE = re.compile(r"([LXBIJKAEDCM])")
_WIDTHS = {"L": 1, "B": 1, "A": 1, "I": 2, "J": 4, "E": 4, "K": 8, "D": 8, "C": 8, "M": 16, "P": 8, "Q": 16}


@dataclass(frozen=True)
class FieldSpec:
    """A column of a binary table: where it lies in a row.

    Attributes
    ----------
    offset, width
        Bytes from the start of the row, and bytes of it.
    repeat
        Elements.
    code
        The letter of TFORM.
    variable
        For arrays of variable length, the letter of their elements.
    """

    offset: int
    width: int
    repeat: int
    code: str
    variable: str


def fields(block: Block, path: str | os.PathLike[str]) -> list[FieldSpec]:
    """Return the columns of a binary table.

    Raises
    ------
    CorruptInput
        When they cannot be, or do not fill the row that NAXIS1 declares.
    InputTooLarge
        When there are too many.
    """
    count = _integer(block, "TFIELDS", path)
    cap = min(999, limits.current().columns)
    if count > cap:
        raise InputTooLarge(f"{count} columns, more than {cap}", path=path, hdu=block.place)
    found = []
    offset = 0
    for number in range(1, count + 1):
        form = _FORM.match(block.cards.get(f"TFORM{number}", ""))
        if not form:
            raise CorruptInput(f"TFORM{number} is missing or not possible", path=path, hdu=block.place)
        repeat, code = int(form[1] or 1), form[2]
        width = -(-repeat // 8) if code == "X" else repeat * _WIDTHS[code]
        variable = _VARIABLE.match(form[3]) if code in "PQ" else None
        if code in "PQ" and (not variable or repeat > 1):
            raise CorruptInput(f"TFORM{number} is not possible", path=path, hdu=block.place)
        found.append(FieldSpec(offset, width, repeat, code, variable[1] if variable else ""))
        offset += width
    row = _integer(block, "NAXIS1", path)
    if offset != row:
        raise CorruptInput(f"the columns take {offset} bytes a row, NAXIS1 says {row}", path=path, hdu=block.place)
    return found


def check_binary(data: npt.NDArray[np.uint8], block: Block, path: str | os.PathLike[str]) -> None:
    """Refuse a binary table whose columns or descriptors point outside of it.

    Parameters
    ----------
    data
        The bytes of the data unit.

    Raises
    ------
    CorruptInput, InputTooLarge
        When it cannot be read safely.
    """
    if block.bitpix != 8 and block.kind == "table":
        raise CorruptInput(f"a table with BITPIX = {block.bitpix}", path=path, hdu=block.place)
    specs = fields(block, path)
    row, rows = _integer(block, "NAXIS1", path), _integer(block, "NAXIS2", path)
    start = _integer(block, "THEAP", path, row * rows)
    if not row * rows <= start <= block.size:
        raise CorruptInput("the heap (THEAP) does not lie behind the rows", path=path, hdu=block.place)
    table = data[: row * rows].reshape(rows, row)
    total = 0
    for number, spec in enumerate(specs, 1):
        if spec.variable and spec.repeat:
            heap = data[start : block.size]
            total += _check_descriptors(table, spec, heap, number, block, path)
    limits.check_bytes(total, path=path, hdu=block.place, what="arrays of variable length")
    limits.check_expansion(total, block.size, path=path, hdu=block.place)


def _check_descriptors(
    table: npt.NDArray[np.uint8],
    spec: FieldSpec,
    heap: npt.NDArray[np.uint8],
    number: int,
    block: Block,
    path: str | os.PathLike[str],
) -> int:
    words = np.ascontiguousarray(table[:, spec.offset : spec.offset + spec.width])
    pairs = words.view(">i4" if spec.code == "P" else ">i8").astype(np.int64)
    lengths, starts = pairs[:, 0], pairs[:, 1]
    sizes = -(-lengths // 8) if spec.variable == "X" else lengths
    width = 1 if spec.variable == "X" else _WIDTHS[spec.variable]
    used, room = lengths > 0, heap.size
    wrong = (lengths < 0) | (used & ((starts < 0) | (sizes > room // width) | (starts > room - sizes * width)))
    if wrong.any():
        raise CorruptInput(
            f"row {int(np.argmax(wrong))} of column {number} points outside of the heap",
            path=path,
            hdu=block.place,
        )
    if block.kind == "compressed" and spec.variable == "B":
        cap = tiles.tile_bytes(block)
        for size, start in zip(sizes[used].tolist(), starts[used].tolist(), strict=True):
            tiles.check_tile(heap[start : start + size], cap, block, path)
    return int(sizes.sum()) * width


def _integer(block: Block, key: str, path: str | os.PathLike[str], default: int | None = None) -> int:
    text = block.cards.get(key, "" if default is None else str(default)).partition("/")[0].strip()
    if not text.isdigit():
        raise CorruptInput(f"{key} is missing or not possible", path=path, hdu=block.place)
    return int(text)
