"""Which format a table is in, and who reads and writes it."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from shared_io import _source, locate
from shared_io.errors import CorruptInput, SchemaMismatch

if TYPE_CHECKING:
    from astropy.table import Table

    from shared_io.provenance import Provenance
    from shared_io.table.parquet import Writer

__all__ = ["arrow_schema", "batches", "read", "row_groups", "write", "writer"]

_BY_SUFFIX = {
    **dict.fromkeys(locate.FITS_SUFFIXES, "fits"),
    **dict.fromkeys(locate.HDF5_SUFFIXES, "hdf5"),
    **dict.fromkeys((".cat", ".ldac"), "fits"),
    ".csv": "csv",
    ".csv.gz": "csv",
    ".ecsv": "ecsv",
    ".parquet": "parquet",
    ".parquet.gzip": "parquet",
    ".pq": "parquet",
}


def read(path: str | os.PathLike[str], *, key: str | int | None = None, columns: Sequence[str] | None = None) -> Table:
    """Read a table.

    Parameters
    ----------
    path
        A CSV, ECSV, FITS, HDF5 or Parquet file, told by its first bytes.
    key
        FITS: the HDU, by default the first table that holds a catalogue. HDF5: the path of the table,
        by default the only one there is.
    columns
        The columns wanted, in this order; by default all.

    Returns
    -------
    astropy.table.Table
        Units on the columns, metadata in ``.meta``, native byte order; missing values are masked and NaN
        stays NaN.

    Raises
    ------
    InputNotFound, CorruptInput, UnsafeInput, InputTooLarge
        When the file cannot be trusted.
    SchemaMismatch
        When there is no such table or column.
    """
    return _module(_format_of(path)).read(path, key=key, columns=columns)


def write(
    table: Table,
    path: str | os.PathLike[str],
    *,
    key: str | None = None,
    overwrite: bool = False,
    provenance: Provenance | None = None,
) -> None:
    """Write a table; `read` gives back an equal one.

    Parameters
    ----------
    table
        Columns of numbers, booleans, text, dates, or arrays of one shape of them; the metadata must be
        what JSON can hold.
    path
        The format follows from the suffix: ``.csv``, ``.ecsv``, ``.fits``, ``.h5``, ``.parquet``.
    key
        FITS: the name of the HDU. HDF5: the path of the table.
    overwrite
        Whether a file already there is replaced.
    provenance
        What made the table.

    Raises
    ------
    OutputExists, WriteFailed
        When the file cannot be put there.
    SchemaMismatch
        When the format cannot hold the table.
    """
    _module(_format_for(path)).write(table, path, key=key, overwrite=overwrite, provenance=provenance)


def batches(
    path: str | os.PathLike[str],
    rows: int = 65536,
    columns: Sequence[str] | None = None,
    *,
    key: str | int | None = None,
) -> Iterator[Table]:
    """Read a table piece by piece, in memory that does not grow with its length.

    Parameters
    ----------
    path, columns, key
        As for `read`. An ECSV file is read whole.
    rows
        The most rows of a piece.

    Yields
    ------
    astropy.table.Table
        Each with the metadata of the whole.
    """
    if rows < 1:
        raise ValueError("rows must be positive")
    yield from _module(_format_of(path)).batches(path, rows=rows, key=key, columns=columns)


def row_groups(
    path: str | os.PathLike[str],
    columns: Sequence[str] | None = None,
    *,
    where: Mapping[str, Sequence[float]] | None = None,
    most: int | None = None,
) -> Iterator[Any]:
    """Read a Parquet file one row group at a time, as Arrow tables: for nested columns and many rows.

    Parameters
    ----------
    path
        The file.
    columns
        The columns wanted; by default all.
    where
        Numbers wanted by the name of their column: groups whose statistics rule all of them out are not read.
        Rows of the others are not filtered.
    most
        Larger row groups come in pieces of about so many bytes, and never lie in memory as a whole; smaller ones
        come several together.

    Yields
    ------
    pyarrow.Table
        Verified as by `read`.

    Raises
    ------
    InputNotFound, CorruptInput, UnsafeInput, InputTooLarge
        When the file cannot be trusted.
    SchemaMismatch
        When it is not Parquet or has no such column.
    """
    if _format_of(path) != "parquet":
        raise SchemaMismatch("only Parquet is read by row groups", path=path)
    yield from _module("parquet").row_groups(path, columns, where=where, most=most)


def arrow_schema(path: str | os.PathLike[str]) -> Any:
    """Return the `pyarrow.Schema` of a Parquet file from its footer alone; None for other formats.

    Raises
    ------
    InputNotFound, CorruptInput
        When the file cannot be trusted.
    """
    return _module("parquet").arrow_schema(path) if _format_of(path) == "parquet" else None


def writer(
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    provenance: Provenance | None = None,
    meta: dict[str, Any] | None = None,
) -> AbstractContextManager[Writer]:
    """Open a Parquet file to write a table to piece by piece.

    Parameters
    ----------
    path
        The file; it appears when the ``with`` block ends well.
    overwrite
        Whether a file already there is replaced.
    provenance
        What made the table.
    meta
        The metadata; by default those of the first piece.

    Returns
    -------
    context manager
        Its ``add(table)`` appends rows; all pieces must have the columns of the first.
    """
    if _format_for(path) != "parquet":
        raise SchemaMismatch("only Parquet is written piece by piece", path=path, hint="end the name in .parquet")
    return _module("parquet").writer(path, overwrite=overwrite, provenance=provenance, meta=meta)


def _module(name: str) -> Any:
    return importlib.import_module(f"shared_io.table.{name}")


def _format_for(path: str | os.PathLike[str]) -> str:
    found = _BY_SUFFIX.get(locate.suffix(path, tuple(_BY_SUFFIX)))
    if found is None:
        raise SchemaMismatch(
            "no format of tables has this suffix", path=path, hint="use .csv, .ecsv, .fits, .h5 or .parquet"
        )
    return found


def _format_of(path: str | os.PathLike[str]) -> str:
    head = _source.magic(path, 64)
    suffix = locate.suffix(path, tuple(_BY_SUFFIX))
    for sign, name in (
        (b"SIMPLE  =", "fits"),
        (b"\x89HDF", "hdf5"),
        (b"PAR1", "parquet"),
        (b"# %ECSV", "ecsv"),
    ):
        if head.startswith(sign):
            return name
    named = _BY_SUFFIX.get(suffix)
    if head.startswith(b"\x1f\x8b"):
        return "csv" if named == "csv" else "fits"
    known = _source.describe(head)
    binary = b"\0" in head or head.lstrip().startswith(b"<") or known != _source.UNKNOWN
    if named is None or (named in ("csv", "ecsv") and binary):
        raise CorruptInput(f"not a table but {known}", path=path)
    if not head and named != "csv":
        raise CorruptInput("the file is empty", path=path)
    return named
