r"""Values, standard errors and correlations of the parameters of a fit.

The covariance of the coordinates, flux and sky is :math:`A^{-1} B A^{-1}` with :math:`A = \sum w r r^T` and :math:`B =
\sum_{ij} w_i r_i\,\sigma_i \sigma_j \rho(i - j)\, w_j r_j^T` (Huber 1967; White 1980, Econometrica 48, 817, eq. 8):
:math:`A^{-1}` where noise is not correlated, more where it is. It is taken to the parameters that are reported by
their derivatives. The axis ratio that fits best is on average too small, because noise makes circles into ellipses:
its :math:`\eta` is corrected as polarisations are (Wardle & Kronberg 1974, ApJ 194, 249, eq. A3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .kernels.correlated import correlated_information
from .kernels.steps import inverted
from .kernels.superpixels import fill_pixels
from .noise import NoiseCorrelation
from .pixels import Pixels
from .polish import Part, Solution, places
from .render import Profile

#: Order of the parameters in `Estimate`; with several bands FLUX and SKY stand there once for each.
PARAMETERS = ("LOGR", "AX_RATIO", "ANGLE", "LOGN", "FLUX", "SKY", "X", "Y")


@dataclass(frozen=True, eq=False, slots=True)
class Estimate:
    """Parameters of one object.

    Attributes
    ----------
    values, errors : ndarray of float64, shape (6 + 2 bands,)
        In the order of `PARAMETERS`: log10 r_e (px), axis ratio, angle (deg from +x), log10 of the Sersic index,
        flux and sky per pixel of each band (unit of its image), centre from the middle of the (first) stamp (px). An
        error is one standard deviation: 68 % of intervals value +- error hold the truth; NaN for what was held fixed.
    correlations : ndarray of float64, shape (6 + 2 bands,) * 2
    """

    values: NDArray[np.float64]
    errors: NDArray[np.float64]
    correlations: NDArray[np.float64]

    def of_band(self, band: int, offset: tuple[float, float]) -> Estimate:
        """Return the parameters that a fit of one band has; `offset` is that of its `View`."""
        own = [0, 1, 2, 3, 4 + 2 * band, 5 + 2 * band, -2, -1]
        values = self.values[own]
        values[6:] += offset
        return Estimate(values, self.errors[own], self.correlations[np.ix_(own, own)])


def estimate(
    solution: Solution, pixels: Sequence[Pixels], noises: Sequence[NoiseCorrelation], *, fixed_index: bool = False
) -> Estimate:
    """Turn the end of the steps into parameters with errors.

    Parameters
    ----------
    solution : Solution
    pixels : sequence of Pixels
        What was fitted, in each band.
    noises : sequence of NoiseCorrelation
        Of the image of each band.
    fixed_index : bool
        The index was held.
    """
    covariance = coordinate_covariance(solution, pixels, noises, fixed_index=fixed_index)
    eta1, eta2 = solution.coordinates[1:3]
    eta = max(math.hypot(eta1, eta2), 1e-3)
    across = _across(covariance, eta1 / eta, eta2 / eta)
    true_eta = math.sqrt(max(eta**2 - across, (0.1 * eta) ** 2))
    turn = np.array([eta1, eta2]) / eta
    log_r = solution.coordinates[0] + 0.5 * true_eta
    angle = Profile.at(solution.coordinates, 1.0).angle
    q = math.exp(-true_eta)
    slopes = np.zeros(covariance.shape)
    slopes[0, :3] = np.array([1.0, 0.5 * turn[0], 0.5 * turn[1]]) / math.log(10)
    slopes[1, 1:3] = -q * turn
    length = math.sqrt(max(eta**2 - 2 * across, across))  # the square of eta is too large by twice its variance
    slopes[2, 1:3] = math.degrees(0.5 / max(length, 1e-6)) * np.array([-turn[1], turn[0]])
    slopes[3, 3] = 1 / math.log(10)
    light = [value for part, own in zip(solution.parts, pixels, strict=True) for value in _light(part, own)]
    for k, own in enumerate(pixels):
        slopes[4 + 2 * k, 6 + 2 * k] = slopes[5 + 2 * k, 7 + 2 * k] = own.unit
    slopes[-2, 4] = slopes[-1, 5] = 1.0
    shape = [log_r / math.log(10), q, angle, solution.coordinates[3] / math.log(10)]
    reported = slopes @ covariance @ slopes.T
    errors = np.sqrt(np.maximum(np.diag(reported), 0.0))
    if fixed_index:
        errors[3] = np.nan
    with np.errstate(invalid="ignore", divide="ignore"):
        correlations = reported / np.outer(errors, errors)
    return Estimate(np.array([*shape, *light, *solution.coordinates[4:6]]), errors, correlations)


def beside_others(solution: Solution, rows: NDArray[np.float64]) -> Solution:
    """Solution of one band as if the factors of some more rows had been fitted together with it.

    What they can imitate is taken out of its own rows (Frisch & Waugh 1933, Econometrica 1, 387): it says nothing of
    the object.

    Parameters
    ----------
    solution : Solution
        Of an object, in one band.
    rows : ndarray of float64, shape (k, cells)
        Derivatives of the models of other objects to their parameters.
    """
    part = solution.parts[0]
    rows = rows / np.sqrt(np.maximum((rows * rows) @ part.weight, 1e-300))[:, None]
    weighted = rows * part.weight
    share = part.rows @ weighted.T @ np.linalg.pinv(weighted @ rows.T, hermitian=True, rcond=1e-8)
    own = part.rows - share @ rows
    return replace(solution, parts=(replace(part, rows=own),), information=(own * part.weight) @ own.T)


def _light(part: Part, pixels: Pixels) -> tuple[float, float]:
    """Flux and sky in the unit of the image."""
    return part.flux * pixels.unit, part.sky * pixels.unit


def _across(covariance: NDArray[np.float64], cos: float, sin: float) -> float:
    """Variance of (eta1, eta2) at right angles to itself."""
    side = np.array([-sin, cos])
    return max(float(side @ covariance[1:3, 1:3] @ side), 0.0)


def coordinate_covariance(
    solution: Solution, pixels: Sequence[Pixels], noises: Sequence[NoiseCorrelation], *, fixed_index: bool = False
) -> NDArray[np.float64]:
    """Covariance of the six coordinates, and flux and sky of each band (units of `Pixels.unit`)."""
    size = len(solution.information)
    free = np.ones(size, bool)
    free[3] = not fixed_index
    inner = np.ix_(free, free)
    scale = np.sqrt(np.maximum(np.diag(solution.information), 1e-300))[free]
    scaled = solution.information[inner] / np.outer(scale, scale)
    inverse, sound = inverted(scaled)
    if not sound:
        inverse = np.linalg.pinv(scaled, hermitian=True, rcond=1e-12)
    inverse /= np.outer(scale, scale)
    covariance = np.zeros((size, size))
    if all(noise.white for noise in noises):
        covariance[inner] = inverse
        return covariance
    middle = np.zeros((size, size))
    for k, (part, own, noise) in enumerate(zip(solution.parts, pixels, noises, strict=True)):
        middle[np.ix_(places(k), places(k))] += _of_noise(part, own, noise)
    covariance[inner] = inverse @ middle[inner] @ inverse
    return covariance


def _of_noise(part: Part, pixels: Pixels, noise: NoiseCorrelation) -> NDArray[np.float64]:
    """Covariance of the sums of one band in its noise, shape (8, 8)."""
    if noise.white:
        return (part.rows * part.weight) @ part.rows.T
    box = math.isqrt(len(pixels.label))
    # each pixel of a cell has the cell's weight; its own noise is the cell's over the root of its pixels
    share = np.sqrt(1 / np.maximum(part.weight, 1e-300) / np.maximum(pixels.area, 1)) * part.weight
    spread = np.empty((8, box, box))
    fill_pixels(part.rows * share, pixels.label, spread)
    return correlated_information(spread, noise.values)
