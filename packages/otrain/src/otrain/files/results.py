"""The results of inference: ``infer_results.dat``, and tables of other formats."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt
from shared_io import atomic, table
from shared_io.errors import CorruptInput, InputNotFound, SchemaMismatch

if TYPE_CHECKING:
    from astropy.table import Table
    from shared_io.provenance import Provenance

__all__ = ["COLUMNS", "read_results", "write_results"]

Array = npt.NDArray[Any]

COLUMNS = {
    "filename": "filename", "RA": "ra", "Dec": "dec", "originalFile": "original", "Xpos": "x", "Ypos": "y",
    "mag": "mag", "magerr": "magerr", "FWHM": "fwhm", "FWHMPSF": "fwhm_psf", "cand_ID": "candid",
    "label0": "label0", "label1": "label1",
}  # fmt: skip
"""Columns of the file, in their order -> ours. label0 and label1 are the probabilities of bogus and real."""


def write_results(path: Path, columns: Mapping[str, Array], *, overwrite: bool = False,
                  provenance: Provenance | None = None) -> None:  # fmt: skip
    """Write a table of results.

    Parameters
    ----------
    path : Path
        ``.dat`` for text with a commented header and the columns of `COLUMNS`; ``.csv``, ``.ecsv``, ``.fits``,
        ``.h5`` or ``.parquet`` for these and ``uncertainty`` and ``real``.
    columns : mapping
        Ours, see `COLUMNS`.
    overwrite : bool
    provenance : Provenance, optional
        For the formats that carry it.
    """
    if path.suffix.lower() == ".dat":
        atomic.write_text(path, _text(columns), overwrite=overwrite)
        return
    from astropy.table import Table

    named = {name: columns[own] for name, own in COLUMNS.items()}
    named |= {name: columns[name] for name in ("uncertainty", "real")}
    table.write(Table(named), path, overwrite=overwrite, provenance=provenance)


def _text(columns: Mapping[str, Array]) -> str:
    cells = [_cells(columns[own]) for own in COLUMNS.values()]
    lines = [" ".join(row) for row in zip(*cells, strict=True)]
    return "\n".join([f"# {' '.join(COLUMNS)}", *lines]) + "\n"


def _cells(values: Array) -> list[str]:
    if values.dtype.kind == "f":
        return [repr(value) for value in values.tolist()]
    return [_quoted(str(value)) for value in values.tolist()]


def _quoted(text: str) -> str:
    """A word for a table that is divided by blanks."""
    plain = text and not any(c.isspace() or c in "\"'#" for c in text)
    return text if plain else '"' + " ".join(text.replace('"', "'").split()) + '"'


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
