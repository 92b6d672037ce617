"""Cards of a FITS header, straight from their bytes: the plain ones, which are nearly all.

What is not plain (CONTINUE, HIERARCH, complex numbers, anything outside of the standard) is never guessed at:
it is reported as odd, and astropy reads it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from shared_io.errors import SchemaMismatch

__all__ = ["ODD", "STANDARD", "Value", "check_keys", "parse"]

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
