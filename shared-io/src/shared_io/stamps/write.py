"""One array and one table -> many cut-outs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from shared_io import atomic, locate
from shared_io.errors import OutputExists, SchemaMismatch
from shared_io.stamps.compose import Composer
from shared_io.stamps.parts import PathLike
from shared_io.stamps.read import OWN

if TYPE_CHECKING:
    from astropy.table import Table

    from shared_io.provenance import Provenance

__all__ = ["write"]


def write(
    where: PathLike | Sequence[PathLike],
    data: npt.ArrayLike,
    table: Table | None = None,
    *,
    overwrite: bool = False,
    provenance: Provenance | None = None,
) -> list[Path]:
    """Write each row of an array and a table as a small FITS file with CHECKSUM and DATASUM.

    Every file is whole or not there, even when the program is killed; the files are flushed to the disk in
    batches (see `shared_io.atomic.write_many`). The same rows give the same bytes.

    Parameters
    ----------
    where
        A folder, or the path of each file. In a folder the files have the names in the column ``path``, without
        their folders and ending in ``.fits``, or else numbers.
    data
        The pixels, shape (n, ny, nx) or (n, planes, ny, nx): f4, f8, u1, i2, i4 or i8.
    table
        A row for each. Its columns become cards, units and descriptions their comments; ``path`` and ``index`` do not.
        A masked value gives no card, and NaN, which FITS headers lack, a card without a value.
    overwrite
        Whether files already there are replaced.
    provenance
        Goes into every header.

    Returns
    -------
    list of Path
        The files, in the order of the rows.

    Raises
    ------
    OutputExists
        When one of the files is there and `overwrite` is False; then nothing is written.
    WriteFailed
        When the disk refuses.
    SchemaMismatch
        When FITS cannot hold the array or the table.
    """
    pixels = np.asarray(data)
    composer = Composer(pixels, table, OWN, provenance)
    if table is not None and len(table) != len(pixels):
        raise SchemaMismatch(f"{len(pixels)} cut-outs, but {len(table)} rows in the table")
    paths = _paths(where, len(pixels), table)
    _refuse(paths, overwrite=overwrite)
    atomic.write_many(((path, composer.file(row)) for row, path in enumerate(paths)), overwrite=overwrite)
    return paths


def _paths(where: PathLike | Sequence[PathLike], count: int, table: Table | None) -> list[Path]:
    if not isinstance(where, str | os.PathLike):
        paths = [Path(path) for path in where]
        if len(paths) != count:
            raise SchemaMismatch(f"{count} cut-outs, but {len(paths)} paths")
        wrong = [path for path in paths if path.name.lower().endswith((".gz", ".fz"))]
        if wrong:
            raise SchemaMismatch("cut-outs are written uncompressed", path=wrong[0], hint="end the name in .fits")
        return paths
    if table is not None and "path" in table.colnames:
        return [Path(where, f"{locate.stem(str(path))}.fits") for path in table["path"]]
    digits = max(6, len(str(count - 1)))
    return [Path(where, f"{number:0{digits}}.fits") for number in range(count)]


def _refuse(paths: Sequence[Path], *, overwrite: bool) -> None:
    """Refuse to begin what could not be brought to its end."""
    seen: set[str] = set()
    for path in paths:
        name = os.fspath(path)
        if name in seen:
            raise SchemaMismatch("two cut-outs would be written to this file", path=path)
        seen.add(name)
        if not overwrite and os.path.lexists(name):
            raise OutputExists("the file is already there", path=path, hint="choose another folder or ask to overwrite")
