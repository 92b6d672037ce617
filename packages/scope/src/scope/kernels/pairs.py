"""Magnitude against time differences of all pairs of points (Mahabal et al. 2017, arXiv:1709.06257)."""

from __future__ import annotations

import numpy as np

from scope.kernels.compiled import compiled

_CELLS = 1024


@compiled()
def _starts(edges: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the bin at the start of each of `_CELLS` equal steps of the axis, and the steps per unit."""
    start = np.zeros(_CELLS + 2, np.int64)
    fineness = _CELLS / (edges[-1] - edges[0])
    k = 0
    for c in range(_CELLS + 2):
        # One step early, so that rounding never starts beyond the bin.
        while k < len(edges) - 2 and edges[0] + (c - 1) / fineness >= edges[k + 1]:
            k += 1
        start[c] = k
    return start, fineness


@compiled()
def pair_histogram(t: np.ndarray, mag: np.ndarray, dt_edges: np.ndarray, dm_edges: np.ndarray) -> np.ndarray:
    """Count the pairs i < j by ``t_j - t_i`` and ``mag_j - mag_i``.

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
    counts = np.zeros((q, p), np.int64)
    start, fineness = _starts(dm_edges)
    for i in range(n):
        column = 0
        for j in range(i + 1, n):
            dt, dm = t[j] - t[i], mag[j] - mag[i]
            if dt > dt_edges[p]:
                break
            while column < p - 1 and dt >= dt_edges[column + 1]:
                column += 1
            if dt < dt_edges[0] or not dm_edges[0] <= dm <= dm_edges[q]:
                continue
            row = start[int((dm - dm_edges[0]) * fineness)]
            while row < q - 1 and dm >= dm_edges[row + 1]:
                row += 1
            counts[row, column] += 1
    return counts
