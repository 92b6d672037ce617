"""Parameters read off the chi cubes of many objects at once: `dre.kernels.minimum` in the arrays of any library.

What is as long as the cubes is computed where they are; the rest, of the length of the radius axis, in NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .batched import host
from .minimum import NOWHERE, Minimum


def minima(
    library: Any, chi: Any, shape: tuple[int, int, int, int], log_r: NDArray[np.float64]
) -> tuple[list[Minimum], NDArray[np.int64]]:
    """Parameters of chi cubes.

    Parameters
    ----------
    library : module
        ``cupy``; ``numpy`` gives the same numbers.
    chi : array of float32 of that library, shape (objects, models)
        Goodness of fit; NaN where it has no meaning.
    shape : (int, int, int, int)
        Lengths of the axes n, q, angle, r of the models.
    log_r : ndarray of float64, shape (r,)
        Axis of log10 of the half-light radius.

    Returns
    -------
    found : list of Minimum
        `NOWHERE` for an object without a finite chi.
    best : ndarray of int64, shape (objects,)
        Position of the best model; 0 for such an object.
    """
    with np.errstate(all="ignore"):  # as on a card
        best, lines, spread, inverse = (host(part) for part in _reduced(library, chi, len(log_r)))
        index = np.unravel_index(best, shape)
        line, place = lines.astype(np.float64), index[-1]
        smallest = np.take_along_axis(line, place[:, None], 1)[:, 0]
        parts = (smallest, spread, *_moments(inverse, 10.0**log_r, place), *_parabolas(line, log_r, place))
    rows = zip(zip(*(axis.tolist() for axis in index), strict=True), *(part.tolist() for part in parts), strict=True)
    return [Minimum(*row) if np.isfinite(row[1]) else NOWHERE for row in rows], best


def _reduced(xp: Any, chi: Any, radii: int) -> tuple[Any, Any, Any, Any]:
    """Best model, chi along its radii, standard deviation, and sums of 1 / chi of all models of a radius."""
    best = xp.where(xp.isnan(chi), np.inf, chi).argmin(1)
    lines = chi.reshape(len(chi), -1, radii)
    lines = xp.take_along_axis(lines, (best // radii)[:, None, None], 1).reshape(len(chi), radii)
    values = chi.astype(np.float64)
    finite = xp.isfinite(values)
    count = xp.maximum(finite.sum(1), 1)
    mean = xp.where(finite, values, 0.0).sum(1) / count
    spread = xp.sqrt((xp.where(finite, values - mean[:, None], 0.0) ** 2).sum(1) / count)
    inverse = xp.where(finite, 1.0 / values, 0.0).reshape(len(chi), -1, radii).sum(1)
    return best, lines, spread, inverse


def _moments(inverse: NDArray, radii: NDArray, best: NDArray[np.int64]) -> list[NDArray[np.float64]]:
    """LOGR_CHI, LOGR_VAR and LOGR_CHI_VAR of each object."""
    weights = inverse / inverse.sum(1, keepdims=True)
    mean = weights @ radii
    about_best = (weights * (radii - radii[best][:, None]) ** 2).sum(1)
    about_mean = (weights * (radii - mean[:, None]) ** 2).sum(1)
    return [np.where(part > 0, np.log10(part), np.nan) for part in (mean, about_best, about_mean)]


def _parabolas(
    line: NDArray[np.float64], x: NDArray[np.float64], best: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`dre.kernels.minimum.parabola` of each object: vertex and width."""
    if len(x) < 3:
        nothing = np.full(len(line), np.nan)
        return nothing, nothing
    window = np.clip(best, 1, len(x) - 2)[:, None] + np.arange(-1, 2)
    x0, x1, x2 = x[window].T
    values = np.take_along_axis(line, window, 1)
    y0, y1, y2 = np.log(values).T
    left, right = (y1 - y0) / (x1 - x0), (y2 - y1) / (x2 - x1)
    a = (right - left) / (x2 - x0)
    vertex = 0.5 * (x0 + x1) - 0.5 * left / a
    sound = (np.isfinite(values) & (values > 0)).all(1) & (a > 0)
    inside = sound & (vertex >= x[0]) & (vertex <= x[-1])
    vertex = np.where((vertex >= x0) & (vertex <= x2), vertex, x[best])
    return np.where(inside, vertex, np.nan), np.where(sound, 1.0 / np.sqrt(2.0 * a), np.nan)
