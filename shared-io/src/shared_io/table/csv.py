"""Tables in CSV that lose nothing: what CSV cannot say stands in comment lines before the columns.

::

    # shared_io.digest: {"bytes":1204,"crc32":"9a3c01ff"}
    # shared_io.columns: [{"name":"flux","dtype":"f4","unit":"Jy"}]
    # exposure: 30.0
    flux
    1.25

Whoever reads it skipping lines that begin with ``#`` gets a plain table. A missing value is an empty cell, an
empty text is ``""``, the row of an array column is JSON.
"""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from shared_io import _source, atomic, limits
from shared_io.errors import CorruptInput, SchemaMismatch
from shared_io.table import schema, text
from shared_io.table.arrow import from_arrow
from shared_io.table.schema import Field, Piece

if TYPE_CHECKING:
    from astropy.table import Table

    from shared_io.provenance import Provenance

__all__ = ["batches", "body", "cells", "read", "write"]

_PLAIN_KEY = re.compile(r"[A-Za-z_][\w.\-]*", re.ASCII)


def write(
    table: Table,
    path: str | os.PathLike[str],
    *,
    key: str | None = None,
    overwrite: bool = False,
    provenance: Provenance | None = None,
) -> None:
    """Write a table; see `shared_io.table.write`."""
    _no_key(key, path)
    found = schema.pieces(table, path)
    lines = [f"# {text.COLUMNS}: {schema.dump(schema.encode_fields(found), path)}"]
    if provenance is not None:
        lines.append(f"# {text.PROVENANCE}: {provenance.json}")
    for name, value in table.meta.items():
        if not isinstance(name, str) or name.startswith(text.OURS):
            raise SchemaMismatch(f"metadata cannot be called {name!r}", path=path)
        shown = name if _PLAIN_KEY.fullmatch(name) else json.dumps(name)
        lines.append(f"# {shown}: {schema.dump(value, path, f'the metadata {name!r}')}")
    with atomic.atomic_path(path, overwrite=overwrite) as temporary, temporary.open("wb") as file:
        if Path(path).name.lower().endswith(".gz"):
            whole = b"".join(text.join(lines, body(found, path), "# "))
            file.write(gzip.compress(whole, 6, mtime=0))
            return
        file.write(text.digest_line(0, 0, "# "))
        tally = text.Tally(file)
        tally.write("".join(f"{line}\n" for line in lines).encode("ascii"))
        _write_rows(found, tally, path)
        file.seek(0)
        file.write(text.digest_line(tally.size, tally.crc, "# "))


def read(path: str | os.PathLike[str], *, key: object = None, columns: Sequence[str] | None = None) -> Table:
    """Read a table; see `shared_io.table.read`."""
    _no_key(key, path)
    data = text.load(path)
    head = text.split(data, path)
    text.verify(head, data, path)
    stated = head.values.get(text.COLUMNS)
    fields = None if stated is None else schema.decode_fields(stated, path)
    found = parse(memoryview(data)[head.start :], fields, columns, path)
    return schema.build(found, table_meta(head.values))


def batches(
    path: str | os.PathLike[str], *, rows: int, key: object = None, columns: Sequence[str] | None = None
) -> Iterator[Table]:
    """Read a table piece by piece; see `shared_io.table.batches`."""
    from shared_io.table.csv_stream import stream

    _no_key(key, path)
    if _source.magic(path, 2) != b"\x1f\x8b":
        yield from stream(path, rows, columns)
        return
    whole = read(path, columns=columns)
    for part in schema.slices(len(whole), rows):
        yield whole[part]


def body(found: Sequence[Piece], path: str | os.PathLike[str]) -> memoryview:
    """Return the line of names and the rows."""
    import pyarrow as pa

    out = pa.BufferOutputStream()
    _write_rows(found, out, path)
    return memoryview(out.getvalue())


