"""Peaks of many periodograms at once, and sums over harmonics."""

from __future__ import annotations

from typing import Any

import numpy as np

_BLOCK = 64


def add_harmonics_batch(xp: Any, power: Any, known: int, count: int, total: Any) -> None:
    """Turn the sums over some number of harmonics into those over a multiple of it, in place.

    Parameters
    ----------
    power, total : array of float32, (s, n)
        See :func:`scope.kernels.harmonic_sums.add_harmonics`.
    known, count : int
        Harmonics in the sums so far, and wanted.
    """
    places = xp.arange(power.shape[1])
    whole, rest = places // count, places % count
    value = xp.zeros(power.shape, np.float32)
    for h in range(1, count):
        if h % (count // known) != 0:
            value += power[:, whole * h + (rest * h + count // 2) // count]
    total += value


def peaks_batch(xp: Any, values: Any, first: int, radius: int, count: int) -> tuple[Any, Any]:
    """Return where the highest values that are the largest within a radius are (`highest_peaks` of harmonic_sums).

    Parameters
    ----------
    values : array of float32, (s, n)
        The higher the better; none is NaN.
    first : int
        Index from which on they count.
    radius : int
        Samples on either side that a peak exceeds; of equal neighbours the first is the peak.
    count : int
        Peaks wanted.

    Returns
    -------
    places : array of int64, (s, k)
        The highest first; k is `count`, or less where there are not so many samples.
    there : array of bool, (s, k)
        False where a star has no more peaks.
    """
    values = values.copy()
    values[:, :first] = -np.inf
    peak = xp.isfinite(values)
    for apart in range(1, radius + 1):
        peak[:, :-apart] &= values[:, :-apart] >= values[:, apart:]
        peak[:, apart:] &= values[:, apart:] > values[:, :-apart]
    return highest(xp, xp.where(peak, values, -np.inf), count)


def maxima_batch(xp: Any, power: Any, sizes: Any, count: int) -> tuple[Any, Any]:
    """Return the highest local maxima, those of :func:`scope.periods.peaks.distinct_peaks`.

    Parameters
    ----------
    power : array of float32, (s, n)
        The higher the better.
    sizes : array of int64, (s,)
        Samples of each star's grid; what comes after them does not count.
    count : int
        Maxima wanted.

    Returns
    -------
    places, there
        See :func:`peaks_batch`.
    """
    inside = (power[:, 1:-1] >= power[:, :-2]) & (power[:, 1:-1] > power[:, 2:])
    inside &= xp.arange(2, power.shape[1]) < sizes[:, None]
    tops = xp.full(power.shape, -np.inf, np.float32)
    tops[:, 1:-1] = xp.where(inside, power[:, 1:-1], -np.inf)
    return highest(xp, tops, count)


def highest(xp: Any, values: Any, count: int) -> tuple[Any, Any]:
    """Return where the highest values of each row are, in falling order, earlier ones first among equals.

    The highest of all are among the blocks whose largest value is highest, so that few numbers are sorted.

    Parameters
    ----------
    values : array of float32, (s, n)
        -inf where there is none.
    count : int
        Values wanted.

    Returns
    -------
    places, there
        See :func:`peaks_batch`.
    """
    s, n = values.shape
    blocks = -(-n // _BLOCK)
    filled = xp.full((s, blocks * _BLOCK), -np.inf, np.float32)
    filled[:, :n] = values
    filled = filled.reshape(s, blocks, _BLOCK)
    best = xp.sort(xp.argsort(-filled.max(2), axis=1, kind="stable")[:, :count], axis=1)
    places = (best[:, :, None] * _BLOCK + xp.arange(_BLOCK)).reshape(s, -1)
    found = filled[xp.arange(s)[:, None], best].reshape(s, -1)
    order = xp.argsort(-found, axis=1, kind="stable")[:, :count]
    return xp.take_along_axis(places, order, 1), xp.take_along_axis(found, order, 1) > -np.inf
