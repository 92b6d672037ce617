"""The table of fits in several bands: one row per object, the shape once, and the light of each band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .bands import BandsFit
from .flags import FitFlag
from .profiles import ProfileFit
from .results import profile_table

if TYPE_CHECKING:
    from astropy.table import QTable
    from astropy.wcs import WCS

SHAPE = ("R_E", "LOGR", "AX_RATIO", "ANGLE", "INDEX", "LOGN", "X_FIT", "Y_FIT")
LIGHT = ("FLUX", "MAG", "SKY")
QUALITY = ("CHI2", "PIXELS", "CELLS", "CHI2_MASK", "SN", "FIT_GAIN", "FIT_FLAG")


def bands_table(
    found: Sequence[BandsFit],
    bands: Sequence[str],
    *,
    zero_points: Sequence[Mapping[int, float]] | None = None,
    systems: Mapping[int, WCS] | None = None,
    meta: Mapping[str, Any] | None = None,
) -> QTable:
    """Tabulate fits in several bands.

    Parameters
    ----------
    found : sequence of BandsFit
    bands : sequence of str
        Name of each band: the columns of its light end in it.
    zero_points : sequence of dict of int to float, optional
        Of each band: magnitude of one unit of flux, by extension number.
    systems : dict of int to WCS, optional
        World coordinates of the first band, by extension number: adds ALPHA_FIT and DELTA_FIT.
    meta : dict, optional
        Metadata of the table.

    Returns
    -------
    QTable
        EXT_NUMBER, NUMBER; shape and centre (in the first band that was used) with errors; for each band BAND
        FLUX_BAND, MAG_BAND, SKY_BAND with errors, and CHI2_BAND and so on; CORRELATIONS of the errors of LOGR,
        AX_RATIO, ANGLE, LOGN, FLUX and SKY of each band, X, Y; FIT_FLAG, all flags of the bands. NaN in a band that
        was not used.
    """
    from astropy.table import QTable

    ordered = sorted(found, key=lambda one: (_any(one).ext_number, one.number))
    own = [
        profile_table([_of(one, k) for one in ordered], zero_points=dict(zero_points[k]) if zero_points else None)
        for k in range(len(bands))
    ]
    first = [one.used[0] if one.used else 0 for one in ordered]
    shape = profile_table([_of(one, k) for one, k in zip(ordered, first, strict=True)], systems=dict(systems or {}))
    table = QTable({name: shape[name] for name in ("EXT_NUMBER", "NUMBER", *_with_errors(SHAPE))})
    for name in ("ALPHA_FIT", "DELTA_FIT"):
        if name in shape.colnames:
            table[name] = shape[name]
    for band, light in zip(bands, own, strict=True):
        for name in (*_with_errors(LIGHT), *QUALITY):
            root, error = (name.removesuffix("_ERR"), "_ERR") if name.endswith("_ERR") else (name, "")
            table[f"{root}_{band}{error}"] = light[name]
    table["CORRELATIONS"] = _correlations(ordered, len(bands))
    table["FIT_FLAG"] = np.bitwise_or.reduce([np.asarray(light["FIT_FLAG"]) for light in own])
    table.meta = {**dict(meta or {}), "BANDS": ",".join(bands)}
    return table


def _with_errors(names: Sequence[str]) -> list[str]:
    return [column for name in names for column in (name, f"{name}_ERR")]


def _any(one: BandsFit) -> ProfileFit:
    return next(fit for fit in one.fits if fit is not None)


def _of(one: BandsFit, band: int) -> ProfileFit:
    """What an object is in a band; nothing where the band has no cut of it."""
    fit = one.fits[band]
    if fit is not None:
        return fit
    empty = ProfileFit(one.name, _any(one).ext_number, one.number, None, None, _any(one).box)
    return replace(empty, flag=FitFlag.NO_DATA, reason="no cut in this band")


def _correlations(found: Sequence[BandsFit], bands: int) -> np.ndarray:
    size = 6 + 2 * bands
    correlations = np.full((len(found), size, size), np.nan)
    for row, one in zip(correlations, found, strict=True):
        if one.estimate is not None:
            light = [4 + 2 * k + part for k in one.used for part in (0, 1)]
            place = np.array([0, 1, 2, 3, *light, size - 2, size - 1])
            row[np.ix_(place, place)] = one.estimate.correlations
    return correlations
