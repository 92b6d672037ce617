"""A row of a table -> the bytes of a FITS header.

Plain cards are written here, anything else (long names, long text, odd numbers) by astropy.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from shared_io.errors import SchemaMismatch
from shared_io.fits.checksum import OURS, encode, ones_sum
from shared_io.fits.structure import BLOCK, STRUCTURAL

if TYPE_CHECKING:
    from astropy.table import Column, Table

    from shared_io.provenance import Provenance

__all__ = ["Composer"]

_CARD = 80
_BITPIX = {"u1": 8, "i2": 16, "i4": 32, "i8": 64, "f4": -32, "f8": -64}
_NAME = re.compile(r"[A-Z0-9_-]{1,8}")
_PLAIN = re.compile(r"[A-Z0-9_-]+")  # in a card of any length
_TEXT = re.compile(r"[ -&(-~]{0,68}")
_RESERVED = re.compile(r"(PROV(TOOL|VERS|VERB|KEY|JSON)|COMMENT|HISTORY|CONTINUE|HIERARCH|END|EXTEND|XTENSION)?")
_ZEROS = f"CHECKSUM= '{'0' * 16}'   / of the HDU, {OURS}".ljust(_CARD)


@dataclass(frozen=True)
class _Cards:
    """One column: its name, its comment, its values (None where masked)."""

    key: str
    comment: str
    values: list[Any]


class Composer:
    """Makes files of the rows of an array and a table.

    Parameters
    ----------
    data
        Shape (n, ny, nx) or (n, planes, ny, nx).
    table
        The cards of each, or None.
    omitted
        Columns that are no cards.
    provenance
        Goes into every header.
    """

    def __init__(
        self,
        data: npt.NDArray[Any],
        table: Table | None,
        omitted: Sequence[str],
        provenance: Provenance | None,
    ) -> None:
        code = data.dtype.str[1:]
        if code not in _BITPIX:
            raise SchemaMismatch(f"cut-outs of {data.dtype} cannot be written", hint="use f4, f8, u1, i2, i4 or i8")
        if data.ndim not in (3, 4) or 0 in data.shape[1:]:
            raise SchemaMismatch(f"an array of shape {data.shape}, not (n, ny, nx) or (n, planes, ny, nx)")
        self._data = data
        self._stored = data.dtype.newbyteorder(">")
        self._head = _structure(data.shape[1:], _BITPIX[code])
        self._tail = "" if provenance is None else _provenance(provenance)
        names = [] if table is None else [name for name in table.colnames if name not in omitted]
        self._columns = [_column(name, table[name]) for name in names]  # type: ignore[index]
        keys = [column.key for column in self._columns]
        if len(set(keys)) != len(keys):
            raise SchemaMismatch("two columns would be cards of one name (FITS does not tell a from A)")

    def file(self, row: int) -> bytes:
        """Return the file of one row, with CHECKSUM and DATASUM."""
        pixels = self._data[row].astype(self._stored).tobytes()
        pixels += bytes(-len(pixels) % BLOCK)
        total = ones_sum(pixels)
        datasum = f"DATASUM = {_quoted(str(total))} / of the data, {OURS}".ljust(_CARD)
        cards = "".join([_card(column, row) for column in self._columns])
        text = f"{self._head}{cards}{self._tail}{_ZEROS}{datasum}END"
        header = text.ljust(-(-len(text) // BLOCK) * BLOCK).encode("ascii")
        at = len(self._head) + len(cards) + len(self._tail) + len("CHECKSUM= '")
        seal = encode(ones_sum(header, total)).encode("ascii")
        return header[:at] + seal + header[at + 16 :] + pixels


def _structure(shape: tuple[int, ...], bitpix: int) -> str:
    axes = [(f"NAXIS{number}", length, f"length of axis {number}") for number, length in enumerate(reversed(shape), 1)]
    head = f"{'SIMPLE':8}= {'T':>20} / conforms to the FITS standard".ljust(_CARD)
    for key, value, comment in (
        ("BITPIX", bitpix, "bits of a pixel"),
        ("NAXIS", len(shape), "number of axes"),
        *axes,
    ):
        head += f"{key:8}= {value:20} / {comment}".ljust(_CARD)
    return head


def _provenance(provenance: Provenance) -> str:
    from astropy.io.fits import Header

    header = Header()
    provenance.to_header(header)
    return "".join(card.image for card in header.cards)


def _column(name: str, column: Column) -> _Cards:
    key = name.upper().removeprefix("HIERARCH ")
    if _RESERVED.fullmatch(key) or STRUCTURAL.match(f"{key}=".encode("ascii", "replace")):
        raise SchemaMismatch(f"a card {key!r} cannot be set by a column", hint="rename or remove the column")
    plain = column.value if hasattr(column, "unit") else column
    if not isinstance(plain, np.ndarray):
        raise SchemaMismatch(f"the column {name!r} is a {type(column).__name__}", hint="make a plain column of it")
    values = np.ma.MaskedArray(plain)
    if values.ndim != 1 or values.dtype.kind not in "biufUSO":
        raise SchemaMismatch(f"the column {name!r} does not hold one number or text for each row")
    mask = np.ma.getmaskarray(values)
    listed = [None if gone else value for value, gone in zip(values.data.tolist(), mask, strict=True)]
    return _Cards(key, _comment(column), listed)


def _comment(column: Column) -> str:
    unit = getattr(column, "unit", None)
    words = [f"[{unit}]" if unit is not None and str(unit) else "", getattr(column, "description", None) or ""]
    text = " ".join(filter(None, words))
    return "".join(c if " " <= c <= "~" else "?" for c in text)  # a remark is not worth a refusal


def _card(column: _Cards, row: int) -> str:
    value = column.values[row]
    if value is None:
        return ""
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    write = _WRITE.get(type(value))
    text = write(value) if write else None
    if text is None:
        return _unusual(column, value)
    card = f"{column.key:8}= {text}" if _NAME.fullmatch(column.key) else f"HIERARCH {column.key} = {text.strip()}"
    if len(card) > _CARD or not _PLAIN.fullmatch(column.key):
        return _unusual(column, value)
    if column.comment:
        card += f" / {column.comment}"
    return card[:_CARD].ljust(_CARD)


def _logical(value: bool) -> str:
    return f"{'T' if value else 'F':>20}"


def _integer(value: int) -> str:
    return f"{value:20}"


def _float(value: float) -> str | None:
    if math.isnan(value):
        return " " * 20  # a card without a value: FITS has no NaN here
    text = repr(value).upper()
    return f"{text:>20}" if math.isfinite(value) else None


def _text(value: str) -> str | None:
    return _quoted(value) if _TEXT.fullmatch(value) and ": " not in value else None


def _quoted(text: str) -> str:
    return f"'{text:8}'".ljust(20)


_WRITE: dict[type, Callable[[Any], str | None]] = {bool: _logical, int: _integer, float: _float, str: _text}


def _unusual(column: _Cards, value: Any) -> str:
    """Let astropy write a card, in as many lines as it takes."""
    from astropy.io.fits import Card

    from shared_io.fits.read import quiet

    if isinstance(value, float) and not math.isfinite(value):
        raise SchemaMismatch(f"{column.key} = {value}: a FITS card cannot hold that number")
    key = column.key if _NAME.fullmatch(column.key) else f"HIERARCH {column.key}"
    try:
        with quiet():
            image = str(Card(key, value, column.comment).image)
            found = Card.fromstring(image)
            kept = found.value == (value.rstrip() if isinstance(value, str) else value)
            kept = kept and found.keyword == column.key
    except Exception as error:
        raise SchemaMismatch(f"{column.key} = {value!r} cannot be a FITS card: {error}") from error
    if not kept:
        raise SchemaMismatch(f"{column.key} = {value!r} would be read back as something else")
    return image
