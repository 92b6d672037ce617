"""Tables in HDF5: a group with one dataset for each column; tables of astropy and of pandas are read too."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from shared_io import _source as _stored
from shared_io import hdf5, limits
from shared_io.errors import CorruptInput, SchemaMismatch
from shared_io.table import pandas_hdf5, schema
from shared_io.table.schema import Field, Piece

if TYPE_CHECKING:
    from astropy.table import Table

    from shared_io.provenance import Provenance

__all__ = ["batches", "read", "write"]

_COLUMNS, _META = "shared_io.columns", "shared_io.meta"
_KEY = "table"
_MASK = ".mask"
_PART = 32_000  # bytes


def write(
    table: Table,
    path: str | os.PathLike[str],
    *,
    key: str | None = None,
    overwrite: bool = False,
    provenance: Provenance | None = None,
) -> None:
    """Write a table; see `shared_io.table.write`."""
    found = schema.pieces(table, path)
    arrays = {}
    for number, piece in enumerate(found):
        entry = _entry(number, piece.field)
        arrays[entry] = schema.storable(piece)
        if piece.mask is not None:
            arrays[entry + _MASK] = piece.mask
    attrs = {
        **_in_parts(_COLUMNS, schema.dump(schema.encode_fields(found), path)),
        **_in_parts(_META, schema.dump(dict(table.meta), path)),
    }
    with hdf5.writer(path, compression="low", overwrite=overwrite, provenance=provenance) as out:
        out.add(key or _KEY, arrays, attrs)


def read(path: str | os.PathLike[str], *, key: str | int | None = None, columns: Sequence[str] | None = None) -> Table:
    """Read a table; see `shared_io.table.read`."""
    with hdf5.reader(path) as file:
        source = _source(file, key, path)
        names = schema.chosen(source.names, columns, path)
        with hdf5.translated(path, source.key):
            size = source.size(names)
            limits.check_bytes(size, path=path, hdu=source.key, what="a table")
            limits.check_expansion(size, _stored.size(path), path=path, hdu=source.key)
            return schema.build(source.pieces(names, slice(None)), source.meta)


def batches(
    path: str | os.PathLike[str],
    *,
    rows: int,
    key: str | int | None = None,
    columns: Sequence[str] | None = None,
) -> Iterator[Table]:
    """Read a table piece by piece; see `shared_io.table.batches`."""
    with hdf5.reader(path) as file:
        source = _source(file, key, path)
        names = schema.chosen(source.names, columns, path)
        for part in schema.slices(source.rows, rows):
            with hdf5.translated(path, source.key):
                found = schema.build(source.pieces(names, part), source.meta)
            yield found


def _source(file: hdf5.Reader, key: str | int | None, path: str | os.PathLike[str]) -> Any:
    """Return whatever reads the table under `key`."""
    name = _only(file, path) if key is None else str(key)
    with hdf5.translated(path, name):
        node = file.node(name)
        if not file.is_group(node):
            return _Compound(file, node, name, path)
        if _COLUMNS in node.attrs:
            return _Ours(file, node, name, path)
        found = pandas_hdf5.source(file, node, name, path)
        return found if found is not None else _Group(file, node, name, path)


def _only(file: hdf5.Reader, path: str | os.PathLike[str]) -> str:
    """Return the name of the only table there is."""
    for name in (_KEY, "df"):
        if name in file.names:
            return name
    names = [name for name in file.names if not name.startswith("_") and not name.endswith("__")]
    if len(names) == 1:
        return names[0]
    shown = ", ".join(names[:12]) or "nothing"
    raise SchemaMismatch("which table is meant is not clear", path=path, hint=f"give a key; it has {shown}")


class _Ours:
    """A table as `write` leaves it."""

    def __init__(self, file: hdf5.Reader, node: Any, key: str, path: str | os.PathLike[str]) -> None:
        self.key, self._file, self._node, self._path = key, file, node, path
        self._fields = schema.decode_fields(schema.decode_meta(_joined(file, node, _COLUMNS), path), path)
        self.names = [field.name for field in self._fields]
        self.meta: Mapping[str, Any] = schema.decode_meta(_joined(file, node, _META), path)
        self._sets = [file.node(f"{key}/{_entry(i, field)}") for i, field in enumerate(self._fields)]
        lengths = {len(dataset) for dataset in self._sets}
        if len(lengths) > 1 or not isinstance(self.meta, dict):
            raise CorruptInput("the columns differ in length, or the metadata are no object", path=path, hdu=key)
        self.rows = lengths.pop() if lengths else 0

    def size(self, names: list[str]) -> int:
        """Bytes in memory."""
        return sum(self._sets[self.names.index(n)].nbytes for n in names)

    def pieces(self, names: list[str], part: slice) -> list[Piece]:
        """Return some columns of some rows."""
        return [self._piece(self.names.index(name), part) for name in names]

    def _piece(self, number: int, part: slice) -> Piece:
        field = self._fields[number]
        data = self._file.load(self._sets[number], part)
        mask = None
        if field.masked:
            mask = self._file.load(self._file.node(f"{self.key}/{_entry(number, field)}{_MASK}"), part)
        if mask is not None and (mask.dtype != bool or mask.shape != data.shape):
            raise CorruptInput("the mask does not fit the column", path=self._path, hdu=field.name)
        return Piece(field, schema.restore(data, field, self._path), mask)


class _Compound:
    """One dataset of records, as astropy and PyTables write tables."""

    def __init__(self, file: hdf5.Reader, node: Any, key: str, path: str | os.PathLike[str]) -> None:
        self.key, self._file, self._node, self._path = key, file, node, path
        file.check(node)
        if not node.dtype.names or node.ndim != 1:
            raise SchemaMismatch("this array is no table", path=path, hdu=key)
        limits.check_count(len(node.dtype.names), limits.current().columns, "columns", path=path, hdu=key)
        self.names = list(node.dtype.names)
        self.meta: Mapping[str, Any] = {}
        self.rows = len(node)

    def size(self, names: list[str]) -> int:
        """Bytes in memory."""
        return self.rows * int(self._node.dtype.itemsize)

    def pieces(self, names: list[str], part: slice) -> list[Piece]:
        """Return some columns of some rows."""
        records = self._node[part]
        return [plain(name, records[name]) for name in names]


class _Group:
    """A group of arrays of one length."""

    def __init__(self, file: hdf5.Reader, node: Any, key: str, path: str | os.PathLike[str]) -> None:
        self.key, self._file, self._path = key, file, path
        members = {name: file.node(f"{key}/{name}") for name in sorted(node)}
        self._sets = {name: found for name, found in members.items() if not file.is_group(found) and found.ndim}
        lengths = {len(found) for found in self._sets.values()}
        if len(lengths) != 1:
            raise SchemaMismatch("this group is no table: its arrays differ in length", path=path, hdu=key)
        self.names, self.rows = list(self._sets), lengths.pop()
        self.meta: Mapping[str, Any] = {}

    def size(self, names: list[str]) -> int:
        """Bytes in memory."""
        return sum(self._sets[name].nbytes for name in names)

    def pieces(self, names: list[str], part: slice) -> list[Piece]:
        """Return some columns of some rows."""
        return [plain(name, self._file.load(self._sets[name], part)) for name in names]


def _in_parts(key: str, text: str) -> dict[str, str]:
    """Return text as attributes that are short enough for the checksummed header of the group."""
    parts = [text[i : i + _PART] for i in range(0, len(text), _PART)]
    return {key if i == 0 else f"{key}.{i}": part for i, part in enumerate(parts)}


def _joined(file: hdf5.Reader, node: Any, key: str) -> str:
    parts: list[str] = []
    while (name := f"{key}.{len(parts)}" if parts else key) in node.attrs:
        parts.append(str(file.attribute(node, name)))
    return "".join(parts)


def _entry(number: int, field: Field) -> str:
    """Return the name of a column's dataset: its own, unless HDF5 or the masks need that name."""
    safe = field.name.isprintable() and field.name.strip(". ") and "/" not in field.name
    return field.name if safe and not field.name.endswith(_MASK) else f"column {number}"


def plain(name: str, data: Any) -> Piece:
    """Return a column that has no description, text decoded."""
    data = np.ascontiguousarray(data)
    if data.dtype.kind == "S":
        try:
            data = np.char.decode(data, "utf-8")
        except UnicodeError:
            data = np.char.decode(data, "latin-1")
    data = data.astype(data.dtype.newbyteorder("="), copy=False)
    return Piece(Field(name, data.dtype.str[1:], data.shape[1:]), data, None)
