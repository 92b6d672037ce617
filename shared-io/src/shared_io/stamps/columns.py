"""Values of cards -> columns of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from shared_io.stamps.cards import Value

if TYPE_CHECKING:
    from astropy.table import Column

__all__ = ["Values", "absent", "arranged"]

_EXACT = 2**53  # whole numbers up to here are floats without loss
_BLANKS: dict[type, Any] = {bool: False, int: 0, float: np.nan, complex: np.nan, str: ""}


@dataclass(frozen=True)
class Values:
    """The values of one card.

    Attributes
    ----------
    data : ndarray, shape (n,)
    missing : ndarray of bool, shape (n,), or None
        Where a file does not give one; None if all do.
    """

    data: npt.NDArray[Any]
    missing: npt.NDArray[np.bool_] | None = None

    def column(self, name: str) -> Column:
        """Return a column of a table, masked where values are missing."""
        from astropy.table import Column, MaskedColumn

        return Column(self.data, name=name) if self.missing is None else MaskedColumn(self.data, name, self.missing)


def arranged(values: Sequence[Value], kind: type | None) -> Values:
    """Return an array of values, of which some may be None.

    Parameters
    ----------
    values
        One for each row.
    kind
        The type of the values. By default what they have: whole numbers beside floats become floats if that
        loses nothing, and any other mixture becomes text.
    """
    found = kind or _kind(values)
    if None not in values:
        return Values(_array(list(values), found))
    missing = np.fromiter((value is None for value in values), bool, len(values))
    return Values(_array([_BLANKS[found] if value is None else value for value in values], found), missing)


def absent(count: int, kind: type | None) -> Values:
    """Return what `arranged` makes of `count` times None."""
    found = kind or float
    blank = _array([_BLANKS[found]], found)
    return Values(np.repeat(blank, count), np.ones(count, bool))


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
