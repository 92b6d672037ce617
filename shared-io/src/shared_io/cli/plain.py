"""Results as plain values: what JSON can say."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping, Set
from enum import Enum
from typing import Any

__all__ = ["is_table", "plain", "to_json"]


def plain(value: Any) -> Any:
    """Turn a result into dicts, lists, strings, numbers, booleans and None.

    Parameters
    ----------
    value
        A dataclass, mapping, sequence, NumPy array or scalar, Astropy table or quantity, path, ...; a method
        ``to_json()`` of its own goes before all.

    Returns
    -------
    object
        JSON-able. What is not finite or is masked becomes None; a table becomes its units and its rows.
    """
    if value is None or (isinstance(value, bool | str) and not isinstance(value, Enum)):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return _structure(value)


def _structure(value: Any) -> Any:
    if hasattr(value, "to_json"):
        return plain(value.to_json())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value) if f.repr}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if is_table(value):
        return _table(value)
    if isinstance(value, Set):
        return sorted((plain(v) for v in value), key=str)
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if hasattr(value, "unit") and hasattr(value, "value"):
        return {"value": plain(value.value), "unit": str(value.unit)}
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)


def is_table(value: Any) -> bool:
    """Whether a value looks like an Astropy table."""
    return hasattr(value, "colnames") and hasattr(value, "columns")


def _table(table: Any) -> dict[str, Any]:
    units = {n: str(table[n].unit) for n in table.colnames if getattr(table[n], "unit", None) is not None}
    columns = {n: plain(getattr(table[n], "value", table[n])) for n in table.colnames}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return {"units": units, "rows": rows}


def to_json(value: Any) -> str:
    """One valid JSON document (ASCII, so that it survives any locale)."""
    import json

    return json.dumps(plain(value), indent=2, allow_nan=False)
