"""Distinct peaks of a periodogram."""

from __future__ import annotations

import numpy as np

from scope.kernels.distinct import first_apart

CONSIDERED = 8
"""Local maxima that are looked at for each peak wanted."""


def distinct_peaks(power: np.ndarray, count: int, separation: int, where: np.ndarray | None = None) -> np.ndarray:
    """Return the highest local maxima that do not share a peak.

    Parameters
    ----------
    power : ndarray, (n,)
        A periodogram, the higher the better.
    count : int
        Peaks wanted.
    separation : int
        Samples between two peaks for them to count as two.
    where : ndarray of int, (n,), optional
        Which samples of a grid these are, ascending; next to a gap there is no maximum.

    Returns
    -------
    ndarray of int, at most (count,)
        Indices in falling order of power, earlier ones first among equals; the highest sample where there is
        no local maximum.
    """
    tops = _maxima(power, where)
    if len(tops) == 0:
        return np.array([int(np.argmax(power))])
    most = CONSIDERED * count
    if len(tops) > most:
        tops = tops[np.sort(np.argpartition(-power[tops], most)[:most])]
    ranked = tops[np.argsort(-power[tops], kind="stable")]
    places = ranked if where is None else where[ranked]
    return ranked[first_apart(places.astype(np.float64), separation, count)]


def _maxima(power: np.ndarray, where: np.ndarray | None) -> np.ndarray:
    """Return the indices of the local maxima."""
    if len(power) < 3:
        return np.empty(0, np.int64)
    inside = (power[1:-1] >= power[:-2]) & (power[1:-1] > power[2:])
    if where is not None:
        inside &= where[2:] - where[:-2] == 2
    return np.flatnonzero(inside) + 1
