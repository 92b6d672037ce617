"""What a column is, apart from its numbers: the description that goes into every format as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from shared_io import limits
from shared_io._text import check_width
from shared_io.errors import CorruptInput, InputTooLarge, SchemaMismatch

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = [
    "Field",
    "Piece",
    "build",
    "decode_fields",
    "decode_meta",
    "dump",
    "encode_fields",
    "pieces",
    "restore",
    "storable",
]

_KINDS = "biufcSUMm"


@dataclass(frozen=True)
class Field:
    """A column without its numbers.

    Attributes
    ----------
    name
        Its name.
    dtype
        Numpy's short name without byte order (``f4``, ``U12``, ``M8[ns]``).
    shape
        Of one row; empty for plain numbers.
    unit
        As text that astropy's `Unit` understands, or None.
    description
        In words, or None.
    masked
        Whether values may be missing.
    """

    name: str
    dtype: str
    shape: tuple[int, ...] = ()
    unit: str | None = None
    description: str | None = None
    masked: bool = False


@dataclass(frozen=True)
class Piece:
    """A column with its numbers.

    Attributes
    ----------
    field
        The description.
    data : ndarray
        Native values, also under the mask.
    mask : ndarray of bool or None
        Same shape as `data`.
    """

    field: Field
    data: npt.NDArray[Any]
    mask: npt.NDArray[np.bool_] | None


def pieces(table: Table, path: str | os.PathLike[str]) -> list[Piece]:
    """Take a table apart.

    Raises
    ------
    SchemaMismatch
        When a column is neither numbers, booleans, text, dates nor arrays of fixed shape of them.
    """
    return [_piece(name, table[name], path) for name in table.colnames]


def _piece(name: str, column: Any, path: str | os.PathLike[str]) -> Piece:
    info = getattr(column, "info", None)
    values = getattr(column, "value", column) if hasattr(column, "unit") else column
    if not isinstance(values, np.ndarray):
        raise SchemaMismatch(
            f"a column of type {type(column).__name__} cannot be stored",
            path=path,
            hdu=name,
            hint="make plain columns of it",
        )
    mask = np.array(values.mask, bool) if isinstance(values, np.ma.MaskedArray) else None
    data = np.asarray(values.data if isinstance(values, np.ma.MaskedArray) else values)
    if data.dtype.kind == "O":
        data = _text(data, mask, name, path)
    if data.dtype.kind not in _KINDS or (
        data.dtype.itemsize > (8 if data.dtype.kind in "biuf" else 16) and (data.dtype.kind not in "SU")
    ):
        raise SchemaMismatch(f"values of type {data.dtype} cannot be stored", path=path, hdu=name)
    data = np.asarray(data, data.dtype.newbyteorder("="))
    unit = getattr(column, "unit", None)
    field = Field(
        name,
        data.dtype.str[1:],
        data.shape[1:],
        None if unit is None else unit.to_string() if hasattr(unit, "to_string") else str(unit),
        getattr(info, "description", None),
        mask is not None,
    )
    return Piece(field, data, mask)


def _text(
    data: npt.NDArray[Any], mask: npt.NDArray[np.bool_] | None, name: str, path: str | os.PathLike[str]
) -> npt.NDArray[np.str_]:
    hidden = np.zeros(data.shape, bool) if mask is None else mask
    flat = ["" if gone else value for value, gone in zip(data.ravel(), hidden.ravel(), strict=True)]
    if not all(isinstance(value, str) for value in flat):
        raise SchemaMismatch(
            "a column of Python objects cannot be stored",
            path=path,
            hdu=name,
            hint="use numbers, text or arrays of one shape",
        )
    return np.array(flat, dtype=str).reshape(data.shape)


def build(found: Sequence[Piece], meta: Mapping[str, Any]) -> Table:
    """Put a table together."""
    from astropy.table import Column, MaskedColumn, Table
    from astropy.units import Unit

    columns = []
    for piece in found:
        field = piece.field
        unit = None if field.unit is None else Unit(field.unit, parse_strict="silent")
        common = {"name": field.name, "unit": unit, "description": field.description, "copy": False}
        if field.masked or piece.mask is not None:
            mask = np.zeros(piece.data.shape, bool) if piece.mask is None else piece.mask
            if piece.data.dtype == np.float16:
                common["fill_value"] = 0  # numpy's own, 1e20, is beyond it
            columns.append(MaskedColumn(piece.data, mask=mask, **common))
        else:
            columns.append(Column(piece.data, **common))
    table = Table(columns, copy=False)
    table.meta.update(meta)
    return table


def storable(piece: Piece) -> npt.NDArray[Any]:
    """Return the values with dates as integers and nothing but a zero (or NaN) under the mask."""
    data = piece.data
    if data.dtype.kind in "Mm":
        data = data.astype("i8")
    if piece.mask is not None and piece.mask.any():
        data = data.copy()
        data[piece.mask] = np.nan if data.dtype.kind in "fc" else np.zeros((), data.dtype)[()]
    return data


def restore(data: npt.NDArray[Any], field: Field, path: str | os.PathLike[str]) -> npt.NDArray[Any]:
    """Return values as the column had them: its dtype and shape, in native byte order.

    Raises
    ------
    CorruptInput
        When the values cannot be those of the column.
    """
    wanted = np.dtype(field.dtype)
    try:
        data = data.reshape(data.shape[:1] + field.shape) if data.shape[1:] != field.shape else data
        if data.dtype == wanted:
            return data
        if wanted.kind in "SU":
            check_width(data.size, wanted.itemsize, path, field.name)
        if wanted.kind in "Mm" and data.dtype.kind == "i":
            return data.astype("i8", copy=False).view(wanted)
        if wanted.kind == "S" and data.dtype.kind == "U":
            return np.char.encode(data, "utf-8").astype(wanted)
        if wanted.kind == "U" and data.dtype.kind == "S":
            return np.char.decode(data, "utf-8").astype(wanted)
        return data.astype(wanted)
    except (ValueError, TypeError, UnicodeError) as error:
        raise CorruptInput(f"the values do not fit their description: {error}", path=path, hdu=field.name) from error


def encode_fields(found: Sequence[Piece] | Sequence[Field]) -> list[dict[str, Any]]:
    """Return the descriptions as JSON can hold them, without what is at its default."""
    return [_plain(item.field if isinstance(item, Piece) else item) for item in found]


def _plain(field: Field) -> dict[str, Any]:
    plain: dict[str, Any] = {"name": field.name, "dtype": field.dtype}
    if field.shape:
        plain["shape"] = list(field.shape)
    for key in ("unit", "description"):
        if getattr(field, key) is not None:
            plain[key] = getattr(field, key)
    if field.masked:
        plain["masked"] = True
    return plain


def decode_fields(content: object, path: str | os.PathLike[str]) -> list[Field]:
    """Return the descriptions that JSON gave, checked.

    Raises
    ------
    CorruptInput, InputTooLarge
        When they are not such descriptions.
    """
    if not isinstance(content, list):
        raise CorruptInput("the description of the columns is no list", path=path)
    if len(content) > limits.current().columns:
        raise InputTooLarge(f"{len(content)} columns", path=path)
    try:
        return [_field(item) for item in content]
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise CorruptInput(f"the description of the columns is damaged: {error}", path=path) from error


def _field(item: Any) -> Field:
    shape = tuple(item.get("shape", ()))
    dtype = np.dtype(str(item["dtype"]))
    if dtype.kind not in _KINDS or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"{item['dtype']!r} with shape {shape!r}")
    unit, description = item.get("unit"), item.get("description")
    if not isinstance(unit, str | None) or not isinstance(description, str | None):
        raise TypeError("a unit or description that is no text")
    return Field(str(item["name"]), dtype.str[1:], shape, unit, description, bool(item.get("masked", False)))


def dump(content: Any, path: str | os.PathLike[str], what: str = "the metadata") -> str:
    """Return JSON in one line of ASCII.

    Raises
    ------
    SchemaMismatch
        When JSON cannot hold it.
    """
    try:
        return json.dumps(content, separators=(",", ":"), default=_number)
    except (TypeError, ValueError, RecursionError) as error:
        raise SchemaMismatch(
            f"{what} cannot be stored as JSON: {error}", path=path, hint="use numbers, text, lists and dicts"
        ) from error


def _number(value: object) -> object:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not a number, text, list or dict")


def decode_meta(text: str | bytes, path: str | os.PathLike[str]) -> Any:
    """Return what JSON text says.

    Raises
    ------
    CorruptInput
        When it is no JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CorruptInput(f"the metadata are no JSON: {error}", path=path) from error


def chosen(names: Sequence[str], columns: Sequence[str] | None, path: str | os.PathLike[str]) -> list[str]:
    """Return the names to read, in the order asked for.

    Raises
    ------
    SchemaMismatch
        When one is not there.
    """
    if columns is None:
        return list(names)
    missing = [name for name in columns if name not in names]
    if missing:
        shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
        raise SchemaMismatch(f"there is no column {missing[0]!r}", path=path, hint=f"it has {shown}")
    return list(columns)


def slices(rows: int, step: int) -> Iterator[slice]:
    """Yield the slices that cut `rows` into batches of `step`."""
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))
