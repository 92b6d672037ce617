"""Likelihood of a damped random walk with white noise: the Ornstein-Uhlenbeck process.

Kelly, Bechtold & Siemiginowska 2009 (ApJ 698, 895), eqs. 6-12: a Kalman filter gives the likelihood in one pass.
The mean is profiled out: it is linear, so the filter runs on the magnitudes and on ones at once.
"""

from __future__ import annotations

import math

import numpy as np

from scope.kernels.compiled import compiled


@compiled()
def walk_likelihood(
    t: np.ndarray, mag: np.ndarray, variance: np.ndarray, sigma: float, tau: float
) -> tuple[float, float]:
    """Return the log likelihood at the best mean, and that mean.

    Parameters
    ----------
    t : ndarray of float64, (n,)
        Ascending times [d].
    mag : ndarray of float64, (n,)
        Magnitudes.
    variance : ndarray of float64, (n,)
        White noise of each [mag**2].
    sigma : float
        Rms of the process [mag].
    tau : float
        Damping time [d].

    Returns
    -------
    tuple of float
        Natural logarithm; mean [mag].
    """
    state_m = state_1 = 0.0
    spread = sigma * sigma
    yy = y1 = oo = logs = 0.0
    for i in range(len(t)):
        if i > 0:
            decay = math.exp(-(t[i] - t[i - 1]) / tau)
            state_m *= decay
            state_1 *= decay
            spread = decay * decay * spread + sigma * sigma * (1.0 - decay * decay)
        total = spread + variance[i]
        ahead_m, ahead_1 = mag[i] - state_m, 1.0 - state_1
        gain = spread / total
        state_m += gain * ahead_m
        state_1 += gain * ahead_1
        spread *= 1.0 - gain
        yy += ahead_m * ahead_m / total
        y1 += ahead_m * ahead_1 / total
        oo += ahead_1 * ahead_1 / total
        logs += math.log(2.0 * math.pi * total)
    mean = y1 / oo
    return -0.5 * (max(yy - mean * y1, 0.0) + logs), mean


@compiled()
def largest_step(t: np.ndarray, mag: np.ndarray, variance: np.ndarray, sigma: float, tau: float, mean: float) -> float:
    """Return the largest deviation of a point from what the point before foretells, in units of its error.

    The first point is compared with the mean; the noise of the point before is not taken off.
    """
    largest = abs(mag[0] - mean) / math.sqrt(sigma * sigma + variance[0])
    for i in range(1, len(t)):
        decay = math.exp(-(t[i] - t[i - 1]) / tau)
        foretold = mean + (mag[i - 1] - mean) * decay
        scatter = sigma * sigma * (1.0 - decay * decay) + variance[i]
        largest = max(largest, abs(mag[i] - foretold) / math.sqrt(scatter))
    return largest
