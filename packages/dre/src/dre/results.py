"""The Summary table of the default statistic: one row per object, with units."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from .posterior import PARAMETERS
from .profiles import ProfileFit
from .render import Profile
from .stamp import Stamp
from .summary import KEYS, Column, joined

if TYPE_CHECKING:
    from astropy.table import QTable, Row, Table
    from astropy.wcs import WCS

COLUMNS = (
    Column("EXT_NUMBER", "int16", None, "FITS extension number"),
    Column("NUMBER", "int32", None, "running object number"),
    Column("R_E", "float64", "pix", "semi-major half-light radius"),
    Column("R_E_ERR", "float64", "pix", "its standard error"),
    Column("LOGR", "float64", None, "log10 of R_E in pixels"),
    Column("LOGR_ERR", "float64", None, "its standard error, dex"),
    Column("AX_RATIO", "float64", None, "axis ratio b/a"),
    Column("AX_RATIO_ERR", "float64", None, "its standard error"),
    Column("ANGLE", "float64", "deg", "position angle, counter-clockwise from +x"),
    Column("ANGLE_ERR", "float64", "deg", "its standard error"),
    Column("INDEX", "float64", None, "Sersic index"),
    Column("INDEX_ERR", "float64", None, "its standard error; NaN: held fixed"),
    Column("LOGN", "float64", None, "log10 of INDEX"),
    Column("LOGN_ERR", "float64", None, "its standard error, dex"),
    Column("FLUX", "float64", "adu", "total flux of the profile, to infinity"),
    Column("FLUX_ERR", "float64", "adu", "its standard error"),
    Column("MAG", "float64", "mag", "magnitude of FLUX; NaN where no zero point is known"),
    Column("MAG_ERR", "float64", "mag", "its standard error"),
    Column("SKY", "float64", "adu", "sky left in each pixel of the cut"),
    Column("SKY_ERR", "float64", "adu", "its standard error"),
    Column("X_FIT", "float64", "pix", "centre, one-based as X_IMAGE; in a cut of unknown place: from its middle"),
    Column("X_FIT_ERR", "float64", "pix", "its standard error"),
    Column("Y_FIT", "float64", "pix", "centre, one-based as Y_IMAGE; in a cut of unknown place: from its middle"),
    Column("Y_FIT_ERR", "float64", "pix", "its standard error"),
    Column("CORRELATIONS", "float64", None, "correlations of the errors of " + ", ".join(PARAMETERS)),
    Column("CHI2", "float64", None, "chi-square, a sum over cells of used pixels"),
    Column("PIXELS", "int32", None, "number of used pixels"),
    Column("CELLS", "int32", None, "number of cells; beyond 16 pixels from the middle a cell is several pixels"),
    Column("CHI2_MASK", "float64", None, "reduced chi-square of the pixels in the mask"),
    Column("SN", "float64", None, "signal over noise in the mask"),
    Column("FIT_GAIN", "float64", None, "gain that the fit took, e-/ADU; inf: noise without photons"),
    Column("FIT_FLAG", "int32", None, "what is wrong with the fit, see FitFlag; 0 is good"),
)


def profile_table(
    fits: Iterable[ProfileFit],
    catalogue: Table | None = None,
    *,
    zero_points: dict[int, float] | None = None,
    systems: dict[int, WCS] | None = None,
    meta: dict[str, Any] | None = None,
) -> QTable:
    """Tabulate fits, joined with the catalogue of the image.

    Parameters
    ----------
    fits : iterable of ProfileFit
        Results.
    catalogue : Table, optional
        Rows of the same objects; an inner join as in `dre.summary_table`.
    zero_points : dict of int to float, optional
        Magnitude of one unit of flux, by extension number.
    systems : dict of int to WCS, optional
        World coordinates, by extension number: adds ALPHA_FIT and DELTA_FIT of the fitted centres.
    meta : dict, optional
        Metadata of the table.

    Returns
    -------
    QTable
        Columns of `COLUMNS`, with units, and then those of the catalogue, in the order of EXT_NUMBER and NUMBER.
    """
    from astropy.table import Column as TableColumn
    from astropy.table import QTable, Table

    rows = [_row(fit, (zero_points or {}).get(fit.ext_number)) for fit in fits]
    table = Table()
    for k, column in enumerate(COLUMNS):
        values = np.array([row[k] for row in rows], dtype=column.dtype)
        if column.name == "CORRELATIONS":
            values = values.reshape(len(rows), len(PARAMETERS), len(PARAMETERS))
        table[column.name] = TableColumn(values, unit=column.unit, description=column.description)
    if systems:
        _add_places(table, systems)
    if catalogue is not None:
        table = joined(table, catalogue)
    table.sort(KEYS)
    table.meta = dict(meta or {})
    return QTable(table)


def _row(fit: ProfileFit, zero_point: float | None) -> tuple[Any, ...]:
    count = len(PARAMETERS)
    if fit.estimate is None:
        nothing = (float("nan"),) * 22
        blank = np.full((count, count), np.nan)
        return (
            fit.ext_number,
            fit.number,
            *nothing,
            blank,
            fit.chi2,
            fit.pixels,
            fit.cells,
            fit.chi2_mask,
            fit.sn,
            fit.gain,
            fit.flag,
        )
    values, errors = fit.estimate.values, fit.estimate.errors
    log_r, q, angle, log_n, flux, sky, x, y = (pair for pair in zip(values.tolist(), errors.tolist(), strict=True))
    known = zero_point is not None and math.isfinite(zero_point)
    magnitude = (
        (zero_point - 2.5 * math.log10(flux[0]), 2.5 / math.log(10) * flux[1] / flux[0])  # type: ignore[operator]
        if known and flux[0] > 0
        else (float("nan"),) * 2
    )
    place = fit.middle
    return (
        fit.ext_number, fit.number, *_linear(log_r), *log_r, *q, *angle, *_linear(log_n), *log_n, *flux,
        *magnitude, *sky, x[0] + place[0], x[1], y[0] + place[1], y[1], fit.estimate.correlations, fit.chi2, fit.pixels,
        fit.cells, fit.chi2_mask, fit.sn, fit.gain, fit.flag,
    )  # fmt: skip


def _linear(pair: tuple[float, float]) -> tuple[float, float]:
    """Value and error of 10 to the power of a value with an error."""
    return 10 ** pair[0], math.log(10) * 10 ** pair[0] * pair[1]


def _add_places(table: Table, systems: dict[int, WCS]) -> None:
    """Append ALPHA_FIT and DELTA_FIT, the world coordinates of the fitted centres."""
    from astropy.table import Column as TableColumn

    found = np.full((len(table), 2), np.nan)
    for extension, system in systems.items():
        own = np.asarray(table["EXT_NUMBER"]) == extension
        if own.any() and system.has_celestial:
            found[own] = system.celestial.wcs_pix2world(np.column_stack([table["X_FIT"][own], table["Y_FIT"][own]]), 1)
    for k, (name, what) in enumerate((("ALPHA_FIT", "longitude"), ("DELTA_FIT", "latitude"))):
        table[name] = TableColumn(found[:, k], unit="deg", description=f"{what} of the fitted centre")


def read_profile(row: Row, stamp: Stamp) -> tuple[Profile | None, float]:
    """Return the profile of a row of the table, its centre from the middle of its stamp, and its sky.

    Parameters
    ----------
    row : Row
        Of a table that `profile_table` made.
    stamp : Stamp
        The cut that was fitted.
    """
    names = ("R_E", "AX_RATIO", "ANGLE", "INDEX", "FLUX", "X_FIT", "Y_FIT", "SKY")
    r_e, q, angle, n, flux, x, y, sky = (float(getattr(row[name], "value", row[name])) for name in names)
    if not math.isfinite(r_e):
        return None, float("nan")
    middle = ProfileFit.of(stamp).middle
    return Profile(r_e, q, angle, n, flux, x - middle[0], y - middle[1]), sky
