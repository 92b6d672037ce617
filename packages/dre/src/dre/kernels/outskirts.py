r"""Sersic profiles far from their centre, where the PSF changes little: their values in cells of pixels.

The brightness at :math:`\mathbf x` from the centre is :math:`I_0 \exp(-b\, g^{1/2n})` with
:math:`g = \mathbf x^T S^{-1} \mathbf x` and :math:`I_0 = b^{2n} / (2 \pi n\, \Gamma(2n) \sqrt{\det S})` for unit flux
(Sersic 1963; Graham & Driver 2005, PASA 22, 118, eq. 4), :math:`S` as in `dre.kernels.fourier`. PSF and cell enter by
their second moments.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from .compiled import compiled
from .sersic import sersic_b


def outskirts(
    matrix: NDArray, slopes: NDArray, log_n: float, x: NDArray, y: NDArray, reach: float, place: NDArray, area: NDArray,
    out: NDArray,
) -> None:  # fmt: skip
    """Fill some cells of a picture of unit flux and of its derivatives.

    Parameters
    ----------
    matrix, slopes : ndarray
        From `dre.kernels.fourier.shape_matrix`.
    log_n : float
        ln of the Sersic index.
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
    _fill(slopes, law_of(matrix, log_n), x, y, reach, place, area, out)


_STEP = 1e-4


def law_of(matrix: NDArray, log_n: float) -> NDArray[np.float64]:
    """What `add_light` needs of a profile: three numbers of the inverse of S, and five of the law of brightness."""
    determinant = matrix[0] * matrix[2] - matrix[1] ** 2
    (b, central), more, less = (_law(log_n + change) for change in (0.0, _STEP, -_STEP))
    slope_b, slope_i = (more[0] - less[0]) / (2 * _STEP * b), (more[1] - less[1]) / (2 * _STEP)
    inverse = matrix[2] / determinant, -matrix[1] / determinant, matrix[0] / determinant
    return np.array([*inverse, b, 0.5 / math.exp(log_n), central - 0.5 * math.log(determinant), slope_b, slope_i])


def _law(log_n: float) -> tuple[float, float]:
    """Return b and ln of the central brightness times the root of det S."""
    n = math.exp(log_n)
    b = float(sersic_b(n))
    return b, 2 * n * math.log(b) - float(gammaln(2 * n)) - math.log(2 * math.pi * n)


@compiled(loose=True)
def add_light(out: NDArray, cell: int, x: float, y: float, share: float, law: NDArray, slopes: NDArray) -> None:
    """Add `share` times the brightness at (x, y), and its derivatives where `out` has room, to one cell."""
    a, b, c, b_n = law[0], law[1], law[2], law[3]
    half, central, slope_b, slope_i = law[4], law[5], law[6], law[7]
    u, v = a * x + b * y, b * x + c * y  # S^-1 x
    g = max(u * x + v * y, 1e-30)
    log_g = math.log(g)
    depth = b_n * math.exp(half * log_g)
    if depth > 200.0:
        return
    light = share * math.exp(central - depth)
    out[0, cell] += light
    if len(out) == 1:
        return
    steep = light * depth * half / g  # -dI/dg
    for p in range(3):
        s0, s1, s2 = slopes[p, 0], slopes[p, 1], slopes[p, 2]
        trace = a * s0 + 2.0 * b * s1 + c * s2
        out[1 + p, cell] += steep * (s0 * u * u + 2.0 * s1 * u * v + s2 * v * v) - 0.5 * trace * light
    out[4, cell] += light * (slope_i - depth * (slope_b - half * log_g))
    out[5, cell] += 2.0 * steep * u
    out[6, cell] += 2.0 * steep * v


@compiled(loose=True)
def _fill(
    slopes: NDArray, law: NDArray, x: NDArray, y: NDArray, reach: float, place: NDArray, area: NDArray, out: NDArray
) -> None:
    for k in range(len(x)):
        cell = place[k]
        out[:, cell] = 0.0
        share = 0.25 * area[cell]
        for corner in range(4):
            dx = x[k] + (reach if corner % 2 == 0 else -reach)
            dy = y[k] + (reach if corner < 2 else -reach)
            add_light(out, cell, dx, dy, share, law, slopes)
