"""Distinct peaks of a periodogram."""

from __future__ import annotations

import numpy as np


def distinct_peaks(power: np.ndarray, count: int, separation: int) -> np.ndarray:
    """Return the highest local maxima that do not share a peak.

    Parameters
    ----------
    power : ndarray, (n,)
        A periodogram, the higher the better.
    count : int
        Peaks wanted.
    separation : int
        Samples between two peaks for them to count as two.

    Returns
    -------
    ndarray of int, at most (count,)
        Indices in falling order of power, earlier ones first among equals; the highest sample where there is
        no local maximum.
    """
    if len(power) < 3:
        return np.array([int(np.argmax(power))])
    tops = np.flatnonzero((power[1:-1] >= power[:-2]) & (power[1:-1] > power[2:])) + 1
    if len(tops) == 0:
        return np.array([int(np.argmax(power))])
    if len(tops) > 8 * count:
        tops = tops[np.sort(np.argpartition(-power[tops], 8 * count)[: 8 * count])]
    chosen: list[int] = []
    for k in tops[np.argsort(-power[tops], kind="stable")]:
        if all(abs(int(k) - other) > separation for other in chosen):
            chosen.append(int(k))
            if len(chosen) == count:
                break
    return np.array(chosen)
