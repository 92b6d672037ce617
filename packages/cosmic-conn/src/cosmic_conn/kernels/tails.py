"""How often noise alone puts a frame so far above the median of a few.

The distance of a frame from the median of three is zero for a third of all pixels and has heavy tails for the rest:
five standard deviations of it are as frequent as 3.9 of a normal variable. `threshold` gives the number of
standard deviations that noise exceeds as seldom as a normal variable exceeds the one asked for. The probabilities are
integrals over the densities of order statistics (David & Nagaraja 2003, Order Statistics, chapter 2).
"""

from __future__ import annotations

from functools import lru_cache
from math import factorial

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr
from scipy.stats import binom

from cosmic_conn.kernels.stacks import difference_variances

__all__ = ["exceeding", "threshold"]

_REACH = 9.0  # of the integrals [sigma]
_STEP = 0.03
_FARTHEST = 6.0  # sigma that integrals are good for; thresholds beyond are in proportion


@lru_cache(maxsize=64)
def threshold(frames: int, sigma: float) -> float:
    """Return the ratio that noise exceeds with the probability of `sigma` for a normal variable.

    Parameters
    ----------
    frames
        Number of frames of equal noise, 2 at least.
    sigma
        Of the normal distribution, above 0.

    Returns
    -------
    float
        In standard deviations of the distance from the median of the frames (of two: from the other one).
    """
    if frames == 2:
        return sigma
    if sigma > _FARTHEST:
        return sigma / _FARTHEST * threshold(frames, _FARTHEST)
    unit = float(np.sqrt(difference_variances(np.ones(frames))[0]))
    wanted = float(log_ndtr(-sigma))
    if np.log(exceeding(frames, 1e-9)) <= wanted:
        return 1e-9
    return float(
        brentq(lambda t: np.log(exceeding(frames, t * unit) + 1e-300) - wanted, 1e-9, 2 * sigma + 1, xtol=1e-4)
    )


def exceeding(frames: int, distance: float) -> float:
    """Return the probability that a standard normal number lies so far above the median of itself and others."""
    x = np.arange(-_REACH, _REACH, _STEP)
    density = np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi)
    if frames % 2:
        half = frames // 2
        return float((density * binom.sf(half, frames - 1, ndtr(x - distance))).sum() * _STEP)
    return _even(frames // 2 - 1, distance, x, density)


def _even(k: int, distance: float, x: np.ndarray, density: np.ndarray) -> float:
    """Two neighbours u < v are in the middle, k numbers below and k above; the number is v, or one of those above."""
    u, v = x[:, None], x[None, :] + _STEP / 2
    both = density[:, None] * np.exp(-0.5 * v**2) / np.sqrt(2 * np.pi) * (v > u) * _STEP**2 * ndtr(u) ** k
    ways = factorial(2 * k + 1) / factorial(k)
    upper = (both * ndtr(-v) ** k * (v - u > 2 * distance)).sum() * ways / factorial(k)
    if k == 0:
        return float(upper)
    above = ndtr(-np.maximum(v, (u + v) / 2 + distance))
    return float(upper + (both * ndtr(-v) ** (k - 1) * above).sum() * ways / factorial(k - 1))
