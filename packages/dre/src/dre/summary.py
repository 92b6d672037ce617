"""The Summary table: one row per object."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .compare import Fit
from .grid import GridAxes

if TYPE_CHECKING:
    from astropy.table import Table


class Column(NamedTuple):
    """Name, dtype, unit and description of one column."""

    name: str
    dtype: str
    unit: str | None
    description: str


COLUMNS = (
    Column("ROW", "int32", None, "position of the object in the order of the fit, from 0"),
    Column("MODEL_IDX", "int32", None, "position of the best model on n, q, angle, log r; -1: no fit"),
    Column("CHI", "float64", None, "smallest chi"),
    Column("CHI_STD", "float64", None, "standard deviation of chi over all models"),
    Column("LOGR_CHI", "float64", None, "log10 of the mean radius (px) of all models with weights 1/chi"),
    Column("LOGR_VAR", "float64", None, "log10 of the weighted variance of the radius (px2) to LOGR"),
    Column("LOGR_CHI_VAR", "float64", None, "log10 of the weighted variance of the radius (px2) to LOGR_CHI"),
    Column("LOGR_PARAB", "float64", None, "log10 of the radius (px) at the vertex of a parabola in ln(chi)"),
    Column("LOGR_STD", "float64", None, "1/sqrt(2a) of that parabola, dex; not a standard error"),
    Column("INDEX", "float64", None, "Sersic index of the best model"),
    Column("LOGR", "float64", None, "log10 of its semi-major half-light radius (px)"),
    Column("AX_RATIO", "float64", None, "its axis ratio"),
    Column("ANGLE", "float64", "deg", "its position angle, counter-clockwise from +x"),
    Column("EXT_NUMBER", "int16", None, "FITS extension number"),
    Column("NUMBER", "int32", None, "running object number"),
    Column("FLUX_SCALE", "float64", None, "factor from the best model (with the grid's flux) to the data"),
    Column("FIT_FLAG", "int32", None, "what is wrong with the fit, see FitFlag; 0 is good"),
)  # fmt: skip

KEYS = ("EXT_NUMBER", "NUMBER")


def summary_table(
    fits: Iterable[Fit], axes: GridAxes, catalogue: Table | None = None, *, meta: dict[str, Any] | None = None
) -> Table:
    """Tabulate fits, joined with the catalogue of the image.

    Parameters
    ----------
    fits : iterable of Fit
        Results; their chi cubes are not kept.
    axes : GridAxes
        Axes of the grid that was fitted.
    catalogue : Table, optional
        Rows of the same objects, with NUMBER and, where an image has several extensions, EXT_NUMBER. An inner
        join on those that it has; its VIGNET is dropped.
    meta : dict, optional
        Metadata of the table, such as the provenance.

    Returns
    -------
    Table
        Columns of `COLUMNS` and then those of the catalogue, in the order of EXT_NUMBER and NUMBER.

    Raises
    ------
    ValueError
        A catalogue without NUMBER.
    """
    table = _tabulate([_row(k, fit, axes) for k, fit in enumerate(fits)])
    if catalogue is not None:
        table = joined(table, catalogue)
    table.sort(KEYS)
    table.meta = dict(meta or {})
    return table


def _row(position: int, fit: Fit, axes: GridAxes) -> tuple[Any, ...]:
    best = fit.best
    n, q, angle, log_r = axes.values(best.model_idx) if fit.ok else (float("nan"),) * 4
    return (position, *best, n, log_r, q, angle, fit.ext_number, fit.number, fit.scale, int(fit.flag))


def _tabulate(rows: list[tuple[Any, ...]]) -> Table:
    from astropy.table import Column as TableColumn
    from astropy.table import Table

    table = Table()
    for k, column in enumerate(COLUMNS):
        values = np.array([row[k] for row in rows], dtype=column.dtype)
        if column.name == "MODEL_IDX":
            values = values.reshape(len(rows), 4)
        table[column.name] = TableColumn(values, unit=column.unit, description=column.description)
    return table


def joined(table: Table, catalogue: Table) -> Table:
    """Inner join on the keys that the catalogue has; every other column of the catalogue is appended."""
    if "NUMBER" not in catalogue.colnames:
        raise ValueError("the catalogue has no column NUMBER")
    keys = [key for key in KEYS if key in catalogue.colnames]
    if "EXT_NUMBER" in keys and not np.any(table["EXT_NUMBER"]):
        keys.remove("EXT_NUMBER")  # a single image: only SExtractor counts it as 1
    places = {key: k for k, key in enumerate(zip(*(catalogue[key].tolist() for key in keys), strict=True))}
    wanted = [places.get(key) for key in zip(*(table[key].tolist() for key in keys), strict=True)]
    kept = [k for k, place in enumerate(wanted) if place is not None]
    joined = table[kept]
    found = [place for place in wanted if place is not None]
    for name in catalogue.colnames:
        if name != "VIGNET" and name not in joined.colnames:
            joined[name] = catalogue[name][found]
    return joined
