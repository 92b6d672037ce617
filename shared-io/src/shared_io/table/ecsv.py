"""Tables in ECSV that astropy reads; lines that are comments to YAML hold the digest and the exact columns.

::

    # %ECSV 1.0
    # ---
    # # shared_io.digest: {"bytes":811,"crc32":"0c9e31b2"}
    # # shared_io.columns: [{"name":"flux","dtype":"f4","unit":"Jy"}]
    # delimiter: ','
    # ...

ECSV does not tell an empty text from a missing one; our own reader does, since the one is quoted.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from shared_io import atomic
from shared_io.errors import CorruptInput, SchemaMismatch
from shared_io.fits.read import quiet
from shared_io.table import csv, schema, text
from shared_io.table.schema import Field, Piece

if TYPE_CHECKING:
    from astropy.table import Table

    from shared_io.provenance import Provenance

__all__ = ["batches", "read", "write"]

_MARK = "# # "
_META = "shared_io.meta"
_NODES = 100_000  # of the metadata that others wrote
_TYPES = {"f2": "float16", "U": "string", "S": "string", "M": "int64", "m": "int64", "b": "bool"}


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
    if not found:
        raise SchemaMismatch("ECSV cannot hold a table without columns", path=path)
    meta = schema.dump(dict(table.meta), path)
    lines = [
        "# %ECSV 1.0",
        "# ---",
        f"{_MARK}{text.COLUMNS}: {schema.dump(schema.encode_fields(found), path)}",
    ]
    lines.append(f"{_MARK}{_META}: {meta}")
    if provenance is not None:
        lines.append(f"{_MARK}{text.PROVENANCE}: {provenance.json}")
    lines += ["# delimiter: ','", "# datatype:"]
    lines += [f"# - {schema.dump(_described(piece.field), path)}" for piece in found]
    lines += [f"# {line}" for line in _yaml(table.meta)]
    lines.append("# schema: astropy-2.0")
    parts = text.join(lines, csv.body([_spelled(piece) for piece in found], path), _MARK, 2)
    with atomic.atomic_path(path, overwrite=overwrite) as temporary, temporary.open("wb") as file:
        file.writelines(parts)


def read(path: str | os.PathLike[str], *, key: object = None, columns: Sequence[str] | None = None) -> Table:
    """Read a table; see `shared_io.table.read`."""
    _no_key(key, path)
    data = text.load(path)
    head = text.split(data, path, b"# # ")
    text.verify(head, data, path)
    if text.COLUMNS not in head.values:
        return _foreign(data, columns, path)
    fields = schema.decode_fields(head.values[text.COLUMNS], path)
    found = csv.parse(memoryview(data)[head.start :], fields, columns, path)
    return schema.build(found, head.values.get(_META, {}))


def batches(
    path: str | os.PathLike[str], *, rows: int, key: object = None, columns: Sequence[str] | None = None
) -> Iterator[Table]:
    """Read a table whole and yield it piece by piece; see `shared_io.table.batches`."""
    whole = read(path, key=key, columns=columns)
    for part in schema.slices(len(whole), rows):
        yield whole[part]


def _foreign(data: bytes, columns: Sequence[str] | None, path: str | os.PathLike[str]) -> Table:
    """Read what another program wrote; astropy's YAML loader makes nothing but plain data and units."""
    from astropy.io import ascii as astropy_ascii

    _check_nesting(data, path)
    try:
        with quiet():
            table = astropy_ascii.read(data.decode(), format="ecsv", guess=False)
        _check_tree(table.meta)
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CorruptInput(f"cannot be read as ECSV ({reason})", path=path) from error
    return table if columns is None else table[schema.chosen(table.colnames, columns, path)]


def _check_nesting(data: bytes, path: str | os.PathLike[str]) -> None:
    """Refuse lines of brackets, over which YAML takes its time."""
    for line in itertools.takewhile(lambda line: line.startswith(b"#"), data.splitlines()):
        if re.search(rb"[\[{](?:\s*[\[{]){99}", line):
            raise CorruptInput("the header nests too deep", path=path)


def _check_tree(meta: Any) -> None:
    """Refuse metadata that repeat themselves, by YAML's aliases, without end or far too often."""
    left, queue = _NODES, [meta]
    while queue:
        node = queue.pop()
        inner = list(node.values()) if isinstance(node, dict) else node if isinstance(node, list | tuple) else ()
        left -= len(inner)
        if left < 0:
            raise ValueError("the metadata refer to themselves, or are too many")
        queue += inner


def _described(field: Field) -> dict[str, Any]:
    """Return a column as the header of ECSV describes it."""
    dtype = np.dtype(field.dtype)
    shape = (*field.shape, 2) if dtype.kind == "c" else field.shape
    base = _TYPES.get(
        field.dtype, _TYPES.get(dtype.kind, f"float{4 * dtype.itemsize}" if dtype.kind == "c" else dtype.name)
    )
    plain: dict[str, Any] = {"name": field.name, "datatype": "string" if shape else base}
    if shape:
        plain["subtype"] = f"{base}[{','.join(map(str, shape))}]"
    for key in ("unit", "description"):
        if getattr(field, key):
            plain[key] = getattr(field, key)
    return plain


def _yaml(meta: Any) -> list[str]:
    import yaml

    if not meta:
        return []
    content = {"meta": schema.decode_meta(schema.dump(dict(meta), ""), "")}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=False, width=100_000).splitlines()


def _spelled(piece: Piece) -> Piece:
    """Return booleans as ECSV spells them."""
    if piece.data.dtype.kind != "b" or piece.data.ndim > 1:
        return piece
    return Piece(piece.field, np.where(piece.data, "True", "False"), piece.mask)


def _no_key(key: object, path: str | os.PathLike[str]) -> None:
    if key is not None:
        raise SchemaMismatch("an ECSV file holds one table, without a key", path=path)
