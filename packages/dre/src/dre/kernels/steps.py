r"""Damped steps of least squares among bounds, for the coordinates of `dre.kernels.fourier` and the light of each band.

A step :math:`s` solves :math:`(A + \lambda\,\mathrm{diag} A)\, s = g` (Levenberg 1944; Marquardt 1963, with his
scaling), for the parameters that are free, by Cholesky's factors.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled

COORDINATES = 6
_ETA1, _ETA2, _LOG_N = 1, 2, 3
_FLAT, _SINGULAR = 1e-12, 1e-9


@compiled()
def free_parameters(
    point: NDArray, slope: NDArray, low: NDArray, high: NDArray, fixed_index: bool
) -> NDArray[np.bool_]:
    """Parameters that may move: not fixed, and not on a bound which the slope pushes them against.

    Parameters
    ----------
    point, low, high : ndarray of float64, shape (6,)
        Coordinates and their bounds.
    slope : ndarray of float64, shape (6 + k,)
        Of chi-square, downhill, for coordinates and whatever follows them.
    fixed_index : bool
        Hold ln n.
    """
    free = np.ones(len(slope), np.bool_)
    for k in range(COORDINATES):
        pushed = (point[k] <= low[k] and slope[k] < 0.0) or (point[k] >= high[k] and slope[k] > 0.0)
        free[k] = not pushed
    if fixed_index:
        free[_LOG_N] = False
    return free


@compiled()
def damped_step(matrix: NDArray, slope: NDArray, free: NDArray, damping: float) -> NDArray[np.float64]:
    """Step of the free parameters, 0 for the others.

    Parameters
    ----------
    matrix : ndarray of float64, shape (k, k)
        Of the normal equations.
    slope : ndarray of float64, shape (k,)
    free : ndarray of bool, shape (k,)
    damping : float
        0: the step of Gauss and Newton.
    """
    count = len(slope)
    scale, step, factor = np.ones(count), np.zeros(count), np.zeros((count, count))
    for k in range(count):
        if free[k]:
            scale[k] = math.sqrt(max(matrix[k, k], 1e-300))
            step[k] = slope[k] / scale[k]
    for i in range(count):
        for j in range(i + 1):
            value = matrix[i, j] / (scale[i] * scale[j]) if free[i] and free[j] else 0.0
            if i == j:
                value = 1.0 + damping + _FLAT if free[i] else 1.0
            for m in range(j):
                value -= factor[i, m] * factor[j, m]
            factor[i, j] = math.sqrt(max(value, _FLAT)) if i == j else value / factor[j, j]
    _solve(factor, step)
    return step / scale


@compiled()
def _solve(factor: NDArray, right: NDArray) -> None:
    """Replace a right-hand side by the solution, the matrix given by its lower Cholesky factor."""
    count = len(right)
    for i in range(count):
        for m in range(i):
            right[i] -= factor[i, m] * right[m]
        right[i] /= factor[i, i]
    for i in range(count - 1, -1, -1):
        for m in range(i + 1, count):
            right[i] -= factor[m, i] * right[m]
        right[i] /= factor[i, i]


@compiled()
def moved(
    point: NDArray, step: NDArray, caps: NDArray, low: NDArray, high: NDArray, longest: float
) -> NDArray[np.float64]:
    """Coordinates after a step of at most `caps`, inside the bounds; too long an ellipse is made rounder at its angle.

    Parameters
    ----------
    point, caps, low, high : ndarray of float64, shape (6,)
    step : ndarray of float64, shape (6 or more,)
    longest : float
        Largest length of (eta1, eta2).
    """
    there = np.empty(COORDINATES)
    for k in range(COORDINATES):
        there[k] = min(max(point[k] + min(max(step[k], -caps[k]), caps[k]), low[k]), high[k])
    eta = math.hypot(there[_ETA1], there[_ETA2])
    if eta > longest:
        there[_ETA1] *= longest / eta
        there[_ETA2] *= longest / eta
    return there


@compiled()
def inverted(matrix: NDArray) -> tuple[NDArray[np.float64], bool]:
    """Inverse of a symmetric matrix with ones in its diagonal, by Cholesky's factors.

    Returns
    -------
    inverse : ndarray of float64, shape (k, k)
    sound : bool
        Whether it is one: the matrix is positive definite, and not nearly singular.
    """
    count = len(matrix)
    factor, inverse = np.zeros((count, count)), np.zeros((count, count))
    for i in range(count):
        for j in range(i + 1):
            value = matrix[i, j]
            for m in range(j):
                value -= factor[i, m] * factor[j, m]
            if i == j and not value > _SINGULAR:
                return inverse, False
            factor[i, j] = math.sqrt(value) if i == j else value / factor[j, j]
    for column in range(count):
        inverse[column, column] = 1.0
        _solve(factor, inverse[column])
    return inverse, True
