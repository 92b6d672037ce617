"""Which of some ranked places are not close to a better one."""

from __future__ import annotations

import numpy as np

from scope.kernels.compiled import compiled


@compiled()
def first_apart(places: np.ndarray, gap: float, count: int) -> np.ndarray:
    """Return the indices of the first places that are all farther than a gap from each other.

    Parameters
    ----------
    places : ndarray of float64, (n,)
        The best first.
    gap : float
        Places as close as this to an earlier one that is kept are dropped.
    count : int
        Most wanted.

    Returns
    -------
    ndarray of int64, at most (count,)
        Ascending.
    """
    kept = np.empty(min(count, len(places)), np.int64)
    size = 0
    for k in range(len(places)):
        apart = size < len(kept)
        for j in range(size):
            apart &= abs(places[k] - places[kept[j]]) > gap
        if apart:
            kept[size] = k
            size += 1
    return kept[:size]
