"""Rubin data previews as Parquet: Object, ForcedSource and Visit tables in one folder -> :class:`LightCurves`.

The columns are those of the schema of Data Preview 1 (sdm-schemas, dp1.yaml).  Each band of an object is a light
curve of its own: bands differ in brightness, and thinning one must not take points of another.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from shared_io import table
from shared_io.errors import InputNotFound, SchemaMismatch

from scope.lightcurves.nested import MJD0
from scope.lightcurves.record import LightCurves

ZERO_POINT = 31.4
"""AB magnitude of a flux of 1 nJy."""

BANDS = {"u": 4, "g": 1, "r": 2, "i": 3, "z": 5, "y": 6}
"""Numbers of the filters; g, r and i are those of ZTF."""

FLAGS = ("bad", "cr", "edge", "saturated", "suspect")
"""Flags of pixels, ``pixelFlags_NAME``, with which a point is bad; bits 0 to 4 of its flags."""

_TABLES = ("Object", "ForcedSource", "Visit")
_SUFFIXES = (".parquet", ".parquet.gzip", ".pq")


def find_tables(folder: Path) -> dict[str, Path] | None:
    """Return the three tables of a folder by name; None if it is no Rubin folder."""
    if not Path(folder).is_dir():
        return None
    found = {name: Path(folder) / f"{name}{end}" for name in _TABLES for end in reversed(_SUFFIXES)
             if (Path(folder) / f"{name}{end}").is_file()}  # fmt: skip
    return found if len(found) == len(_TABLES) else None


def read_rubin(folder: Path, ids: np.ndarray | None = None) -> LightCurves:
    """Read the light curves of isolated objects.

    Points without a positive flux are left out; those with a flag of `FLAGS` are flagged.  Row groups without a
    wanted object are not read.

    Parameters
    ----------
    folder : pathlib.Path
        Holds Object.parquet, ForcedSource.parquet and Visit.parquet.
    ids : ndarray of int64, optional
        Objects wanted; by default all.

    Returns
    -------
    LightCurves
        One for each object and band; times are Julian dates at mid-exposure, not heliocentric.

    Raises
    ------
    InputNotFound
        When a table is missing.
    CorruptInput, SchemaMismatch
        When one cannot be trusted or lacks a column.
    """
    paths = find_tables(folder)
    if paths is None:
        raise InputNotFound("no Object, ForcedSource and Visit tables", path=folder)
    positions = _positions(paths["Object"], ids)
    visits, times = _visits(paths["Visit"])
    wanted = np.fromiter(positions, np.int64, len(positions))
    parts = [_points(group, wanted, positions, visits, times, paths) for group in _groups(paths["ForcedSource"], ids)]
    return LightCurves.of_points(**{name: np.concatenate([p[name] for p in parts]) for name in parts[0]})


def _groups(path: Path, ids: np.ndarray | None) -> list[Any] | Any:
    names = ["objectId", "visit", "band", "psfFlux", "psfFluxErr", *(f"pixelFlags_{flag}" for flag in FLAGS)]
    there = table.arrow_schema(path).names
    missing = [name for name in names if name not in there]
    if missing:
        raise SchemaMismatch(f"no column {', '.join(missing)}", path=path, hint="Rubin's ForcedSource has it")
    return table.row_groups(path, names, where=None if ids is None else {"objectId": ids.tolist()})


def _positions(path: Path, ids: np.ndarray | None) -> dict[int, tuple[float, float]]:
    found = table.read(path, columns=("objectId", "coord_ra", "coord_dec", "detect_isIsolated"))
    keep = np.asarray(found["detect_isIsolated"], bool)
    if ids is not None:
        keep &= np.isin(np.asarray(found["objectId"]), ids)
    rows = zip(*(found[name][keep].tolist() for name in ("objectId", "coord_ra", "coord_dec")), strict=True)
    return {int(i): (float(ra), float(dec)) for i, ra, dec in rows}


def _visits(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the visits in ascending order and their times [JD]."""
    there = table.arrow_schema(path).names
    name = next((n for n in ("visit", "visitId") if n in there), "visit")
    found = table.read(path, columns=(name, "expMidptMJD"))
    order = np.argsort(np.asarray(found[name]))
    return np.asarray(found[name], np.int64)[order], np.asarray(found["expMidptMJD"], np.float64)[order] + MJD0


def _points(
    group: Any, wanted: np.ndarray, positions: dict[int, tuple[float, float]], visits: np.ndarray, times: np.ndarray,
    paths: dict[str, Path],
) -> dict[str, np.ndarray]:  # fmt: skip
    """Return the points of one row group as columns."""
    flux = np.asarray(group.column("psfFlux").to_numpy(), np.float64)
    identifier = group.column("objectId").to_numpy().astype(np.int64)
    keep = np.isin(identifier, wanted) & (flux > 0)
    identifier, flux = identifier[keep], flux[keep]
    visit = group.column("visit").to_numpy()[keep].astype(np.int64)
    at = np.minimum(np.searchsorted(visits, visit), max(len(visits) - 1, 0))
    if len(visit) and (not len(visits) or (visits[at] != visit).any()):
        raise SchemaMismatch("lacks visits of the light curves", path=paths["Visit"])
    flags = np.zeros(len(flux), np.int64)
    for bit, flag in enumerate(FLAGS):
        flags |= group.column(f"pixelFlags_{flag}").fill_null(True).to_numpy()[keep].astype(np.int64) << bit
    error = np.asarray(group.column("psfFluxErr").to_numpy(), np.float64)[keep]
    place = np.array([positions[int(i)] for i in identifier]).reshape(-1, 2)
    bands = np.array([BANDS.get(str(b), -1) for b in group.column("band").to_pylist()], np.int64)[keep]
    return {
        "id": identifier, "hjd": times[at] if len(visits) else np.empty(0), "mag": ZERO_POINT - 2.5 * np.log10(flux),
        "magerr": 2.5 / np.log(10) * error / flux, "filter": bands, "catflags": flags, "ra": place[:, 0],
        "dec": place[:, 1],
    }  # fmt: skip
