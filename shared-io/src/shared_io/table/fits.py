"""Tables in FITS: what astropy, TOPCAT and the rest read, and one long card for what FITS cannot say."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from shared_io import fits, limits
from shared_io.errors import SchemaMismatch
from shared_io.fits import read as reading
from shared_io.fits.select import select
from shared_io.fits.stream import Stream, open_stream
from shared_io.fits.structure import Block, walk
from shared_io.table import fits_columns, schema
from shared_io.table.fits_rows import Rows

if TYPE_CHECKING:
    from astropy.table import Table

    from shared_io.provenance import Provenance

__all__ = ["batches", "read", "write"]

# Catalogues are preferred to what SExtractor puts before them.
_CATALOGUES = ("LDAC_OBJECTS", "OBJECTS")
_NOT_CATALOGUES = ("LDAC_IMHEAD", "LDAC_HEADER")


def write(
    table: Table,
    path: str | os.PathLike[str],
    *,
    key: str | None = None,
    overwrite: bool = False,
    provenance: Provenance | None = None,
) -> None:
    """Write a table; see `shared_io.table.write`."""
    hdu = fits_columns.to_hdu(schema.pieces(table, path), dict(table.meta), key, path)
    fits.write(path, [hdu], overwrite=overwrite, provenance=provenance)


def read(path: str | os.PathLike[str], *, key: str | int | None = None, columns: Sequence[str] | None = None) -> Table:
    """Read a table; see `shared_io.table.read`."""
    with open_stream(path) as stream:
        block = _choose(walk(stream, path), key, path)
        rows = _open(stream, block, path)
        names = schema.chosen(rows.names, columns, path)
        return schema.build(rows.pieces(names, slice(0, rows.count)), rows.meta)


def batches(
    path: str | os.PathLike[str],
    *,
    rows: int,
    key: str | int | None = None,
    columns: Sequence[str] | None = None,
) -> Iterator[Table]:
    """Read a table piece by piece; see `shared_io.table.batches`."""
    with open_stream(path) as stream:
        block = _choose(walk(stream, path), key, path)
        found = _open(stream, block, path)
        names = schema.chosen(found.names, columns, path)
        for part in schema.slices(found.count, rows):
            yield schema.build(found.pieces(names, part), found.meta)


def _choose(blocks: Sequence[Block], key: str | int | None, path: str | os.PathLike[str]) -> Block:
    """Return the HDU that holds the table meant."""
    if key is not None:
        block = select(blocks, key, path)
        if block.kind not in ("table", "ascii"):
            raise SchemaMismatch(f"this HDU is an {block.kind}, not a table", path=path, hdu=block.place)
        return block
    tables = [b for b in blocks if b.kind in ("table", "ascii")]
    catalogues = [b for b in tables if b.name in _CATALOGUES] or [b for b in tables if b.name not in _NOT_CATALOGUES]
    if not tables:
        raise SchemaMismatch("there is no table in this file", path=path)
    found = catalogues or tables
    if len(found) > 1:
        shown = ", ".join(f"{b.index}:{b.name}" for b in found[:12])
        raise SchemaMismatch(f"there are {len(found)} tables", path=path, hint=f"choose one by key: {shown}")
    return found[0]


def _open(stream: Stream, block: Block, path: str | os.PathLike[str]) -> Any:
    if block.kind == "table":
        return Rows(stream, block, path)
    return _Ascii(stream, block, path)


class _Ascii:
    """A table in text (XTENSION = 'TABLE'), which astropy reads."""

    def __init__(self, stream: Stream, block: Block, path: str | os.PathLike[str]) -> None:
        from astropy.table import Table

        limits.check_bytes(block.size * 8, path=path, hdu=block.place)
        hdu = reading.astropy_hdu(stream, block, path, verify_sums=True)
        with reading.translated(path, block), reading.quiet():
            self._table = Table.read(hdu, format="fits", unit_parse_strict="silent", mask_invalid=False)
        for name in self._table.colnames:
            if self._table[name].dtype.kind == "S":
                self._table[name] = np.char.decode(np.asarray(self._table[name]), "latin-1")
        self.names = list(self._table.colnames)
        self.count = len(self._table)
        self.meta = fits_columns.header_meta(hdu.header)
        self._path = path

    def pieces(self, names: list[str], part: slice) -> list[schema.Piece]:
        """Return some columns of some rows."""
        return schema.pieces(self._table[names][part], self._path)
