"""Survey files in Parquet whose rows are sources that hold their own points -> :class:`LightCurves`.

Read in pieces of some megabytes, straight from Arrow's buffers: row groups without a wanted source are skipped by
their statistics, and sources that are not wanted are dropped before the next piece is read.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from shared_io import table
from shared_io.errors import SchemaMismatch

from scope.lightcurves.record import UNKNOWN, LightCurves
from scope.lightcurves.selection import Selection

log = logging.getLogger(__name__)

MJD0 = 2400000.5
"""Julian date of the origin of the modified Julian date [d]."""

BULK_NAME = re.compile(r"ztf_(?P<field>\d{6})_z(?P<filter>[gri])_c(?P<ccd>\d{2})_q(?P<quad>\d)(_|\.)")
"""Names of bulk files and matchfiles."""

POINTS = ("hmjd", "mag", "magerr", "catflags")
_SOURCES = ("objectid", "filterid", "objra", "objdec")
_PLACES = ("rcid", "fieldid")
_NEST = "lightcurve"
PIECE = 1 << 23
"""About so many bytes are read at a time."""


def nested_schema(path: Path) -> Any:
    """Return the Arrow schema of a Parquet file whose rows hold points, nested or in lists of their own; else None."""
    schema = table.arrow_schema(path)
    if schema is None:
        return None
    known = _NEST in schema.names or {"objectid", "hmjd"} <= set(schema.names) or _outer(schema) is not None
    return schema if known else None


def read_nested(path: Path, schema: Any, wanted: Selection) -> Iterator[LightCurves]:
    """Read the wanted light curves of a bulk or HATS file, piece by piece.

    Parameters
    ----------
    path : pathlib.Path
        Parquet.
    schema : pyarrow.Schema
        Its columns (:func:`nested_schema`).
    wanted : Selection
        Which.

    Yields
    ------
    LightCurves
        Unclean; times turned from heliocentric MJD to HJD.

    Raises
    ------
    InputNotFound, CorruptInput, InputTooLarge
        When the file cannot be trusted.
    SchemaMismatch
        When a column is missing or the lists of a row differ in length.
    """
    outer = _outer(schema)
    if outer is not None:
        inner = (_sources_of(group, outer) for group in table.row_groups(path, [outer]))
        yield _once(LightCurves.concatenate([wanted.of(_curves(group, path)) for group in inner]))
        return
    lists = [_NEST] if _NEST in schema.names else list(POINTS)
    missing = [name for name in (*_SOURCES, *lists) if name not in schema.names]
    if missing:
        raise SchemaMismatch(f"no column {', '.join(missing)}", path=path, hint="a ZTF light-curve file has it")
    columns = [*_SOURCES, *(name for name in _PLACES if name in schema.names), *lists]
    groups = table.row_groups(path, columns, where=wanted.statistics(schema.names), most=PIECE)
    for number, group in enumerate(groups):
        curves = _curves(group, path)
        if number == 0:
            _warn_of_steps(group, path)
        yield wanted.of(curves)


def _outer(schema: Any) -> str | None:
    """Return the column of a cross-match that holds the sources of each row, their light curves under ``lc``."""
    import pyarrow as pa

    for field in schema:
        if pa.types.is_struct(field.type) and {*_SOURCES, "lc"} <= {f.name for f in field.type}:
            return str(field.name)
    return None


def _sources_of(group: Any, outer: str) -> Any:
    """Return the sources of all rows of a cross-match as a table of their own."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = group.column(outer).combine_chunks()
    names = [f.name for f in column.type if f.name in (*_SOURCES, *_PLACES)]
    made = {name: pc.struct_field(column, name).flatten() for name in names}
    return pa.table(made | {_NEST: pc.struct_field(column, "lc").flatten()})


def _once(curves: LightCurves) -> LightCurves:
    """Drop repetitions of a source, which matched several rows."""
    _, first = np.unique(curves.id, return_index=True)
    return curves.take(np.sort(first))


