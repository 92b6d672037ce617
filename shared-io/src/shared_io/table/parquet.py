"""Tables in Parquet: checksums on pages, a seal on the footer, metadata that others can read too."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from shared_io import _source, atomic, limits
from shared_io.errors import CorruptInput, SchemaMismatch, SharedIOError
from shared_io.table import schema, seal
from shared_io.table.arrow import from_arrow, to_arrow
from shared_io.table.schema import Field, Piece

if TYPE_CHECKING:
    from astropy.table import Table

    from shared_io.provenance import Provenance

__all__ = ["Writer", "arrow_schema", "batches", "key_values", "read", "row_groups", "write", "writer"]

_COLUMNS, _META = b"shared_io.columns", b"shared_io.meta"
_FOREIGN_META = b"scope"  # a JSON object of attributes, as scope's tables carry them
_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 12, "FLOAT": 4, "DOUBLE": 8, "BYTE_ARRAY": 4}
_ROWS = 2**20  # of a row group
_BUFFER = 2**20  # bytes of a column that are read at a time where not all of them may lie in memory


class Writer:
    """A Parquet file being written piece by piece; made by `writer`."""

    def __init__(self, path: str | os.PathLike[str], target: str, extra: Mapping[bytes, bytes], meta: Any) -> None:
        self._path = path
        self._target = target
        self._extra = dict(extra)
        self._meta = meta
        self._fields: list[Field] | None = None
        self._exact: list[Field] = []
        self._writer: Any = None

    def add(self, table: Table) -> None:
        """Append the rows of a table.

        Raises
        ------
        SchemaMismatch
            When its columns are not those of the first table.
        """
        import pyarrow as pa

        found = schema.pieces(table, self._path)
        if self._fields is None:
            self._begin(found, self._meta if self._meta is not None else dict(table.meta))
        found = [self._fit(piece, field) for piece, field in zip(found, self._matching(found), strict=True)]
        self._exact = [_wider(field, piece.field) for field, piece in zip(self._exact, found, strict=True)]
        if not len(table):
            return
        arrays = [to_arrow(piece, self._path) for piece in found]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._writer.schema), row_group_size=_ROWS)

    def close(self) -> None:
        """Finish the file."""
        if self._writer is None:
            raise SchemaMismatch("no table was added", path=self._path)
        columns = schema.dump(schema.encode_fields(self._exact), self._path)
        self._writer.add_key_value_metadata({_COLUMNS.decode(): columns})
        self._writer.close()

    def _begin(self, found: list[Piece], meta: Any) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._fields = [replace(piece.field, dtype=_open_width(piece.field.dtype)) for piece in found]
        exact = [piece.field for piece in found]
        self._exact = exact
        values = {
            _META: schema.dump(meta, self._path).encode(),
            seal.KEY: b"1",
            **self._extra,
        }
        types = [pa.field(p.field.name, to_arrow(p, self._path).type) for p in found]
        self._writer = pq.ParquetWriter(
            self._target,
            pa.schema(types, metadata=values),
            compression="zstd",
            write_page_checksum=True,
            use_dictionary=[p.field.name for p in found if p.field.dtype[0] in "US" and not p.field.shape],
        )

    def _matching(self, found: list[Piece]) -> list[Field]:
        fields = self._fields or []
        names = [piece.field.name for piece in found]
        if names != [field.name for field in fields]:
            raise SchemaMismatch(f"columns {names} are not those of the first table", path=self._path)
        return fields

    def _fit(self, piece: Piece, field: Field) -> Piece:
        if (_open_width(piece.field.dtype), piece.field.shape, piece.field.unit) != (
            field.dtype,
            field.shape,
            field.unit,
        ):
            raise SchemaMismatch(
                f"{piece.field.dtype}{list(piece.field.shape)} [{piece.field.unit}] is not "
                f"{field.dtype}{list(field.shape)} [{field.unit}] as in the first table",
                path=self._path,
                hdu=field.name,
            )
        return piece


@contextmanager
def writer(
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    provenance: Provenance | None = None,
    meta: dict[str, Any] | None = None,
) -> Iterator[Writer]:
    """Open a Parquet file to write piece by piece; see `shared_io.table.writer`."""
    import pyarrow.parquet as pq

    extra = {k.encode(): v.encode() for k, v in provenance.to_attrs().items()} if provenance else {}
    with atomic.atomic_path(path, overwrite=overwrite) as temporary:
        out = Writer(path, os.fspath(temporary), extra, meta)
        try:
            yield out
            out.close()
        except BaseException:
            if out._writer is not None:
                out._writer.close()
            raise
        with temporary.open("r+b") as file:
            seal.seal(file, pq.read_metadata(temporary))


def write(
    table: Table,
    path: str | os.PathLike[str],
    *,
    key: str | None = None,
    overwrite: bool = False,
    provenance: Provenance | None = None,
) -> None:
    """Write a table; see `shared_io.table.write`."""
    if key is not None:
        raise SchemaMismatch("a Parquet file holds one table, without a key", path=path)
    with writer(path, overwrite=overwrite, provenance=provenance) as out:
        out.add(table)


def read(path: str | os.PathLike[str], *, key: object = None, columns: Sequence[str] | None = None) -> Table:
    """Read a table; see `shared_io.table.read`."""
    _no_key(key, path)
    with _opened(path) as source:
        names = source.choose(columns)
        for group in range(source.groups):
            source.verify(group, names)
        with _translated(path):
            found = source.file.read(columns=names, use_threads=True)
        return source.table(found, names)


def batches(
    path: str | os.PathLike[str], *, rows: int, key: object = None, columns: Sequence[str] | None = None
) -> Iterator[Table]:
    """Read a table piece by piece; see `shared_io.table.batches`."""
    _no_key(key, path)
    with _opened(path) as source:
        names = source.choose(columns)
        for group in range(source.groups):
            source.verify(group, names)
            for part in _pieces(source, group, names, rows):
                yield source.table(part, names)


def row_groups(
    path: str | os.PathLike[str],
    columns: Sequence[str] | None = None,
    *,
    where: Mapping[str, Any] | None = None,
    most: int | None = None,
) -> Iterator[Any]:
    """Read Arrow tables, a row group at a time; see `shared_io.table.row_groups`."""
    with _opened(path, buffer_size=_BUFFER if most else 0) as source:
        names = source.choose(columns)
        wanted = (where or {}).items()
        kept = [g for g in range(source.groups) if all(source.may_hold(g, name, values) for name, values in wanted)]
        for groups in [[g] for g in kept] if most is None else source.together(kept, names, most):
            for group in groups:
                source.verify(group, names)
            rows = None if most is None else source.rows(groups[0], names, most)
            if rows is not None:
                yield from _pieces(source, groups[0], names, rows)
                continue
            with _translated(path):
                found = source.file.read_row_groups(groups, columns=names, use_threads=False)
            yield found


def _pieces(source: _Source, group: int, names: list[str], rows: int) -> Iterator[Any]:
    """Yield some rows of a row group after others, as Arrow tables."""
    import pyarrow as pa

    parts = source.file.iter_batches(batch_size=rows, row_groups=[group], columns=names, use_threads=False)
    while True:
        with _translated(source.path):
            part = next(parts, None)
        if part is None:
            return
        yield pa.Table.from_batches([part])


def arrow_schema(path: str | os.PathLike[str]) -> Any:
    """Return the names and types of the columns, from the footer alone."""
    with _opened(path) as source:
        return source.file.schema_arrow


def key_values(path: str | os.PathLike[str]) -> dict[str, str]:
    """Return the texts that the footer carries, verified."""
    with _opened(path) as source:
        return {k.decode(errors="replace"): v.decode(errors="replace") for k, v in source.values.items()}


class _Source:
    """An open Parquet file whose footer has been verified."""

    def __init__(self, file: Any, raw: Any, path: str | os.PathLike[str]) -> None:
        self.file = file
        self.path = path
        self._raw = raw
        self._metadata = file.metadata
        self.groups: int = self._metadata.num_row_groups
        self.values: dict[bytes, bytes] = dict(self._metadata.metadata or {})
        self._seal = seal.read_seal(raw, self._metadata, path)
        self._names: list[str] = list(file.schema_arrow.names)
        self._check_sizes()
        self.fields = self._read_fields()

    def choose(self, columns: Sequence[str] | None) -> list[str]:
        """Return the columns to read; those that pandas keeps its row numbers in only if asked for."""
        names = [n for n in self._names if not _is_index(n)] if columns is None else self._names
        return schema.chosen(names, columns, self.path)

    def verify(self, group: int, names: list[str]) -> None:
        """Verify the bytes of some columns of a row group where the file is sealed."""
        if self._seal is None:
            return
        row_group = self._metadata.row_group(group)
        paths = [row_group.column(i).path_in_schema for i in range(self._metadata.num_columns)]
        wanted = tuple(f"{name}." for name in names)
        indices = [i for i, path in enumerate(paths) if f"{path}.".startswith(wanted)]
        self._seal.verify(self._raw, self._metadata, group, indices, self.path)

    def together(self, groups: list[int], names: list[str], most: int) -> list[list[int]]:
        """Return row groups in lots of at most so many bytes in some columns; larger ones are alone."""
        lots: list[list[int]] = []
        room = 0
        for group in groups:
            size = self._bytes(group, names)
            if not lots or size > room:
                lots.append([])
                room = most
            lots[-1].append(group)
            room -= size
        return lots

    def rows(self, group: int, names: list[str], most: int) -> int | None:
        """Return how many rows of a group make `most` bytes in some columns; None if all of them do not."""
        total = self._bytes(group, names)
        return None if total <= most else max(1, self._metadata.row_group(group).num_rows * most // total)

    def _bytes(self, group: int, names: list[str]) -> int:
        """Return what some columns of a row group are in memory."""
        row_group, total = self._metadata.row_group(group), 0
        for index in range(self._metadata.num_columns):
            chunk = row_group.column(index)
            if f"{chunk.path_in_schema}.".startswith(tuple(f"{name}." for name in names)):
                total += max(chunk.total_uncompressed_size, chunk.num_values * self._width(index))
        return total

    def may_hold(self, group: int, name: str, wanted: Any) -> bool:
        """Tell from the statistics whether a row group can hold one of the wanted numbers in a column."""
        row_group = self._metadata.row_group(group)
        for index in range(self._metadata.num_columns):
            chunk = row_group.column(index)
            found = chunk.statistics if chunk.path_in_schema == name else None
            if found is not None and found.has_min_max:
                return any(found.min <= value <= found.max for value in wanted)
        return True

    def table(self, found: Any, names: list[str]) -> Table:
        """Return Arrow columns as a table."""
        with _translated(self.path):
            made = [from_arrow(found.column(name), self.fields.get(name), name, self.path) for name in names]
        return schema.build(made, self.meta())

    def meta(self) -> dict[str, Any]:
        """Return the metadata of the table."""
        text = self.values.get(_META, self.values.get(_FOREIGN_META))
        if text is None:
            return {}
        meta = schema.decode_meta(text, self.path)
        if not isinstance(meta, dict):
            raise CorruptInput("the metadata are no JSON object", path=self.path)
        return meta

    def _width(self, index: int) -> int:
        """Return the bytes of a value in memory; of texts, those of its place alone."""
        column = self._metadata.schema.column(index)
        return int(column.length) if column.physical_type == "FIXED_LEN_BYTE_ARRAY" else _WIDTHS[column.physical_type]

    def _read_fields(self) -> dict[str, Field]:
        text = self.values.get(_COLUMNS)
        if text is None:
            return {}
        return {f.name: f for f in schema.decode_fields(schema.decode_meta(text, self.path), self.path)}

    def _check_sizes(self) -> None:
        """Check from the footer what the file will be in memory."""
        metadata, size = self._metadata, os.fstat(self._raw.fileno()).st_size
        limits.check_count(metadata.num_columns, limits.current().columns, "columns", path=self.path)
        total, rows = 0, 0
        for group in range(self.groups):
            rows += metadata.row_group(group).num_rows
            for index, (start, length) in enumerate(seal.chunk_ranges(metadata, group)):
                if length and (start < 4 or length < 0 or start + length > size):
                    raise CorruptInput(
                        f"row group {group} lies outside of the file: truncated or damaged", path=self.path
                    )
                chunk = metadata.row_group(group).column(index)
                total += max(0, chunk.total_uncompressed_size, chunk.num_values * self._width(index))
        if rows != metadata.num_rows or rows < 0:
            raise CorruptInput("the numbers of rows do not add up", path=self.path)
        total = max(total, rows * max(1, len(self._names)))
        limits.check_bytes(total, path=self.path, what="a table")
        limits.check_expansion(total, size, path=self.path)


def _parquet_file(path: str | os.PathLike[str], **options: Any) -> Any:
    import pyarrow.parquet as pq

    return pq.ParquetFile(
        os.fspath(path),
        page_checksum_verification=True,
        thrift_string_size_limit=limits.current().header_bytes * 4,
        thrift_container_size_limit=10_000_000,
        **options,
    )


def _repeated(metadata: Any) -> list[str]:
    """Return the columns of text of which few may be repeated often: they are read without repeating them."""
    found = set()
    for group in range(metadata.num_row_groups):
        for index in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(index)
            most = chunk.num_values * chunk.total_uncompressed_size
            if chunk.physical_type == "BYTE_ARRAY" and chunk.has_dictionary_page and most > limits.current().free_bytes:
                found.add(chunk.path_in_schema)
    return sorted(found)


@contextmanager
def _opened(path: str | os.PathLike[str], **options: Any) -> Iterator[_Source]:
    with _source.open_input(path) as raw:
        seal.check_footer(raw, path)
        with _translated(path):
            file = _parquet_file(path, **options)
        with file:
            with _translated(path):
                source = _Source(file, raw, path)
                repeated = _repeated(file.metadata)
            if not repeated:
                yield source
                return
            with _translated(path):
                again = _parquet_file(path, metadata=file.metadata, read_dictionary=repeated, **options)
            with again:
                source.file = again
                yield source


@contextmanager
def _translated(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what pyarrow raises over a damaged file into `CorruptInput`."""
    import pyarrow as pa

    try:
        yield
    except (SharedIOError, MemoryError):
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CorruptInput(f"cannot be read ({reason})", path=path, hint="the file is truncated or damaged") from error


def _open_width(dtype: str) -> str:
    """Return the dtype without the width of text, which may differ from piece to piece."""
    return dtype[0] if dtype[0] in "US" else dtype


def _wider(field: Field, other: Field) -> Field:
    """Return the description for rows of both: text as wide as the widest, masked if one of them is."""
    dtype = field.dtype
    if dtype[0] in "US" and int(other.dtype[1:]) > int(dtype[1:]):
        dtype = other.dtype
    return replace(field, dtype=dtype, masked=field.masked or other.masked)


def _is_index(name: str) -> bool:
    return name.startswith("__index_level_") and name.endswith("__")


def _no_key(key: object, path: str | os.PathLike[str]) -> None:
    if key is not None:
        raise SchemaMismatch("a Parquet file holds one table, without a key", path=path)
