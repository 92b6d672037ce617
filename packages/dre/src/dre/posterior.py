r"""Values, standard errors and correlations of the parameters of a fit.

The covariance of the coordinates, flux and sky is :math:`A^{-1} B A^{-1}` with :math:`A = \sum w r r^T` and :math:`B =
\sum_{ij} w_i r_i\,\sigma_i \sigma_j \rho(i - j)\, w_j r_j^T` (Huber 1967; White 1980, Econometrica 48, 817, eq. 8):
:math:`A^{-1}` where noise is not correlated, more where it is. It is taken to the parameters that are reported by
their derivatives. The axis ratio that fits best is on average too small, because noise makes circles into ellipses:
its :math:`\eta` is corrected as polarisations are (Wardle & Kronberg 1974, ApJ 194, 249, eq. A3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .kernels.correlated import correlated_information
from .noise import NoiseCorrelation
from .pixels import Pixels
from .polish import Solution
from .render import Profile

#: Order of the parameters in `Estimate`.
PARAMETERS = ("LOGR", "AX_RATIO", "ANGLE", "LOGN", "FLUX", "SKY", "X", "Y")


@dataclass(frozen=True, eq=False, slots=True)
class Estimate:
    """Parameters of one object.

    Attributes
    ----------
    values, errors : ndarray of float64, shape (8,)
        In the order of `PARAMETERS`: log10 r_e (px), axis ratio, angle (deg from +x), log10 of the Sersic index,
        flux and sky per pixel (unit of the image), centre from the middle of the stamp (px). An error is one standard
        deviation: 68 % of intervals value +- error hold the truth; NaN for what was held fixed.
    correlations : ndarray of float64, shape (8, 8)
    """

    values: NDArray[np.float64]
    errors: NDArray[np.float64]
    correlations: NDArray[np.float64]


def estimate(solution: Solution, pixels: Pixels, noise: NoiseCorrelation, *, fixed_index: bool = False) -> Estimate:
    """Turn the end of the steps into parameters with errors.

    Parameters
    ----------
    solution : Solution
    pixels : Pixels
        What was fitted.
    noise : NoiseCorrelation
        Of the image.
    fixed_index : bool
        The index was held.
    """
    covariance = coordinate_covariance(solution, pixels, noise, fixed_index=fixed_index)
    eta1, eta2 = solution.coordinates[1:3]
    eta = max(math.hypot(eta1, eta2), 1e-3)
    across = _across(covariance, eta1 / eta, eta2 / eta)
    true_eta = math.sqrt(max(eta**2 - across, (0.1 * eta) ** 2))
    turn = np.array([eta1, eta2]) / eta
    log_r = solution.coordinates[0] + 0.5 * true_eta
    angle = Profile.at(solution.coordinates, 1.0).angle
    q, flux = math.exp(-true_eta), solution.flux * pixels.unit
    slopes = np.zeros((8, 8))
    slopes[0, :3] = np.array([1.0, 0.5 * turn[0], 0.5 * turn[1]]) / math.log(10)
    slopes[1, 1:3] = -q * turn
    length = math.sqrt(max(eta**2 - 2 * across, across))  # the square of eta is too large by twice its variance
    slopes[2, 1:3] = math.degrees(0.5 / max(length, 1e-6)) * np.array([-turn[1], turn[0]])
    slopes[3, 3] = 1 / math.log(10)
    slopes[4, 6] = slopes[5, 7] = pixels.unit
    slopes[6, 4] = slopes[7, 5] = 1.0
    own = slopes @ covariance @ slopes.T
    errors = np.sqrt(np.maximum(np.diag(own), 0.0))
    if fixed_index:
        errors[3] = np.nan
    values = np.array([
        log_r / math.log(10), q, angle, solution.coordinates[3] / math.log(10), flux, solution.sky * pixels.unit,
        *solution.coordinates[4:6],
    ])  # fmt: skip
    with np.errstate(invalid="ignore", divide="ignore"):
        return Estimate(values, errors, own / np.outer(errors, errors))


def _across(covariance: NDArray[np.float64], cos: float, sin: float) -> float:
    """Variance of (eta1, eta2) at right angles to itself."""
    side = np.array([-sin, cos])
    return max(float(side @ covariance[1:3, 1:3] @ side), 0.0)


def coordinate_covariance(
    solution: Solution, pixels: Pixels, noise: NoiseCorrelation, *, fixed_index: bool = False
) -> NDArray[np.float64]:
    """Covariance of the six coordinates, flux and sky (units of `Pixels.unit`), shape (8, 8)."""
    free = np.ones(8, bool)
    free[3] = not fixed_index
    inner = np.ix_(free, free)
    scale = np.sqrt(np.maximum(np.diag(solution.information), 1e-300))[free]
    inverse = np.linalg.pinv(solution.information[inner] / np.outer(scale, scale), hermitian=True, rcond=1e-12)
    inverse /= np.outer(scale, scale)
    covariance = np.zeros((8, 8))
    if noise.white:
        covariance[inner] = inverse
        return covariance
    box = math.isqrt(len(pixels.label))
    used = pixels.label >= 0
    spread = np.zeros((8, box * box))
    # each pixel of a cell has the cell's weight; its own noise is the cell's over the root of its pixels
    share = np.sqrt(1 / np.maximum(solution.weight, 1e-300) / np.maximum(pixels.area, 1)) * solution.weight
    spread[:, used] = (solution.rows * share)[:, pixels.label[used]]
    middle = correlated_information(spread.reshape(8, box, box), noise.values)
    covariance[inner] = inverse @ middle[inner] @ inverse
    return covariance
