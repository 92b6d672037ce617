"""Magnitude against time differences of all pairs of points (Mahabal et al. 2017, arXiv:1709.06257)."""

from __future__ import annotations

import numpy as np

from scope.kernels.compiled import compiled

_CELLS = 1024


@compiled()
def _starts(edges: np.ndarray) -> tuple[np.ndarray, float, int]:
    """Return the bin where each of `_CELLS` steps of the axis starts, the steps per unit, and the edges in a step."""
    start = np.zeros(_CELLS + 2, np.int64)
    fineness = _CELLS / (edges[-1] - edges[0])
    k = 0
    for c in range(_CELLS + 2):
        # One step early, so that rounding never starts beyond the bin.
        while k < len(edges) - 2 and edges[0] + (c - 1) / fineness >= edges[k + 1]:
            k += 1
        start[c] = k
    most = 0
    for c in range(_CELLS):
        most = max(most, start[c + 2] - start[c])
    return start, fineness, most


@compiled()
def pair_histogram(t: np.ndarray, mag: np.ndarray, dt_edges: np.ndarray, dm_edges: np.ndarray) -> np.ndarray:
    """Count the pairs i < j by ``t_j - t_i`` and ``mag_j - mag_i``.

    For each i the points j of a column are neighbours, and the limits of the columns only move on with i.

    Parameters
    ----------
    t : ndarray of float64, (n,)
        Times in ascending order [d].
    mag : ndarray of float64, (n,)
        Magnitudes.
    dt_edges : ndarray of float64, (p + 1,)
        Ascending edges [d].
    dm_edges : ndarray of float64, (q + 1,)
        Ascending edges [mag].  As in a usual histogram the last bin of either axis holds its right edge.

    Returns
    -------
    ndarray of int64, (q, p)
        Rows are magnitude bins; pairs beyond the edges are not counted.
    """
    n, p, q = len(t), len(dt_edges) - 1, len(dm_edges) - 1
    counts = np.zeros((p, q), np.int64)
    start, fineness, most = _starts(dm_edges)
    upper = dm_edges[1:].copy()
    upper[q - 1] = np.inf
    lowest, highest = dm_edges[0], dm_edges[q]
    limits = np.zeros(p + 1, np.int64)
    for i in range(n):
        for k in range(p + 1):
            j = max(limits[k], i + 1)
            while j < n and (t[j] - t[i] < dt_edges[k] or (k == p and t[j] - t[i] == dt_edges[p])):
                j += 1
            limits[k] = j
        for k in range(p):
            for j in range(limits[k], limits[k + 1]):
                dm = mag[j] - mag[i]
                if lowest <= dm <= highest:
                    row = start[int((dm - lowest) * fineness)]
                    for _ in range(most):
                        row += dm >= upper[row]
                    counts[k, row] += 1
    return np.ascontiguousarray(counts.T)
