r"""Sersic profiles far from their centre, where the PSF changes little: their values in cells of pixels.

The brightness at :math:`\mathbf x` from the centre is :math:`I_0 \exp(-b\, g^{1/2n})` with
:math:`g = \mathbf x^T S^{-1} \mathbf x` and :math:`I_0 = b^{2n} / (2 \pi n\, \Gamma(2n) \sqrt{\det S})` for unit flux
(Sersic 1963; Graham & Driver 2005, PASA 22, 118, eq. 4), :math:`S` as in `dre.kernels.fourier`. PSF and cell enter by
their second moments.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from .compiled import compiled
from .elementary import exp_of, log_of
from .sersic import sersic_b


@compiled(fused=True)
def outskirts(
    law: NDArray, slopes: NDArray, x: NDArray, y: NDArray, reach: float, place: NDArray, area: NDArray, out: NDArray
) -> None:
    """Fill some cells of a picture of unit flux and of its derivatives.

    Parameters
    ----------
    law, slopes : ndarray
        From `law_of` and `dre.kernels.fourier.shape_matrix`.
    x, y : ndarray of float64, shape (k,)
        Middle of each cell, from the centre of the profile, px.
    reach : float
        The mean over four points at this distance from the middle along both axes is taken, px: the standard
        deviation of cell and PSF together, which makes it right to second order.
    place : ndarray of int, shape (k,)
        Position of each cell in `out`.
    area : ndarray of float64, shape (cells,)
        Pixels of every cell of `out`.
    out : ndarray, shape (1 or 7, cells)
        Picture, and derivatives to rho, eta1, eta2, ln n, x, y.
    """
    found = np.zeros((len(out), len(x)))
    for corner in range(4):
        add_light(found, x, y, reach if corner % 2 else -reach, reach if corner < 2 else -reach, law, slopes)
    for p in range(len(out)):
        for k in range(len(x)):
            out[p, place[k]] = 0.25 * area[place[k]] * found[p, k]


_STEP = 1e-4


def law_of(matrix: NDArray, log_n: float) -> NDArray[np.float64]:
    """What `add_light` needs of a profile.

    Parameters
    ----------
    matrix : ndarray
        From `dre.kernels.fourier.shape_matrix`.
    log_n : float
        ln of the Sersic index.

    Returns
    -------
    ndarray of float64, shape (9,)
        Three numbers of the inverse of S, five of the law of brightness, and the root of det S.
    """
    determinant = matrix[0] * matrix[2] - matrix[1] ** 2
    (b, central), more, less = (_law(log_n + change) for change in (0.0, _STEP, -_STEP))
    slope_b, slope_i = (more[0] - less[0]) / (2 * _STEP * b), (more[1] - less[1]) / (2 * _STEP)
    inverse = matrix[2] / determinant, -matrix[1] / determinant, matrix[0] / determinant
    central -= 0.5 * math.log(determinant)
    return np.array([*inverse, b, 0.5 / math.exp(log_n), central, slope_b, slope_i, math.sqrt(determinant)])


@lru_cache(maxsize=64)
def _law(log_n: float) -> tuple[float, float]:
    """Return b and ln of the central brightness times the root of det S."""
    n = math.exp(log_n)
    b = float(sersic_b(n))
    return b, 2 * n * math.log(b) - float(gammaln(2 * n)) - math.log(2 * math.pi * n)


@compiled(fused=True)
def add_light(out: NDArray, x: NDArray, y: NDArray, right: float, up: float, law: NDArray, slopes: NDArray) -> None:
    """Add the brightness at some places, moved to the right and up, and its derivatives where `out` has room.

    Every loop fills one array from scalars and others, so that a compiler does many of its turns at a time.
    """
    count, a, b, c = len(x), law[0], law[1], law[2]
    depth_n, half, central, slope_b, slope_i = law[3], law[4], law[5], law[6], law[7]
    g, log_g, depth, light = np.empty(count), np.empty(count), np.empty(count), np.empty(count)
    for k in range(count):
        dx, dy = x[k] + right, y[k] + up
        g[k] = max((a * dx + 2.0 * b * dy) * dx + c * dy * dy, 1e-30)
    for k in range(count):
        log_g[k] = log_of(g[k])
    for k in range(count):
        depth[k] = min(depth_n * exp_of(half * log_g[k]), 500.0)
    for k in range(count):
        light[k] = exp_of(central - depth[k])
    picture = out[0]
    for k in range(count):
        picture[k] += light[k]
    if len(out) == 1:
        return
    to_n, to_x, to_y, steep = out[4], out[5], out[6], g
    for k in range(count):
        steep[k] = light[k] * depth[k] * half / g[k]  # -dI/dg
    for k in range(count):
        to_n[k] += light[k] * (slope_i - depth[k] * (slope_b - half * log_g[k]))
    for k in range(count):
        to_x[k] += 2.0 * steep[k] * (a * (x[k] + right) + b * (y[k] + up))  # S^-1 x
    for k in range(count):
        to_y[k] += 2.0 * steep[k] * (b * (x[k] + right) + c * (y[k] + up))
    for p in range(3):
        s0, s1, s2, change = slopes[p, 0], 2.0 * slopes[p, 1], slopes[p, 2], out[1 + p]
        trace = 0.5 * (a * s0 + b * s1 + c * s2)
        for k in range(count):
            u, v = a * (x[k] + right) + b * (y[k] + up), b * (x[k] + right) + c * (y[k] + up)
            change[k] += steep[k] * (s0 * u * u + s1 * u * v + s2 * v * v) - trace * light[k]
