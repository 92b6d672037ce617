"""Features of a damped random walk, the variability of active galaxies (Kelly et al. 2009, ApJ 698, 895)."""

from __future__ import annotations

import numpy as np

from scope.kernels.damped_walk import largest_step, walk_likelihood

NAMES = ("drw_tau", "drw_sigma", "drw_max_z", "drw_fit_success")
"""Damping time [d], rms [mag], largest deviation from one point to the next [sigma], 1 if the fit converged."""

MIN_POINTS = 15
"""With fewer points the features are missing."""

_TAU, _VARIANCE, _JITTER = (1e-2, 1e5), (1e-8, 1e2), (1e-6, 1e1)  # bounds [d], [mag**2], [mag]


def damped_walk_features(t: np.ndarray, mag: np.ndarray, magerr: np.ndarray) -> dict[str, float]:
    """Fit a damped random walk and white noise in excess of the errors by maximum likelihood.

    Parameters
    ----------
    t, mag, magerr : ndarray of float64, (n,)
        A light curve in order of time [d, mag, mag]; of points at one time the first counts.

    Returns
    -------
    dict of str to float
        By `NAMES`; NaN, and 0 for success, with fewer than `MIN_POINTS` points.
    """
    first = np.concatenate([[True], np.diff(t) > 0])
    t, mag, magerr = t[first] - t[0], mag[first], magerr[first]
    if len(t) < MIN_POINTS:
        return dict(zip(NAMES, (np.nan, np.nan, np.nan, 0.0), strict=True))
    from scipy.optimize import minimize

    centred, square = mag - np.median(mag), magerr**2
    bounds = np.log([_VARIANCE, _TAU, _JITTER])
    start = np.log([max(mag.var(), 1e-8), max(t[-1], 1.0) / 5, max(float(np.median(magerr)), 1e-4)])

    def cost(x: np.ndarray) -> float:
        variance, tau, jitter = np.exp(x)
        return -float(walk_likelihood(t, centred, square + jitter**2, np.sqrt(variance), tau)[0])

    found = minimize(cost, np.clip(start, *bounds.T), method="L-BFGS-B", bounds=bounds)
    variance, tau, jitter = np.exp(found.x)
    noise = square + jitter**2
    mean = walk_likelihood(t, centred, noise, np.sqrt(variance), tau)[1]
    largest = largest_step(t, centred, noise, np.sqrt(variance), tau, mean)
    return dict(zip(NAMES, (float(tau), float(np.sqrt(variance)), float(largest), float(found.success)), strict=True))
