"""Tables of light curves in any of the shapes that surveys publish them in -> :class:`LightCurves`.

==================  ======================================================================================
shape               told by
==================  ======================================================================================
ZTF bulk file       ``objectid`` and lists ``hmjd``, ``mag``, ... in each row (IRSA, one file a quadrant)
HATS                a nested column ``lightcurve``: a list of structs or a struct of lists in each row
matchfile           HDF5 tables ``matches/sources`` and ``matches/sourcedata``
points              one row a point: an identifier, a time, a magnitude and its error (Parquet, CSV, HDF5)
==================  ======================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from shared_io import table
from shared_io.errors import SchemaMismatch

from scope.lightcurves.nested import BULK_NAME, nested_schema, read_nested
from scope.lightcurves.record import UNKNOWN, LightCurves
from scope.lightcurves.selection import EVERYTHING, Selection

if TYPE_CHECKING:
    from astropy.table import Table

FILTERS = {"g": 1, "zg": 1, "r": 2, "zr": 2, "i": 3, "zi": 3, "1": 1, "2": 2, "3": 3}
"""Numbers of the ZTF filters by their names."""

_POINTS = {
    "id": ("_id", "id", "oid", "objectid", "source_id"),
    "hjd": ("hjd", "hmjd", "mjd", "time", "t"),
    "mag": ("mag", "dmag", "magnitude"),
    "magerr": ("magerr", "mag_err", "error"),
    "filter": ("filter", "filterid", "filtercode", "fid", "band"),
    "catflags": ("catflags",),
    "ra": ("ra", "objra"),
    "dec": ("dec", "objdec"),
    "field": ("field", "fieldid"),
    "ccd": ("ccd", "ccdid"),
    "quad": ("quad", "qid"),
}
"""Names under which columns of points are found, the first that is there."""


def read_light_curves(path: Path, wanted: Selection = EVERYTHING) -> LightCurves:
    """Read light curves of a file, all at once; see :func:`light_curve_pieces`."""
    return LightCurves.concatenate(list(light_curve_pieces(path, wanted)))


def light_curve_pieces(path: Path, wanted: Selection = EVERYTHING) -> Iterator[LightCurves]:
    """Read light curves of a file, piece by piece: survey files of any size need little memory.

    Parameters
    ----------
    path : pathlib.Path
        Parquet, CSV, ECSV, FITS or HDF5.
    wanted : Selection
        Which; by default all.

    Yields
    ------
    LightCurves
        Unclean, each source whole; times of bulk and HATS files are turned from heliocentric MJD to HJD. Matchfiles and
        tables of points are one piece.

    Raises
    ------
    InputNotFound, CorruptInput, InputTooLarge
        When the file cannot be trusted.
    SchemaMismatch
        When it holds no light curves in a known shape.
    """
    path = Path(path)
    if path.suffix in (".pytable", ".h5", ".hdf5") and _is_matchfile(path):
        yield wanted.of(_matchfile(path))
    elif (schema := nested_schema(path)) is not None:
        yield from read_nested(path, schema, wanted)
    else:
        yield wanted.of(_points(table.read(path), path))


def _is_matchfile(path: Path) -> bool:
    from shared_io import hdf5

    with hdf5.reader(path) as file:
        return "matches" in file.names


def _matchfile(path: Path) -> LightCurves:
    sources = table.read(path, key="matches/sources", columns=("matchid", "ra", "dec"))
    points = table.read(
        path, key="matches/sourcedata", columns=("matchid", "hjd", "mag", "magerr", "catflags")
    )  # fmt: skip
    name = BULK_NAME.search(path.name)
    if not name:
        raise SchemaMismatch(
            "the name does not tell field, filter, CCD and quadrant", path=path,
            hint="name a matchfile like ztf_000245_zr_c10_q1_match.pytable",
        )  # fmt: skip
    field, ccd, quad, band = int(name["field"]), int(name["ccd"]), int(name["quad"]), FILTERS[name["filter"]]
    at = {int(k): i for i, k in enumerate(sources["matchid"])}
    rows = np.array([at.get(int(k), -1) for k in points["matchid"]])
    if (rows < 0).any():
        raise SchemaMismatch("points of a source that is not listed", path=path, hdu="matches/sourcedata")
    n = len(points)
    # The survey's identifiers spell field, filter, CCD, quadrant and the number in the matchfile.
    prefix = ((field * 10 + band) * 100 + ccd) * 10 + quad
    return LightCurves.of_points(
        prefix * 10**8 + np.asarray(points["matchid"], np.int64), hjd=points["hjd"], mag=points["mag"],
        magerr=points["magerr"], catflags=points["catflags"], ra=np.asarray(sources["ra"])[rows],
        dec=np.asarray(sources["dec"])[rows], filter=np.full(n, band), field=np.full(n, field), ccd=np.full(n, ccd),
        quad=np.full(n, quad),
    )  # fmt: skip


def _points(found: Table, path: Path) -> LightCurves:
    names = {want: next((n for n in have if n in found.colnames), None) for want, have in _POINTS.items()}
    missing = [want for want in ("hjd", "mag", "magerr") if names[want] is None]
    if missing:
        raise SchemaMismatch(
            f"no light curves: there is no column of {' or '.join('/'.join(_POINTS[m]) for m in missing)}", path=path,
            hint=f"it has {', '.join(found.colnames[:12])}",
        )  # fmt: skip
    strange = sorted(set(found.colnames) - {name for have in _POINTS.values() for name in have})
    if names["id"] is None and strange:
        raise SchemaMismatch(
            f"several stars may be in here, but there is no identifier ({'/'.join(_POINTS['id'])})", path=path,
            hint=f"add one, or drop {', '.join(strange[:6])} if it is one star",
        )  # fmt: skip
    columns = {want: _numbers(found, name, path) for want, name in names.items() if name and want != "filter"}
    if names["filter"]:
        texts = [str(value).strip() for value in found[names["filter"]]]
        columns["filter"] = np.array([FILTERS.get(text, UNKNOWN) for text in texts], np.int64)
    digits = re.findall(r"\d+", path.stem)
    identifier = columns.pop("id", np.full(len(found), int(digits[-1]) if digits and len(digits[-1]) < 19 else 1))
    return LightCurves.of_points(identifier.astype(np.int64), **columns)


def _numbers(found: Table, name: str, path: Path) -> np.ndarray:
    column = found[name]
    if column.dtype.kind not in "iufb":
        raise SchemaMismatch("numbers are needed here", path=path, hdu=name)
    if np.ma.isMaskedArray(column):
        return np.ma.filled(column.astype(np.float64), np.nan)
    return np.asarray(column)