def _write_rows(found: Sequence[Piece], out: Any, path: str | os.PathLike[str]) -> None:
    import pyarrow as pa
    from pyarrow import csv

    if found:
        arrays = [cells(piece, path) for piece in found]
        names = [piece.field.name for piece in found]
        options = csv.WriteOptions(quoting_style="needed", batch_size=8192)
        csv.write_csv(pa.Table.from_arrays(arrays, names=names), out, options)


def cells(piece: Piece, path: str | os.PathLike[str]) -> Any:
    """Return a column as CSV shows it: numbers and booleans as they are, anything else as text."""
    import pyarrow as pa

    data, mask = schema.storable(piece), piece.mask
    if data.ndim > 1 or data.dtype.kind == "c":
        return pa.array(_as_json(data, mask), pa.string())
    if data.dtype.kind == "S":
        data = np.char.decode(data, "latin-1")
    if data.dtype == np.float16:
        data = data.astype("f4")
    return pa.array(data, mask=mask, from_pandas=False)


def parse(
    rows: Any, fields: list[Field] | None, columns: Sequence[str] | None, path: str | os.PathLike[str]
) -> list[Piece]:
    """Return the columns of CSV text."""
    import pyarrow as pa
    from pyarrow import csv

    if not len(rows) and not fields:
        if fields is None:
            raise CorruptInput("the file holds no columns", path=path)
        return []
    try:
        read_options, parse_options, convert = options(fields, columns)
        found = csv.read_csv(pa.py_buffer(rows), read_options, parse_options, convert)
    except (pa.ArrowException, ValueError) as error:
        raise translate(error, path) from error
    names = schema.chosen(list(found.column_names), columns, path)
    limits.check_count(len(names), limits.current().columns, "columns", path=path)
    if fields is not None and columns is None and names != [field.name for field in fields]:
        raise CorruptInput("the names of the columns are not those that were declared", path=path)
    described = {field.name: field for field in fields or []}
    return [column(found.column(name), described.get(name), name, path) for name in names]


def options(fields: list[Field] | None, columns: Sequence[str] | None) -> tuple[Any, Any, Any]:
    """Return pyarrow's options for reading."""
    from pyarrow import csv

    described = fields is not None
    wrapped = fields is None or any(field.shape or field.dtype[0] in "cSU" for field in fields)
    convert = csv.ConvertOptions(
        column_types={field.name: _cell_type(field) for field in fields or []},
        null_values=[""] if described else ["", "NULL", "null", "None", "NA", "N/A", "#N/A"],
        true_values=["true", "True", "TRUE"],
        false_values=["false", "False", "FALSE"],
        strings_can_be_null=described,
        quoted_strings_can_be_null=False,
        include_columns=list(columns) if columns is not None else [],
        include_missing_columns=False,
    )
    return (
        csv.ReadOptions(use_threads=True),
        csv.ParseOptions(newlines_in_values=wrapped, ignore_empty_lines=not described),
        convert,
    )


def column(values: Any, field: Field | None, name: str, path: str | os.PathLike[str]) -> Piece:
    """Return a column from its cells."""
    import pyarrow as pa

    if field is None:
        if pa.types.is_binary(values.type):
            values = pa.array([value and value.decode("latin-1") for value in values.to_pylist()], pa.string())
        return from_arrow(values.cast(pa.string()) if _is_date(values.type) else values, None, name, path)
    kind = np.dtype(field.dtype).kind
    if field.shape or kind == "c":
        data, mask = _from_json(values, field, path)
    else:
        piece = from_arrow(values, None, name, path)
        data, mask = piece.data, piece.mask
        if kind == "S":
            try:
                data = np.char.encode(data, "latin-1")
            except UnicodeError as error:
                raise CorruptInput("the text does not fit its description", path=path, hdu=name) from error
    if mask is not None and not field.masked:
        raise CorruptInput("a value is missing where none may be", path=path, hdu=name)
    return Piece(field, schema.restore(data, field, path), mask)


