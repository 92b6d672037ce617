"""Feature tables in Parquet: columns with their types, written row group by row group.

Their types (nested lists, a struct for positions, integers that may be missing) and the metadata key ``scope`` are
those that users of earlier feature tables read.  :mod:`shared_io.table` has no structs, so the Arrow tables are
built here; writing is :mod:`shared_io.atomic`'s.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from shared_io import atomic

from scope.features.schema import INT, PICTURE, POINT, TEXT, TRUTH

if TYPE_CHECKING:
    from shared_io.provenance import Provenance

ROW_GROUP = 10_000
"""Rows that a table holds in one row group."""

_SIDE = 26  # of the dm-dt picture


def write_features(
    path: Path, groups: Iterable[Any], columns: Mapping[str, str], *, meta: Mapping[str, object],
    provenance: Provenance, overwrite: bool = False,
) -> None:  # fmt: skip
    """Write a feature table, whole or not at all.

    Parameters
    ----------
    path : pathlib.Path
        Where to; folders are made.
    groups : iterable of pyarrow.Table
        Made by :func:`to_arrow` with the same columns; each becomes a row group and is let go before the next is drawn.
    columns : mapping of str to str
        Names, order and types (:func:`scope.features.schema.columns`).
    meta : mapping
        Written as JSON under the metadata key ``scope``.
    provenance : Provenance
        Written beside it.
    overwrite : bool
        Replace the file that is there.

    Raises
    ------
    OutputExists, WriteFailed
        When the file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    notes = {"scope": json.dumps(meta, sort_keys=True), **provenance.to_attrs()}
    schema = pa.schema([(name, _type(kind)) for name, kind in columns.items()], metadata=notes)
    with (
        atomic.atomic_path(path, overwrite=overwrite) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd", write_page_checksum=True) as writer,
    ):
        for group in groups:
            writer.write_table(group.replace_schema_metadata(notes))


def to_arrow(values: Mapping[str, Any], columns: Mapping[str, str]) -> Any:
    """Return columns as an Arrow table.

    Parameters
    ----------
    values : mapping of str to sequence
        A value of each source by column, `_id` among them; Arrow columns are taken as they are, and columns that are
        not there are missing throughout.
    columns : mapping of str to str
        Names, order and types.
    """
    import pyarrow as pa

    size = len(values["_id"])
    arrays = [_array(name, kind, values, size) for name, kind in columns.items()]
    return pa.table(arrays, schema=pa.schema([(name, _type(kind)) for name, kind in columns.items()]))


def _type(kind: str) -> Any:
    import pyarrow as pa

    if kind == POINT:
        return pa.struct([("coordinates", pa.list_(pa.float64())), ("type", pa.string())])
    if kind == PICTURE:
        return pa.list_(pa.list_(pa.float64()))
    return {TEXT: pa.string(), TRUTH: pa.bool_(), INT: pa.int64()}.get(kind, pa.float64())


def _array(name: str, kind: str, values: Mapping[str, Any], size: int) -> Any:
    import pyarrow as pa

    given = values.get(name)
    if isinstance(given, pa.ChunkedArray):
        return given
    if kind == POINT:
        return _points(np.asarray(values["ra"]), np.asarray(values["dec"]))
    if kind == PICTURE:
        return _pictures(np.asarray(given, np.float64).reshape(-1))
    if kind == INT:
        return pa.array([None] * size if given is None else [None if v is None else int(v) for v in given], pa.int64())
    if kind in (TEXT, TRUTH):
        return pa.array([None] * size if given is None else list(given), _type(kind))
    return pa.array(np.full(size, np.nan) if given is None else np.asarray(given, np.float64), pa.float64())


def _pictures(flat: np.ndarray) -> Any:
    import pyarrow as pa

    rows = pa.ListArray.from_arrays(pa.array(np.arange(0, len(flat) + 1, _SIDE), pa.int32()), pa.array(flat))
    return pa.ListArray.from_arrays(pa.array(np.arange(0, len(rows) + 1, _SIDE), pa.int32()), rows)


def _points(ra: np.ndarray, dec: np.ndarray) -> Any:
    """Return positions as GeoJSON points, whose longitude is ra - 180 deg."""
    import pyarrow as pa

    points = [
        None if not np.isfinite(a + d) else {"coordinates": [a - 180.0, d], "type": "Point"}
        for a, d in zip(ra.tolist(), dec.tolist(), strict=True)
    ]
    return pa.array(points, _type(POINT))
