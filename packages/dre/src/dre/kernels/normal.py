r"""Sums over the pixels (or cells of pixels) of one object that a least-squares step needs.

For a picture :math:`m` of unit flux, its derivatives :math:`m_p`, data :math:`d` and areas :math:`a`: flux :math:`f`
and sky :math:`s` of least :math:`\chi^2 = \sum w (d - f m - s a)^2`, and the matrix :math:`A_{ij} = \sum w\,r_i r_j`
and vector :math:`g_i = \sum w\,r_i (d - f m - s a)` of the normal equations with rows :math:`r = (f m_p, m, a)`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled


@compiled(loose=True)
def weigh(picture: NDArray, flux: float, gain: float, variance: NDArray, weight: NDArray) -> None:
    """Fill the inverse of the variance of background and model photons; 0 where the variance is infinite."""
    for p in range(len(variance)):
        photons = max(flux * picture[p], 0.0) / gain
        weight[p] = 1.0 / (variance[p] + photons)


@compiled(loose=True)
def flux_and_sky(picture: NDArray, data: NDArray, weight: NDArray, area: NDArray) -> tuple[float, float, float]:
    """Flux, sky and chi-square; the last infinite where there is no positive flux."""
    a, b, c, u, v = 0.0, 0.0, 0.0, 0.0, 0.0
    for p in range(len(data)):
        m, w, s = picture[p], weight[p], area[p]
        a += w * m * m
        b += w * m * s
        c += w * s * s
        u += w * m * data[p]
        v += w * s * data[p]
    determinant = a * c - b * b
    if not determinant > 0.0:
        return 0.0, 0.0, np.inf
    flux, sky = (u * c - v * b) / determinant, (v * a - u * b) / determinant
    if not flux > 0.0:
        return flux, sky, np.inf
    total = 0.0
    for p in range(len(data)):
        rest = data[p] - flux * picture[p] - sky * area[p]
        total += weight[p] * rest * rest
    return flux, sky, total


@compiled(loose=True)
def normal_equations(rows: NDArray, rest: NDArray, weight: NDArray, matrix: NDArray, vector: NDArray) -> None:
    """Fill the matrix (k, k) and vector (k,) from rows (k, cells) and what the model leaves of the data."""
    weighted = np.empty(len(rest))
    for a in range(len(rows)):
        total = 0.0
        for p in range(len(rest)):
            weighted[p] = weight[p] * rows[a, p]
            total += weighted[p] * rest[p]
        vector[a] = total
        for b in range(a + 1):
            total = 0.0
            for p in range(len(rest)):
                total += weighted[p] * rows[b, p]
            matrix[a, b] = matrix[b, a] = total
