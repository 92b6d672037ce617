"""Files that are read beside light curves, and the names of feature tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from shared_io import table
from shared_io.errors import InputNotFound, SchemaMismatch

from scope.features.crossmatch import CATALOGUES, TEXTS, Catalogue
from scope.lightcurves.folder import Quadrant

SPECIFIC = "specific_ids"


def feature_path(dirname: Path, filename: str, quadrant: Quadrant | None) -> Path:
    """Return where the features of a quadrant (None: of given identifiers) go."""
    if quadrant is None:
        return Path(dirname) / SPECIFIC / f"{filename}_{SPECIFIC}.parquet"
    name = f"{filename}_field_{quadrant.field}_ccd_{quadrant.ccd}_quad_{quadrant.quad}.parquet"
    return Path(dirname) / f"field_{quadrant.field}" / name


def read_catalogue(path: Path, *, needed: Sequence[str] = (), numbers: Sequence[str] = ()) -> Catalogue:
    """Read a catalogue of positions: any table with columns ra and dec [deg].

    Parameters
    ----------
    path : pathlib.Path
        Where it is.
    needed : sequence of str
        Columns that must be there, as numbers.
    numbers : sequence of str
        Columns that are numbers if they are there.

    Returns
    -------
    Catalogue
        Missing numbers are NaN, other missing values None.

    Raises
    ------
    InputNotFound, CorruptInput
        When the file cannot be trusted.
    SchemaMismatch
        When a column is missing or does not hold numbers.
    """
    found = table.read(path)
    if not {"ra", "dec"} <= set(found.colnames):
        raise SchemaMismatch("no columns ra and dec", path=path, hint="both in degrees, ICRS")
    missing = [name for name in needed if name not in found.colnames]
    if missing:
        raise SchemaMismatch(
            f"no column {', '.join(missing)}", path=path, hint=f"it has {', '.join(found.colnames[:9])}"
        )
    for name in ("ra", "dec", *needed, *numbers):
        if name in found.colnames and found[name].dtype.kind not in "iufb":
            raise SchemaMismatch("numbers are needed here", path=path, hdu=name)
    columns = {name: _filled(found[name]) for name in found.colnames}
    return Catalogue(np.asarray(columns["ra"], np.float64), np.asarray(columns["dec"], np.float64), columns)


def _filled(column: Any) -> np.ndarray:
    """Return the values of a column, NaN or None where one is missing."""
    if not np.ma.is_masked(column):
        return np.asarray(column)
    if column.dtype.kind == "f":
        return np.ma.filled(column, np.nan)
    out = np.asarray(column).astype(object)
    out[np.ma.getmaskarray(column)] = None
    return out


def read_catalogues(folder: Path | None, wanted: Mapping[str, Sequence[str]] = CATALOGUES) -> dict[str, Catalogue]:
    """Read the catalogues of a folder that are matched with: files named after them, e.g. AllWISE.parquet.

    Parameters
    ----------
    folder : pathlib.Path or None
        Where they are; None: there are none.
    wanted : mapping of str to sequence of str
        Columns by catalogue.

    Raises
    ------
    InputNotFound, CorruptInput, SchemaMismatch
        As :func:`read_catalogue`, and when there is no such folder.
    """
    if folder is None:
        return {}
    if not Path(folder).is_dir():
        raise InputNotFound("no such folder of catalogues", path=folder)
    paths = [path for path in sorted(Path(folder).iterdir()) if path.stem in wanted]
    return {p.stem: read_catalogue(p, numbers=[n for n in wanted[p.stem] if n not in TEXTS]) for p in paths}


def read_quadrants(path: Path) -> dict[int, Quadrant]:
    """Read a quadrant file: lines of job, field, ccd and quad, separated by spaces.

    Raises
    ------
    SchemaMismatch
        When a line is not four integers, a job occurs twice or a CCD or quadrant does not exist.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise InputNotFound(
            f"cannot be read: {error.strerror}",
            path=path,
            hint="generate_features_slurm --generateQuadrantFile makes it",
        ) from error
    out: dict[int, Quadrant] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        words = line.split()
        try:
            job, field, ccd, quad = (int(word) for word in words)
        except ValueError:
            raise SchemaMismatch(f"line {number} is not 'job field ccd quad'", path=path) from None
        if job in out:
            raise SchemaMismatch(f"job {job} occurs again in line {number}", path=path)
        if not (1 <= ccd <= 16 and 1 <= quad <= 4):
            raise SchemaMismatch(f"line {number}: CCDs are 1 to 16, quadrants 1 to 4", path=path)
        out[job] = Quadrant(field, ccd, quad)
    return out


def read_identifiers(path: Path) -> dict[int, str | None]:
    """Read the sources wanted and, where the file has them, their names at Fritz.

    Parameters
    ----------
    path : pathlib.Path
        A table with a column ``ztf_id`` (or ``_id``, or ``objectId``) and perhaps ``fritz_name``, or a JSON object
        whose keys are identifiers and whose values may have a ``fritz_name``.

    Returns
    -------
    dict of int to str or None
        Names by identifier, in the order of the file.

    Raises
    ------
    SchemaMismatch
        When there are none.
    """
    if Path(path).suffix == ".json":
        return _json_identifiers(path)
    found = table.read(path)
    column: Sequence[str] = [name for name in ("ztf_id", "_id", "objectId") if name in found.colnames]
    if not column:
        raise SchemaMismatch("no column ztf_id", path=path, hint="one identifier of the survey in each row")
    names = [str(n) for n in found["fritz_name"]] if "fritz_name" in found.colnames else [None] * len(found)
    try:
        return {int(value): name for value, name in zip(found[column[0]].tolist(), names, strict=True)}
    except (TypeError, ValueError):
        raise SchemaMismatch("identifiers must be whole numbers", path=path, hdu=column[0]) from None


def _json_identifiers(path: Path) -> dict[int, str | None]:
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        return {int(key): value.get("fritz_name") if isinstance(value, dict) else None for key, value in found.items()}
    except OSError as error:
        raise InputNotFound(f"cannot be read: {error.strerror}", path=path) from error
    except (AttributeError, ValueError, RecursionError):
        raise SchemaMismatch("not a JSON object whose keys are identifiers", path=path) from None
