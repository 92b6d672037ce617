"""What ZTF's alerts say about a source: how many there are, and how real braai thinks they are."""

from __future__ import annotations

import numpy as np

from scope.features.bright_stars import chord, unit_vectors
from scope.features.crossmatch import Catalogue

SCORES = ("braai", "classifications.braai")
"""Columns of an alert table that hold the score of braai (Duev et al. 2019, MNRAS 489, 3582)."""


def alert_columns(ra: np.ndarray, dec: np.ndarray, alerts: Catalogue | None, radius: float) -> dict[str, np.ndarray]:
    """Return the columns of each source.

    Parameters
    ----------
    ra, dec : ndarray of float64, (n,)
        Sources [deg].
    alerts : Catalogue or None
        Alerts with one of `SCORES`; without it the mean is 0, without alerts both columns are missing.
    radius : float
        Farthest alert [arcsec].

    Returns
    -------
    dict of str to ndarray, (n,)
        `n_ztf_alerts`, objects with None where the position is unknown, and `mean_ztf_alert_braai`: the mean of the
        scores there are, 0 without any.
    """
    counts, means = np.full(len(ra), None, object), np.full(len(ra), np.nan)
    if alerts is not None:
        known = np.isfinite(ra) & np.isfinite(dec)
        name = next((name for name in SCORES if name in alerts.columns), None)
        scores = np.full(len(alerts.ra), np.nan) if name is None else np.asarray(alerts.columns[name], np.float64)
        near = _near(ra[known], dec[known], alerts, radius)
        counts[known] = [len(rows) for rows in near]
        means[known] = [_mean(scores[rows]) for rows in near]
    return {"n_ztf_alerts": counts, "mean_ztf_alert_braai": means}


def _near(ra: np.ndarray, dec: np.ndarray, alerts: Catalogue, radius: float) -> list[list[int]]:
    if not len(alerts.ra) or not len(ra):
        return [[] for _ in ra]
    from scipy.spatial import cKDTree

    tree = cKDTree(unit_vectors(alerts.ra, alerts.dec))
    return [sorted(rows) for rows in tree.query_ball_point(unit_vectors(ra, dec), chord(radius))]


def _mean(scores: np.ndarray) -> float:
    there = scores[np.isfinite(scores)]
    return float(there.mean()) if len(there) else 0.0
