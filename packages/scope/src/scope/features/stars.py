"""Which light curves belong to one star: the same position in other filters."""

from __future__ import annotations

import numpy as np

from scope.features.bright_stars import chord, unit_vectors
from scope.lightcurves.record import LightCurves

RADIUS = 1.5
"""Light curves of different filters closer than this are one star [arcsec]."""


def group_stars(curves: LightCurves) -> list[np.ndarray]:
    """Group light curves by star; within a star every filter occurs once.

    Each light curve joins the nearest star within `RADIUS` that was started by another filter; ties and the order
    of the answer follow the order of the curves.  Sources without a position or filter stand alone.

    Returns
    -------
    list of ndarray of int
        Rows of each star; every row occurs once.
    """
    lonely = ~(np.isfinite(curves.ra) & np.isfinite(curves.dec)) | (curves.filter < 0)
    stars: dict[int, list[int]] = {}
    filters = [int(f) for f in np.unique(curves.filter[~lonely])]
    starters = np.empty(0, np.int64)
    for band in filters:
        rows = np.flatnonzero((curves.filter == band) & ~lonely)
        rows = _join(curves, rows, starters, stars)
        for row in rows:
            stars[int(row)] = [int(row)]
        starters = np.concatenate([starters, rows])
    for row in np.flatnonzero(lonely):
        stars[int(row)] = [int(row)]
    return [np.array(sorted(stars[first])) for first in sorted(stars)]


def _join(curves: LightCurves, rows: np.ndarray, starters: np.ndarray, stars: dict[int, list[int]]) -> np.ndarray:
    """Add each row to the star next to it, at most one row a star, the closest pairs first; return the rest."""
    if not len(starters) or not len(rows):
        return rows
    from scipy.spatial import cKDTree

    tree = cKDTree(unit_vectors(curves.ra[starters], curves.dec[starters]))
    distance, nearest = tree.query(unit_vectors(curves.ra[rows], curves.dec[rows]), distance_upper_bound=chord(RADIUS))
    taken: set[int] = set()
    joined = np.zeros(len(rows), bool)
    for k in np.argsort(distance, kind="stable"):
        if not np.isfinite(distance[k]) or int(nearest[k]) in taken:
            continue
        taken.add(int(nearest[k]))
        stars[int(starters[nearest[k]])].append(int(rows[k]))
        joined[k] = True
    return rows[~joined]
