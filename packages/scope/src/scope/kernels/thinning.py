"""Which points of a light curve to keep."""

from __future__ import annotations

import numpy as np

from scope.kernels.compiled import compiled


@compiled()
def thin(t: np.ndarray, offsets: np.ndarray, cadence: float) -> np.ndarray:
    """Keep the first point of each curve and then every point at least `cadence` after the last one kept.

    Parameters
    ----------
    t : ndarray of float64, (points,)
        Times, ascending within each curve [d].
    offsets : ndarray of int64, (curves + 1,)
        Where the curves begin and end.
    cadence : float
        Shortest time between two kept points [d].

    Returns
    -------
    ndarray of bool, (points,)
    """
    kept = np.zeros(len(t), np.bool_)
    for k in range(len(offsets) - 1):
        last = -np.inf
        for i in range(offsets[k], offsets[k + 1]):
            if t[i] - last >= cadence:
                kept[i] = True
                last = t[i]
    return kept
