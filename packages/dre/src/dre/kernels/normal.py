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
def quality(
    inside: NDArray, picture: NDArray, flux: float, sky: float, data: NDArray, weight: NDArray, area: NDArray
) -> tuple[float, float, float, int]:
    """Sums over the cells inside that have a weight: light less sky, its variance, chi-square; and their number."""
    light, variance, chi2, count = 0.0, 0.0, 0.0, 0
    for p in range(len(data)):
        if inside[p] and weight[p] > 0.0:
            own = data[p] - sky * area[p]
            rest = own - flux * picture[p]
            light += own
            variance += 1.0 / weight[p]
            chi2 += weight[p] * rest * rest
            count += 1
    return light, variance, chi2, count


@compiled(loose=True)
def reweigh(
    picture: NDArray, flux: float, gain: float, variance: NDArray, data: NDArray, area: NDArray, weight: NDArray
) -> tuple[float, float, float]:
    """`weigh` with the photons of this flux, then `flux_and_sky` under the new weights."""
    weigh(picture, flux, gain, variance, weight)
    return flux_and_sky(picture, data, weight, area)


@compiled(loose=True)
def add_normal_equations(
    pictures: NDArray, flux: float, sky: float, data: NDArray, weight: NDArray, area: NDArray, band: int,
    matrix: NDArray, vector: NDArray,
) -> None:  # fmt: skip
    """Add the sums of one band to the matrix and vector of the normal equations of all bands.

    Parameters
    ----------
    pictures : ndarray of float64, shape (7, cells)
        Picture of unit flux, and its derivatives to the six coordinates.
    flux, sky : float
        What the model is: flux times picture, and sky times area.
    data, weight, area : ndarray of float64, shape (cells,)
    band : int
        The flux and sky of band k are the parameters 6 + 2 k and 7 + 2 k.
    matrix, vector : ndarray of float64, shape (6 + 2 bands,) * 2 and (6 + 2 bands,)
        Changed in place.
    """
    count, cells = len(pictures) - 1, len(data)
    rest, weighted = np.empty(cells), np.empty(cells)
    for p in range(cells):
        rest[p] = data[p] - flux * pictures[0, p] - sky * area[p]
    for a in range(count + 2):
        row = pictures[a + 1] if a < count else pictures[0] if a == count else area
        scale, place, total = flux if a < count else 1.0, a if a < count else a + 2 * band, 0.0
        for p in range(cells):
            weighted[p] = scale * weight[p] * row[p]
            total += weighted[p] * rest[p]
        vector[place] += total
        for b in range(a + 1):
            other = pictures[b + 1] if b < count else pictures[0] if b == count else area
            total = 0.0
            for p in range(cells):
                total += weighted[p] * other[p]
            total *= flux if b < count else 1.0
            there = b if b < count else b + 2 * band
            matrix[place, there] += total
            if there != place:
                matrix[there, place] += total
