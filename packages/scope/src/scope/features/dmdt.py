"""The dm-dt picture of a light curve: 26 x 26 counts of pairs of points, of unit length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scope.kernels.pairs import pair_histogram

DT_EDGES = (
    0.0, 0.02759, 0.04, 0.08, 0.12, 0.3, 0.75, 1.0, 1.5, 2.5, 3.5, 4.5, 5.5, 7.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0,
    120.0, 180.0, 240.0, 360.0, 500.0, 650.0, 2000.0,
)  # fmt: skip
"""Edges of the time differences [d]; longer ones are not counted."""

DM_EDGES = (
    -8.0, -4.5, -3.0, -2.5, -2.0, -1.5, -1.25, -0.75, -0.5, -0.3, -0.2, -0.1, -0.05, 0.0, 0.05, 0.1, 0.2, 0.3, 0.5,
    0.75, 1.25, 1.5, 2.0, 2.5, 3.0, 4.5, 8.0,
)  # fmt: skip
"""Edges of the magnitude differences [mag], later minus earlier."""


def dmdt(
    hjd: np.ndarray, mag: np.ndarray, dt_edges: Sequence[float] = DT_EDGES, dm_edges: Sequence[float] = DM_EDGES
) -> np.ndarray:
    """Return the picture.

    Parameters
    ----------
    hjd : ndarray of float64, (n,)
        Times, ascending [d].
    mag : ndarray of float64, (n,)
        Magnitudes.
    dt_edges, dm_edges : sequence of float, (27,)
        Edges [d, mag].

    Returns
    -------
    ndarray of float64, (26, 26)
        Rows are magnitude differences; all zero without any pair inside the edges.
    """
    counts = pair_histogram(hjd, mag, np.array(dt_edges), np.array(dm_edges)).astype(np.float64)
    norm = np.linalg.norm(counts)
    return counts / norm if norm > 0 else counts