def _curves(group: Any, path: Path) -> LightCurves:
    values, counts = _points(group, path)
    n = len(counts)
    name = BULK_NAME.search(path.name)
    rcid = _integers(group, "rcid")
    named = {k: np.full(n, int(name[k]) if name else UNKNOWN) for k in ("ccd", "quad")}
    field = _integers(group, "fieldid")
    return LightCurves(
        id=_integers(group, "objectid"), ra=_floats(group, "objra"), dec=_floats(group, "objdec"),
        filter=_integers(group, "filterid"), field=np.full(n, UNKNOWN) if field is None else field,
        ccd=named["ccd"] if rcid is None else rcid // 4 + 1, quad=named["quad"] if rcid is None else rcid % 4 + 1,
        offsets=np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]), hjd=values["hmjd"], mag=values["mag"],
        magerr=values["magerr"], catflags=values["catflags"],
    )  # fmt: skip


def _points(group: Any, path: Path) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the values of all points one after another, and the number of points of each row."""
    import pyarrow as pa

    try:
        lists = {name: _list(group, name) for name in POINTS}
    except (KeyError, pa.ArrowInvalid) as error:
        raise SchemaMismatch(
            f"its points lack one of {', '.join(POINTS)}", path=path, hdu=_NEST, hint="a ZTF HATS catalogue has them"
        ) from error
    for name, values in lists.items():
        if not pa.types.is_list(values.type) and not pa.types.is_large_list(values.type):
            raise SchemaMismatch("lists of numbers are needed here", path=path, hdu=name)
    counts = {
        name: values.value_lengths().fill_null(0).to_numpy(zero_copy_only=False) for name, values in lists.items()
    }
    if any((counts[name] != counts["hmjd"]).any() for name in POINTS):
        raise SchemaMismatch("the lists of a row differ in length", path=path)
    flat = {name: values.flatten() for name, values in lists.items()}
    if any(not pa.types.is_integer(v.type) and not pa.types.is_floating(v.type) for v in flat.values()):
        raise SchemaMismatch("lists of numbers are needed here", path=path, hdu=" ".join(POINTS))
    return {name: _in_our_units(name, values) for name, values in flat.items()}, counts["hmjd"]


def _in_our_units(name: str, values: Any) -> np.ndarray:
    """Return numbers in float64, flags in int64; a missing number is NaN, a missing flag a set one."""
    if name == "catflags":
        values = values.fill_null(1) if values.null_count else values
        return _exact(values, np.int64)
    if name == "hmjd":
        return np.add(_exact(values, None), MJD0, dtype=np.float64)
    return _exact(values, np.float64)


def _exact(values: Any, dtype: Any) -> np.ndarray:
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype)


def _warn_of_steps(group: Any, path: Path) -> None:
    import pyarrow as pa

    if pa.types.is_float32(_list(group, "hmjd").type.value_type):
        log.warning(
            "%s holds times in float32, in steps of 337 s: periods of less than about 1 h are lost", path.name
        )  # fmt: skip


def _list(group: Any, name: str) -> Any:
    """Return a column of lists, whichever way the points are nested."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if _NEST not in group.column_names:
        return group.column(name).combine_chunks()
    nest = group.column(_NEST).combine_chunks()
    if pa.types.is_struct(nest.type):
        return pc.struct_field(nest, name)
    if not pa.types.is_list(nest.type) and not pa.types.is_large_list(nest.type):
        raise KeyError(name)
    counts = nest.value_lengths().fill_null(0)
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts.to_numpy(zero_copy_only=False))]), pa.int64())
    return pa.LargeListArray.from_arrays(offsets, pc.struct_field(nest.flatten(), name))


def _integers(group: Any, name: str) -> Any:
    """Return a column as int64, unknown where missing; None if it is not there."""
    if name not in group.column_names:
        return None
    import pyarrow as pa

    return group.column(name).cast(pa.int64()).fill_null(UNKNOWN).to_numpy()


def _floats(group: Any, name: str) -> np.ndarray:
    return np.asarray(group.column(name).to_numpy(), np.float64)
