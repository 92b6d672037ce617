"""Values of cards -> columns of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from shared_io.stamps.cards import Value

if TYPE_CHECKING:
    from astropy.table import Column

__all__ = ["column"]

_EXACT = 2**53  # whole numbers up to here are floats without loss
_BLANKS: dict[type, Any] = {bool: False, int: 0, float: np.nan, complex: np.nan, str: ""}


def column(name: str, values: Sequence[Value], kind: type | None) -> Column:
    """Return a column; where the value is None it is masked.

    Parameters
    ----------
    name
        Of the column.
    values
        One for each row.
    kind
        The type of the values. By default what they have: whole numbers beside floats become floats if that
        loses nothing, and any other mixture becomes text.
    """
    from astropy.table import Column, MaskedColumn

    found = kind or _kind(values)
    missing = np.fromiter((value is None for value in values), bool, len(values))
    filled = [_BLANKS[found] if value is None else value for value in values]
    data = _array(filled, found)
    return MaskedColumn(data, name=name, mask=missing) if missing.any() else Column(data, name=name)


def _kind(values: Sequence[Value]) -> type:
    kinds = {type(value) for value in values} - {type(None)}
    if len(kinds) == 1:
        return kinds.pop()
    if not kinds:
        return float
    if kinds == {int, float} and all(abs(value) <= _EXACT for value in values if type(value) is int):
        return float
    return str


def _array(values: list[Any], kind: type) -> npt.NDArray[Any]:
    if kind is str:
        text = np.array([str(value) for value in values], dtype=str)
        return text if text.dtype.itemsize else text.astype("U1")
    if kind is int and values:
        low, high = min(values), max(values)
        if low < -(2**63) or high >= 2**63:
            whole = low >= 0 and high < 2**64
            return np.array(values, np.uint64) if whole else _array(values, str)
        return np.array(values, np.int64)
    return np.array(values, dtype=kind)
