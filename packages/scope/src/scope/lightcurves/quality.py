"""The cuts every light curve goes through before anything is measured."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from scope.kernels.thinning import thin
from scope.lightcurves.record import LightCurves

MINUTES = 1440.0  # of a day


@dataclass(frozen=True)
class Cuts:
    """What is kept.

    Parameters
    ----------
    min_points : int
        Fewest points left of a light curve that is kept.
    min_cadence_minutes : float
        Shortest time between points [min]; later ones of a burst are dropped.
    max_hjd : float or None
        Points after this time are dropped [d].
    """

    min_points: int = 50
    min_cadence_minutes: float = 30.0
    max_hjd: float | None = None


def sort_times(curves: LightCurves) -> LightCurves:
    """Order the points of each source by time; points at one time keep their order."""
    late = np.diff(curves.hjd) < 0
    starts = curves.offsets[1:-1]
    late[starts[(starts > 0) & (starts < len(curves.hjd))] - 1] = False  # from one source to the next time may fall
    if not late.any():
        return curves
    source = np.repeat(np.arange(len(curves)), curves.counts)
    order = np.lexsort((curves.hjd, source))
    names = ("hjd", "mag", "magerr", "catflags")
    return replace(curves, **{name: getattr(curves, name)[order] for name in names})


def clean(curves: LightCurves, cuts: Cuts) -> LightCurves:
    """Drop flagged, impossible and too frequent points, then light curves with too few left.

    A point is kept with ``catflags == 0``, finite time and magnitude, a positive finite error and, where a limit
    is set, a time before it.

    Parameters
    ----------
    curves : LightCurves
        As read.
    cuts : Cuts
        What is kept.

    Returns
    -------
    LightCurves
        Points in order of time.
    """
    good = (curves.catflags == 0) & np.isfinite(curves.hjd) & np.isfinite(curves.mag)
    good &= np.isfinite(curves.magerr) & (curves.magerr > 0)
    if cuts.max_hjd is not None:
        good &= curves.hjd <= cuts.max_hjd
    kept = sort_times(curves.keep_points(good))
    keep = thin(kept.hjd, kept.offsets, cuts.min_cadence_minutes / MINUTES)
    left = np.diff(np.concatenate([[0], np.cumsum(keep)])[kept.offsets])
    enough = left >= cuts.min_points
    return kept.keep_points(keep & np.repeat(enough, kept.counts)).take(enough)
