r"""Parameters read off a chi cube ``chi[n, q, angle, log r]`` of one object.

With radii :math:`r_k`, weights :math:`1/\chi_k` over the whole cube, and :math:`r_b` the radius of the best
model:

============= ========================================================================================
CHI           :math:`\min \chi`
CHI_STD       standard deviation of all :math:`\chi_k`
LOGR_CHI      :math:`\log_{10} \bar r,\ \bar r = \sum (r_k/\chi_k) / \sum (1/\chi_k)`
LOGR_VAR      :math:`\log_{10} [\sum (r_k - r_b)^2/\chi_k / \sum (1/\chi_k)]`
LOGR_CHI_VAR  :math:`\log_{10} [\sum (r_k - \bar r)^2/\chi_k / \sum (1/\chi_k)]`
LOGR_PARAB    :math:`-b/2a` of the parabola :math:`a x^2 + b x + c` through :math:`\ln \chi` at the best
              log r and its two neighbours (the window is moved inwards at the ends of the axis)
LOGR_STD      :math:`1/\sqrt{2a}`
============= ========================================================================================

LOGR_PARAB is NaN where the parabola has no minimum or has it outside the axis, and the best grid value
where the minimum is on the axis but outside the window. LOGR_STD is a width of the surface, not a standard
error.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Minimum(NamedTuple):
    """Parameters of one chi cube; the names are those of the Summary columns, in lower case."""

    model_idx: tuple[int, int, int, int]
    chi: float
    chi_std: float
    logr_chi: float
    logr_var: float
    logr_chi_var: float
    logr_parab: float
    logr_std: float


_NAN = float("nan")
NOWHERE = Minimum((-1, -1, -1, -1), _NAN, _NAN, _NAN, _NAN, _NAN, _NAN, _NAN)


def minimum(chi: NDArray, log_r: NDArray[np.float64]) -> Minimum:
    """Parameters of a chi cube.

    Parameters
    ----------
    chi : ndarray, shape (n, q, angle, r)
        Goodness of fit of every model; NaN where it has no meaning.
    log_r : ndarray of float64, shape (r,)
        Axis of log10 of the half-light radius.

    Returns
    -------
    Minimum
        `NOWHERE` where no model has a finite chi.
    """
    chi = chi.astype(np.float64, copy=False)
    best = np.unravel_index(int(np.argmin(np.where(np.isnan(chi), np.inf, chi))), chi.shape)
    index = (int(best[0]), int(best[1]), int(best[2]), int(best[3]))
    smallest = float(chi[index])
    if not math.isfinite(smallest):
        return NOWHERE
    radii = 10.0**log_r
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = np.where(np.isfinite(chi), 1.0 / chi, 0.0)
        weights = inverse.reshape(-1, len(radii)).sum(0)  # all models of one radius share it
        weights /= weights.sum()
        mean = float(weights @ radii)
        about_best = float(weights @ (radii - radii[index[-1]]) ** 2)
        about_mean = float(weights @ (radii - mean) ** 2)
    logs = _log10(mean), _log10(about_best), _log10(about_mean)
    spread = float(np.std(chi[np.isfinite(chi)]))
    return Minimum(index, smallest, spread, *logs, *parabola(chi[index[:-1]], log_r, index[-1]))


def _log10(value: float) -> float:
    return math.log10(value) if value > 0 else float("nan")


def parabola(line: NDArray[np.float64], x: NDArray[np.float64], best: int) -> tuple[float, float]:
    """Vertex and width of the parabola through ``ln(line)`` around position `best`.

    Parameters
    ----------
    line : ndarray of float64, shape (r,)
        Chi along the radius axis.
    x : ndarray of float64, shape (r,)
        The axis, increasing.
    best : int
        Position of the minimum.

    Returns
    -------
    vertex, width : float
        LOGR_PARAB and LOGR_STD as described at the top of this module.
    """
    nothing = float("nan"), float("nan")
    if len(x) < 3:
        return nothing
    middle = min(max(best, 1), len(x) - 2)
    window = slice(middle - 1, middle + 2)
    if not (np.isfinite(line[window]) & (line[window] > 0)).all():
        return nothing
    (x0, x1, x2), (y0, y1, y2) = x[window], np.log(line[window])
    left, right = (y1 - y0) / (x1 - x0), (y2 - y1) / (x2 - x1)
    a = (right - left) / (x2 - x0)
    if a <= 0:
        return nothing
    vertex = float(0.5 * (x0 + x1) - 0.5 * left / a)
    width = float(1.0 / np.sqrt(2.0 * a))
    if not x[0] <= vertex <= x[-1]:
        return float("nan"), width
    if not x0 <= vertex <= x2:
        return float(x[best]), width
    return vertex, width
