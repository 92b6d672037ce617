"""Sinusoids fitted to many stars: Lomb-Scargle with weights and a floating mean, and several harmonics."""

from __future__ import annotations

from typing import Any

import numpy as np

_ANGLE = np.float32(2 * np.pi / 4294967296.0)
_SINGULAR = 1e-4  # least square of a diagonal element of the Cholesky factor


def normalised(curves: list[tuple[np.ndarray, np.ndarray]], width: int) -> np.ndarray:
    """Return shares of the weight, and those times magnitudes about the mean in units of their scatter.

    Parameters
    ----------
    curves : list of (mag, weight)
        Of each star.
    width : int
        Points to fill up to with zeros.

    Returns
    -------
    ndarray of float32, (s, 2, width)
        The second row is zero for a star without variance.
    """
    out = np.zeros((len(curves), 2, width), np.float32)
    for k, (mag, weight) in enumerate(curves):
        share = weight / weight.sum()
        centred = mag - (share * mag).sum()
        variance = (share * centred * centred).sum()
        out[k, 0, : len(mag)] = share
        if variance > 0.0:
            out[k, 1, : len(mag)] = share * centred / np.sqrt(variance)
    return out


def _cos_sin(xp: Any, phases: Any) -> tuple[Any, Any]:
    """Return cosines and sines of fixed-point phases in float32."""
    angles = phases.view(np.int32).astype(np.float32)  # minus to plus half a turn
    angles *= _ANGLE
    return xp.cos(angles), xp.sin(angles)


def lomb_scargle_batch(xp: Any, phases: Any, points: Any) -> Any:
    """Return the power of the best sinusoid plus constant (:func:`scope.kernels.lomb_scargle.lomb_scargle`).

    Parameters
    ----------
    phases : array of uint32, (s, n, m)
        Of each point [2**-32 turn].
    points : array of float32, (s, 2, n)
        Of :func:`normalised`.

    Returns
    -------
    array of float32, (s, m)
    """
    c, s = _cos_sin(xp, phases)
    sc, yc = _rows(xp, points, c)
    ss, ys = _rows(xp, points, s)
    weights = points[:, :1]
    s *= c
    c *= c
    cc, cs = (xp.matmul(weights, part)[:, 0].astype(np.float64) for part in (c, s))
    a, b, ab = cc - sc * sc, (1.0 - cc) - ss * ss, cs - sc * ss
    det = a * b - ab * ab
    good = det > 1e-9
    power = (b * yc * yc + a * ys * ys - 2 * ab * yc * ys) / xp.where(good, det, 1.0)
    return xp.where(good, power, 0.0).astype(np.float32)


def _rows(xp: Any, points: Any, trig: Any) -> tuple[Any, Any]:
    sums = xp.matmul(points, trig).astype(np.float64)
    return sums[:, 0], sums[:, 1]


def harmonics_batch(xp: Any, phases: Any, points: Any, count: int) -> Any:
    """Return the share of the variance that a constant and 1, 2, ... harmonics explain.

    The solution is that of :func:`scope.kernels.harmonics.harmonics`.

    Parameters
    ----------
    phases, points
        See :func:`lomb_scargle_batch`.
    count : int
        Largest number of harmonics.

    Returns
    -------
    array of float32, (s, m, count)
    """
    cosines, sines, right = [1.0], [0.0], []
    for k in range(1, 2 * count + 1):
        c, s = _cos_sin(xp, phases * np.uint32(k))  # a multiple wraps by itself
        wc, yc = _rows(xp, points, c)
        ws, ys = _rows(xp, points, s)
        cosines.append(wc)
        sines.append(ws)
        if k <= count:
            right += [yc, ys]
    solution = _solved(xp, _normal_matrix(cosines, sines, count), right)
    explained = xp.cumsum(xp.stack([v * v for v in solution], 2), 2)
    return xp.minimum(explained[:, :, 1::2], 1.0).astype(np.float32)


def _normal_matrix(c: list[Any], s: list[Any], count: int) -> list[list[Any]]:
    """Return the lower triangle of the covariance of the harmonics (:func:`scope.kernels.normal.normal_matrix`)."""
    left: list[list[Any]] = [[None] * (2 * count) for _ in range(2 * count)]
    for j in range(1, count + 1):
        for k in range(1, j + 1):
            a, b = 2 * j - 2, 2 * k - 2
            left[a][b] = 0.5 * (c[j - k] + c[j + k]) - c[j] * c[k]
            left[a + 1][b + 1] = 0.5 * (c[j - k] - c[j + k]) - s[j] * s[k]
            left[a][b + 1] = 0.5 * (s[j + k] - s[j - k]) - c[j] * s[k]
            left[a + 1][b] = 0.5 * (s[j + k] + s[j - k]) - s[j] * c[k]
    return left


def _solved(xp: Any, left: list[list[Any]], right: list[Any]) -> list[Any]:
    """Return the solution of the triangle of the Cholesky factor (:func:`scope.kernels.normal.solve_triangle`)."""
    out: list[Any] = []
    for j in range(len(right)):
        for k in range(j):
            inner = sum((left[j][q] * left[k][q] for q in range(k)), 0.0)
            left[j][k] = (left[j][k] - inner) / left[k][k]
        value = left[j][j] - sum((left[j][q] * left[j][q] for q in range(j)), 0.0)
        left[j][j] = xp.sqrt(xp.maximum(value, _SINGULAR))
        out.append((right[j] - sum((left[j][q] * out[q] for q in range(j)), 0.0)) / left[j][j])
    return out
