"""The results of inference: ``infer_results.dat``, and tables of other formats."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from shared_io import atomic, table
from shared_io.errors import CorruptInput, InputNotFound, SchemaMismatch

from otrain.cutouts import gathered

if TYPE_CHECKING:
    from astropy.table import Table
    from shared_io.provenance import Provenance

__all__ = ["COLUMNS", "read_results", "writer"]

Array = npt.NDArray[Any]

COLUMNS = {
    "filename": "filename", "RA": "ra", "Dec": "dec", "originalFile": "original", "Xpos": "x", "Ypos": "y",
    "mag": "mag", "magerr": "magerr", "FWHM": "fwhm", "FWHMPSF": "fwhm_psf", "cand_ID": "candid",
    "label0": "label0", "label1": "label1",
}  # fmt: skip
"""Columns of the file, in their order -> ours. label0 and label1 are the probabilities of bogus and real."""


@contextmanager
def writer(path: Path, *, overwrite: bool = False, provenance: Provenance | None = None
           ) -> Iterator[Callable[[Mapping[str, Array]], object]]:  # fmt: skip
    """Write a table of results part by part.

    Parameters
    ----------
    path : Path
        ``.dat`` for text with a commented header and the columns of `COLUMNS`; ``.csv``, ``.ecsv``, ``.fits``,
        ``.h5`` or ``.parquet`` for these and ``uncertainty`` and ``real``.
    overwrite : bool
    provenance : Provenance, optional
        For the formats that carry it.

    Yields
    ------
    callable
        Takes the columns of some rows, by our names. Parts of ``.dat`` and ``.parquet`` are written at once, those of
        the other formats when all are there.
    """
    if path.suffix.lower() == ".dat":
        with atomic.atomic_path(path, overwrite=overwrite) as temporary, temporary.open("wb") as out:
            out.write(f"# {' '.join(COLUMNS)}\n".encode())
            yield lambda columns: out.write(_text(columns).encode())
        return
    if path.suffix.lower() == ".parquet":
        with table.writer(path, overwrite=overwrite, provenance=provenance) as rows:
            yield lambda columns: rows.add(_table(columns))
        return
    parts: list[Mapping[str, Array]] = []
    yield parts.append
    table.write(_table(gathered(parts)), path, overwrite=overwrite, provenance=provenance)


def _table(columns: Mapping[str, Array]) -> Table:
    from astropy.table import Table

    named = {name: columns[own] for name, own in COLUMNS.items()}
    return Table(named | {name: columns[name] for name in ("uncertainty", "real")})


def _text(columns: Mapping[str, Array]) -> str:
    cells = [_cells(columns[own]) for own in COLUMNS.values()]
    return "".join([f"{' '.join(row)}\n" for row in zip(*cells, strict=True)])


def _cells(values: Array) -> list[str]:
    if values.dtype.kind == "f":
        return list(map(repr, values.tolist())) if not np.isnan(values).all() else ["nan"] * len(values)
    listed = list(map(str, values.tolist()))
    if "" in listed or _SPECIAL.search("".join(listed)):
        return [_quoted(text) for text in listed]
    return listed


_SPECIAL = re.compile(r"""[\s"'#]""")


def _quoted(text: str) -> str:
    """A word for a table that is divided by blanks."""
    return text if text and not _SPECIAL.search(text) else '"' + " ".join(text.replace('"', "'").split()) + '"'


def read_results(path: Path) -> Table:
    """Read a table with a commented header: infer_results.dat or crossmatch.dat, or any other format of tables.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputNotFound, CorruptInput
        If it cannot be read.
    """
    if path.suffix.lower() not in (".dat", ".txt", ""):
        return table.read(path)
    from astropy.io import ascii

    if not path.is_file():
        raise InputNotFound("no such file", path=path)
    if path.stat().st_size > 2**30:
        raise SchemaMismatch("a text table of more than 1 GB", path=path, hint="use Parquet")
    try:
        return ascii.read(path.read_text(encoding="utf-8").splitlines(), format="commented_header", fast_reader=False)
    except (ValueError, IndexError, ascii.InconsistentTableError) as error:
        reason = str(error).splitlines()[0]
        raise CorruptInput(f"this is no table with a commented header: {reason}", path=path) from error
