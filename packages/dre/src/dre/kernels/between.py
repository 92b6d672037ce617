r"""The best place between the models of a grid and around their centre, for a first guess.

Along each axis of the grid a model at :math:`t` steps from model :math:`m` is the parabola through the next two,
:math:`m + t\,(m_+ - m_-) / 2 + t^2 (m_+ - 2 m + m_-) / 2`, or at an end of the axis the line to the next; the changes
along the axes are added up, and that of a shift in the image is linear. Damped steps of least squares
(`dre.kernels.steps`) end at the best: pictures are interpolated, not chi-square, which is no parabola over a grid step.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled
from .normal import add_normal_equations, flux_and_sky
from .steps import damped_step

_STEPS, _DAMPING = 4, 1e-3


@compiled(fused=True)
def best_between(
    models: NDArray, index: int, lower: NDArray, upper: NDArray, data: NDArray, weight: NDArray, area: NDArray,
    beside: NDArray, apart: NDArray, aside: float,
) -> NDArray[np.float64]:  # fmt: skip
    """Find the best place around a model.

    Parameters
    ----------
    models : ndarray of float32, shape (K, cells)
    index : int
        The model.
    lower, upper : ndarray of int64, shape (axes,)
        Those before and after it on each axis; itself: there is none.
    data, weight : ndarray of float64, shape (cells or fewer,)
        As in `dre.kernels.linear.linear_scan`.
    area : ndarray of float64, shape (cells,)
    beside, apart : ndarray, shape (4, cells), (2, cells)
        `dre.kernels.superpixels.search_beside`.
    aside : float
        Largest shift, px.

    Returns
    -------
    ndarray of float64, shape (axes + 2,)
        Steps along the axes, each within -1 and 1 and not beyond their ends, and shifts along x and y, px.
    """
    axes, cells = len(lower), len(data)
    flat, place, free = area[:cells].copy(), np.zeros(axes + 2), np.ones(axes + 4, np.bool_)
    slopes, bends = np.empty((axes + 2, cells)), np.zeros((axes + 2, cells))
    low, high = np.full(axes + 2, -aside), np.full(axes + 2, aside)
    for k in range(axes):
        low[k], high[k] = -1.0 if lower[k] != index else 0.0, 1.0 if upper[k] != index else 0.0
        _along(models[lower[k]], models[index], models[upper[k]], high[k] - low[k], slopes[k], bends[k])
    _shifted(models[index], area, beside, apart, slopes[axes:])
    pictures = np.empty((axes + 3, cells))
    for _ in range(_STEPS):
        _draw(models[index], slopes, bends, place, pictures)
        flux, sky, chi2 = flux_and_sky(pictures[0], data, weight, flat)
        if not chi2 < np.inf:
            break
        matrix, vector = np.zeros((axes + 4, axes + 4)), np.zeros(axes + 4)
        add_normal_equations(pictures, flux, sky, data, weight, flat, 0, matrix, vector)
        step = damped_step(matrix, vector, free, _DAMPING)
        for k in range(axes + 2):
            place[k] = min(max(place[k] + step[k], low[k]), high[k])
    return place


@compiled(fused=True)
def _along(before: NDArray, here: NDArray, after: NDArray, apart: float, slope: NDArray, bend: NDArray) -> None:
    """Fill slope and bend of the parabola through three models, or of the line through two, 0 where there is one."""
    for p in range(len(slope)):
        slope[p] = (after[p] - before[p]) / max(apart, 1.0)
        bend[p] = after[p] - 2.0 * here[p] + before[p] if apart > 1.5 else 0.0


@compiled(fused=True)
def _shifted(model: NDArray, area: NDArray, beside: NDArray, apart: NDArray, slopes: NDArray) -> None:
    """Fill the changes of a model that is shifted along x and y by a pixel, from the brightness of cells beside."""
    for k in range(2):
        for p in range(slopes.shape[1]):
            after, before = beside[2 * k, p], beside[2 * k + 1, p]
            change = model[after] / area[after] - model[before] / area[before]
            slopes[k, p] = -change * area[p] / apart[k, p]


@compiled(fused=True)
def _draw(model: NDArray, slopes: NDArray, bends: NDArray, place: NDArray, pictures: NDArray) -> None:
    """Fill the picture at a place, and its derivatives."""
    picture = pictures[0]
    for p in range(len(picture)):
        picture[p] = model[p]
    for k in range(len(place)):
        slope, bend, t, own = slopes[k], bends[k], place[k], pictures[1 + k]
        for p in range(len(picture)):
            picture[p] += t * (slope[p] + 0.5 * t * bend[p])
            own[p] = slope[p] + t * bend[p]
