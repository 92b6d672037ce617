"""Cards of a FITS header, straight from their bytes: the plain ones, which are nearly all.

What is not plain (CONTINUE, HIERARCH, complex numbers, anything outside of the standard) is never guessed at:
it is reported as odd, and astropy reads it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from shared_io.errors import SchemaMismatch

__all__ = ["ODD", "STANDARD", "Value", "check_keys", "parse", "parse_many"]

Value = bool | int | float | complex | str | None
"""The value of a card; None where the card is missing or has no value."""

STANDARD = re.compile(rb"[A-Z0-9_-]+ *= ")
"""The first ten bytes of a card that has a value."""

ODD = object()
"""Stands for a value that astropy must read."""

_VALUE = re.compile(
    rb" *(?:'([ -&(-~]*)'|([+-]?\d+)|([+-]?(?:\d+\.?\d*|\.\d+)(?:[EeDd][+-]?\d+)?)|([TF]))? *(?:/[ -~]*)?"
)
_TEXT, _INTEGER, _FLOAT = 1, 2, 3
_FIXED = 20
"""Bytes of a number in fixed format (FITS standard 4.0, section 4.2)."""
_POINT = 2
_KIND = np.zeros(256, np.uint8)
_KIND[list(b" +-0123456789")] = 1
_KIND[list(b".Ee")] = _POINT
_EXPONENT = bytes.maketrans(b"Dd", b"EE")
_KEY = re.compile(r"[!-)+-<>@-~](?:[ -)+-<>@-~]*[!-)+-<>@-~])?")  # no wildcards, no equals sign
_MANY = {"COMMENT", "HISTORY", "CONTINUE", "END", "HIERARCH"}


def parse(field: bytes) -> Value | object:
    """Return the value of a card from its bytes 10 to 80, or `ODD`.

    The result is what astropy makes of the card, to the bit and the type.
    """
    found = _VALUE.fullmatch(field)
    if found is None:
        return ODD
    kind = found.lastindex
    if kind == _TEXT:
        text = found[1]
        # 'axis: 3.5' may be a record-valued keyword
        return ODD if b": " in text else text.decode("ascii").rstrip()
    if kind == _INTEGER:
        return int(found[2])
    if kind == _FLOAT:
        return float(found[3].translate(_EXPONENT))
    return None if kind is None else found[4] == b"T"


def parse_many(fields: npt.NDArray[np.uint8]) -> list[Any]:
    """Return what `parse` makes of each field.

    Parameters
    ----------
    fields : ndarray of uint8, shape (n, 70)
        Bytes 10 to 80 of a card, of many files; n is positive.
    """
    first = fields[0].tobytes()
    if (fields == fields[0]).all():
        return [parse(first)] * len(fields)
    found = _texts(fields) if first.startswith(b"'") else _numbers(fields, first)
    if found is None:
        raw, width = fields.tobytes(), fields.shape[1]
        found = [parse(raw[at : at + width]) for at in range(0, len(raw), width)]
    return found


def _numbers(fields: npt.NDArray[np.uint8], first: bytes) -> list[Any] | None:
    """Numbers of one type in the first 20 bytes, with one comment for all; or None."""
    if (fields[:, _FIXED:] != fields[0, _FIXED:]).any() or parse(b" " * _FIXED + first[_FIXED:]) is not None:
        return None
    cells = np.ascontiguousarray(fields[:, :_FIXED])
    kinds = _KIND[cells]
    pointed = (kinds == _POINT).any(axis=1)
    if not kinds.all() or pointed.any() != pointed.all():
        return None
    raw = cells.tobytes()
    convert: Any = float if pointed[0] else int
    try:
        return [convert(raw[at : at + _FIXED]) for at in range(0, len(raw), _FIXED)]
    except ValueError:
        return None


def _texts(fields: npt.NDArray[np.uint8]) -> list[Any] | None:
    """Texts without quotes in them; or None."""
    if fields.min() < ord(" ") or fields.max() > ord("~"):
        return None
    raw, width = fields.tobytes().decode("ascii"), fields.shape[1]
    found = []
    for at in range(0, len(raw), width):
        before, text, after = (*raw[at : at + width].split("'", 2), "'", "'")[:3]
        after = after.lstrip()
        if before or (after and after[0] != "/") or ": " in text:
            return None
        found.append(text.rstrip())
    return found


def check_keys(keys: Sequence[str], taken: Sequence[str] = ()) -> None:
    """Refuse keys that do not mean one card.

    Raises
    ------
    SchemaMismatch
        When one is a pattern, a card that may stand many times, or one of the names `taken`.
    """
    for key in keys:
        if not isinstance(key, str) or not _KEY.fullmatch(key) or key.upper() in _MANY:
            raise SchemaMismatch(f"{key!r} is not the name of one card", hint="name cards such as MAG or EXPTIME")
        if key in taken:
            raise SchemaMismatch(
                f"{key!r} is a column of its own", hint=f"write {key.upper()!r} for the card of that name"
            )
    if len({key.upper() for key in keys}) != len(keys):
        raise SchemaMismatch("a key is given twice")
