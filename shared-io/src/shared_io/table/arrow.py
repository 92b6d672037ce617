"""Columns <-> Arrow arrays."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from shared_io import _source, limits
from shared_io._text import check_width, fixed_width
from shared_io.errors import CorruptInput, SchemaMismatch
from shared_io.table.schema import Field, Piece, restore

__all__ = ["from_arrow", "to_arrow"]

_DATE_UNITS = ("s", "ms", "us", "ns")


def to_arrow(piece: Piece, path: str | os.PathLike[str]) -> Any:
    """Return an Arrow array: nested lists of fixed size for array columns, nulls under the mask."""
    import pyarrow as pa

    data, mask = piece.data, piece.mask
    rows, shape = data.shape[0], data.shape[1:]
    if 0 in shape:
        raise SchemaMismatch(f"rows of shape {shape} cannot be stored", path=path, hdu=piece.field.name)
    if data.dtype.kind == "c":  # as pairs of real and imaginary part
        parts = np.ascontiguousarray(data).view(f"f{data.dtype.itemsize // 2}").reshape(-1)
        values = pa.FixedSizeListArray.from_arrays(pa.array(parts), 2, mask=_arrow_mask(mask))
    else:
        values = _flat(np.ascontiguousarray(data).reshape(-1), None if mask is None else mask.reshape(-1))
    for length in reversed(shape):
        values = pa.FixedSizeListArray.from_arrays(values, length)
    if len(values) != rows:
        raise SchemaMismatch("the column has no length", path=path, hdu=piece.field.name)
    return values


def from_arrow(values: Any, field: Field | None, name: str, path: str | os.PathLike[str]) -> Piece:
    """Return the column that an Arrow array holds.

    Parameters
    ----------
    values
        An Arrow array or chunked array.
    field
        Its description, if the file has one.
    name
        Its name.
    path
        For messages.
    """
    import pyarrow as pa

    if isinstance(values, pa.ChunkedArray):
        values = values.chunk(0) if values.num_chunks == 1 else values.combine_chunks()
    if pa.types.is_dictionary(values.type):
        _check_expanded(values, name, path)
        values = values.dictionary_decode()
    shape: list[int] = []
    outer = None
    while pa.types.is_fixed_size_list(values.type):
        if values.null_count:
            if not (field and np.dtype(field.dtype).kind == "c" and len(shape) == len(field.shape)):
                return _ragged(values, name)
            outer = np.asarray(values.is_null())
            values = values.fill_null([0.0, 0.0])
        shape.append(values.type.list_size)
        values = values.flatten()
    if _nested(values.type):
        return _ragged(values, name) if not shape else _refuse(values, name, path)
    data, mask = _numpy(values, name, path)
    if field is not None and np.dtype(field.dtype).kind == "c":
        if data.dtype.kind != "f" or not shape:
            raise CorruptInput("the values do not fit their description", path=path, hdu=name)
        data, mask = data.view(f"c{2 * data.dtype.itemsize}"), outer
        shape = shape[:-1]
    rows = len(data) // int(np.prod(shape)) if shape else len(data)
    data = data.reshape(rows, *shape)
    mask = None if mask is None else mask.reshape(rows, *shape)
    if field is None:
        return Piece(Field(name, data.dtype.str[1:], tuple(shape), masked=mask is not None), data, mask)
    return Piece(field, restore(data, field, path), mask)


def _arrow_mask(mask: npt.NDArray[np.bool_] | None) -> Any:
    import pyarrow as pa

    return None if mask is None else pa.array(mask.reshape(-1))


def _flat(data: npt.NDArray[Any], mask: npt.NDArray[np.bool_] | None) -> Any:
    import pyarrow as pa

    if data.dtype.kind in "Mm" and np.datetime_data(data.dtype) not in [(unit, 1) for unit in _DATE_UNITS]:
        data = data.astype("i8")
    if data.dtype.kind == "S":
        return pa.array(data.tolist(), pa.binary(), mask=mask)
    if data.dtype.kind in "Mm":
        nat = np.isnat(data)
        hidden = nat if mask is None else mask
        if nat.any() and mask is not None:
            return pa.array(data.view("i8"), mask=hidden)
    return pa.array(data, mask=mask, from_pandas=False)


def _numpy(
    values: Any, name: str, path: str | os.PathLike[str]
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = values.type
    mask = np.asarray(pc.is_null(values)) if values.null_count else None
    if pa.types.is_null(kind):
        return np.full(len(values), np.nan), np.ones(len(values), bool)
    if pa.types.is_decimal(kind):
        values, kind = values.cast(pa.float64()), pa.float64()
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or _is_view(kind):
        filled = values.fill_null("") if mask is not None else values
        return fixed_width(filled.to_pylist(), str, path, name), mask
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        found = values.fill_null(b"").to_pylist() if mask is not None else values.to_pylist()
        return fixed_width(found, bytes, path, name), mask
    if pa.types.is_date(kind):
        values = values.cast(pa.timestamp("s"))
        kind = values.type
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind) or pa.types.is_time(kind):
        whole = values.view(pa.int64()) if not pa.types.is_time32(kind) else values.cast(pa.int32()).cast(pa.int64())
        letter = "M8" if pa.types.is_timestamp(kind) else "m8"
        found = np.asarray((whole.fill_null(0) if mask is not None else whole).to_numpy(zero_copy_only=False))
        return found.view(f"{letter}[{kind.unit}]"), mask
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise SchemaMismatch(f"a column of type {kind} is not read", path=path, hdu=name, hint="choose other columns")
    if mask is not None:
        values = values.fill_null(False if pa.types.is_boolean(kind) else pa.scalar(0, kind))
    return values.to_numpy(zero_copy_only=False), mask


def _check_expanded(values: Any, name: str, path: str | os.PathLike[str]) -> None:
    """Refuse a dictionary whose few long texts would be repeated beyond the limits."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = values.type.value_type
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        lengths = np.asarray(pc.binary_length(values.dictionary).fill_null(0))
        counts = np.bincount(np.asarray(values.indices.drop_null()), minlength=len(lengths))
        size = int((lengths.astype("i8") * counts).sum())
        limits.check_bytes(size, path=path, hdu=name, what="text")
        limits.check_expansion(size, _source.size(path), path=path, hdu=name)
        check_width(len(values), 4 * int(lengths.max(initial=0)), path, name)


def _is_view(kind: Any) -> bool:
    return str(kind) == "string_view"


def _nested(kind: Any) -> bool:
    import pyarrow as pa

    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_struct(kind) or pa.types.is_map(kind)
    )


def _refuse(values: Any, name: str, path: str | os.PathLike[str]) -> Piece:
    raise SchemaMismatch(
        f"a column of type {values.type} is not read", path=path, hdu=name, hint="choose other columns"
    )


def _ragged(values: Any, name: str) -> Piece:
    """Return a column of objects: an array for each list of numbers, otherwise what Python makes of it."""
    import pyarrow as pa

    out = np.empty(len(values), object)
    kind = values.type
    simple = (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and (
        pa.types.is_integer(kind.value_type)
        or pa.types.is_floating(kind.value_type)
        or pa.types.is_boolean(kind.value_type)
    )
    if simple and not values.flatten().null_count:
        offsets = np.asarray(values.offsets)
        flat = values.values.to_numpy(zero_copy_only=False)
        for row in range(len(values)):
            out[row] = flat[offsets[row] : offsets[row + 1]]
    else:
        for row, value in enumerate(values.to_pylist()):
            out[row] = value
    mask = np.asarray(values.is_null()) if values.null_count else None
    return Piece(Field(name, "O", masked=mask is not None), out, mask)