def translate(error: Exception, path: str | os.PathLike[str]) -> Exception:
    """Return our error for one of pyarrow's over CSV text."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    missing = re.search(r"Column '(.*)' in include_columns", reason)
    if missing:
        return SchemaMismatch(f"there is no column {missing[1]!r}", path=path)
    return CorruptInput(f"cannot be read as CSV ({reason})", path=path)


def _cell_type(field: Field) -> Any:
    import pyarrow as pa

    dtype = np.dtype(field.dtype)
    if field.shape or dtype.kind in "cSU":
        return pa.string()
    if dtype.kind in "Mm":
        return pa.int64()
    return pa.float32() if dtype == np.float16 else pa.from_numpy_dtype(dtype)


def _is_date(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind) or pa.types.is_time(kind))


def _as_json(data: Any, mask: Any) -> list[str]:
    """Return each row as JSON: null under the mask, [real, imaginary] for complex numbers."""
    if data.dtype.kind == "c":
        data = np.stack([data.real, data.imag], axis=-1)
        mask = None if mask is None else np.stack([mask, mask], axis=-1)
    if data.dtype.kind == "S":
        data = np.char.decode(data, "latin-1")
    if data.dtype == np.float16:
        data = data.astype("f4")
    if data.dtype == np.float32:
        return [_row(row, hidden) for row, hidden in zip(_shortest(data), _rows(mask, len(data)), strict=True)]
    return [_row(row, hidden) for row, hidden in zip(data.tolist(), _rows(mask, len(data)), strict=True)]


def _shortest(data: Any) -> list[Any]:
    """Return single precision numbers as the shortest double that gives them back."""
    return data.astype("U16").astype("f8").tolist()


def _rows(mask: Any, count: int) -> list[Any]:
    return [None] * count if mask is None else mask.tolist()


def _row(row: Any, hidden: Any) -> str:
    return json.dumps(row if hidden is None else _hide(row, hidden), separators=(",", ":"))


def _hide(row: Any, hidden: Any) -> Any:
    if isinstance(hidden, list):
        return [_hide(value, gone) for value, gone in zip(row, hidden, strict=True)]
    return None if hidden else row


def _from_json(values: Any, field: Field, path: str | os.PathLike[str]) -> tuple[Any, Any]:
    dtype = np.dtype(field.dtype)
    text_like = dtype.kind in "SU"
    number = "f8" if dtype.kind == "c" else "i8" if dtype.kind in "Mm" else dtype
    try:
        rows = [json.loads(value) for value in values.to_pylist()]
        shape = (len(rows), *field.shape, *((2,) if dtype.kind == "c" else ()))
        mask = _found_mask(rows, len(shape)).reshape(shape) if field.masked else None
        filled = _fill(rows, "" if text_like else 0) if mask is not None and mask.any() else rows
        data = np.array(filled, dtype=str if text_like else number).reshape(shape)
        if dtype.kind == "c":
            data = data.view("c16")[..., 0]
            mask = None if mask is None else mask.all(axis=-1)
        return np.char.encode(data, "latin-1") if dtype.kind == "S" else data, mask
    except (ValueError, TypeError, RecursionError, OverflowError, UnicodeError) as error:
        raise CorruptInput(f"a cell is not the JSON of an array: {error}", path=path, hdu=field.name) from error


def _found_mask(rows: list[Any], depth: int) -> Any:
    def walk(item: Any, left: int) -> Any:
        return item is None if left == 0 else [walk(inner, left - 1) for inner in item]

    return np.array(walk(rows, depth), bool)


def _fill(item: Any, filler: Any) -> Any:
    if isinstance(item, list):
        return [_fill(inner, filler) for inner in item]
    return filler if item is None else item


def table_meta(values: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata of the table among what the leading lines say."""
    return {key: value for key, value in values.items() if not key.startswith(text.OURS)}


def _no_key(key: object, path: str | os.PathLike[str]) -> None:
    if key is not None:
        raise SchemaMismatch("a CSV file holds one table, without a key", path=path)
