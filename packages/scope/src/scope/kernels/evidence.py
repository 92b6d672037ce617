"""How well a periodic curve explains a light curve: the marginal likelihood of a damped Fourier series.

The model is a constant and `K` harmonics whose coefficients have Gaussian priors of variance falling with the
harmonic's number, noise of unknown level.  Bayesian linear regression (Bishop 2006, Pattern Recognition and
Machine Learning, 3.5; O'Hagan & Forster 2004, 11) integrates over coefficients in closed form; the priors are
in units of the noise of one point, so nothing depends on the units of the magnitudes.  The damping is what
keeps a series from filling gaps in phase with wild swings, and the determinant what pays for harmonics.
"""

from __future__ import annotations

import numpy as np

from scope.kernels.angles import cos_sin
from scope.kernels.compiled import compiled
from scope.kernels.normal import normal_matrix, solve_triangle


@compiled(reordered=True)
def _sums(turns: np.ndarray, w: np.ndarray, wy: np.ndarray, trig: np.ndarray, right: np.ndarray) -> None:
    """Fill the weighted sums of cos and sin of 0, 1, ... turns, and those with the magnitudes (alternating)."""
    n = len(turns)
    first = np.empty((2, n))
    now = np.empty((2, n))
    cos_sin(turns, first)
    now[0], now[1] = 1.0, 0.0
    trig[0, 0], trig[0, 1] = 1.0, 0.0
    for k in range(1, trig.shape[0]):
        wc = ws = yc = ys = 0.0
        for i in range(n):
            c = now[0, i] * first[0, i] - now[1, i] * first[1, i]
            s = now[1, i] * first[0, i] + now[0, i] * first[1, i]
            now[0, i], now[1, i] = c, s
            wc += w[i] * c
            ws += w[i] * s
            yc += wy[i] * c
            ys += wy[i] * s
        trig[k, 0], trig[k, 1] = wc, ws
        if 2 * k <= len(right):
            right[2 * k - 2], right[2 * k - 1] = yc, ys


@compiled(reordered=True)
def evidence(
    t: np.ndarray, mag: np.ndarray, weight: np.ndarray, frequencies: np.ndarray, harmonics: np.ndarray,
    slopes: np.ndarray, ridges: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Return twice the log evidence over a constant of several priors, for 1, 2, ... harmonics.

    Parameters
    ----------
    t : ndarray of float64, (n,)
        Times since the first [d].
    mag, weight : ndarray of float64, (n,)
        Magnitudes and positive weights.
    frequencies : ndarray of float64, (m,)
        Frequencies [1/d].
    harmonics : ndarray of int64, (p,)
        Largest number of harmonics of each prior.
    slopes, ridges : ndarray of float64, (p,)
        The prior variance of harmonic `k` is ``1 / (ridge k**slope)`` in units of the variance of a point.

    Returns
    -------
    ndarray of float64, (p, m, largest of harmonics)
        Zero for a curve without variance, and beyond the harmonics of a prior.
    """
    n, most = len(t), 2 * harmonics.max()
    out = np.zeros((len(harmonics), len(frequencies), harmonics.max()))
    w = weight / weight.sum()
    y = mag - (w * mag).sum()
    wy = w * y
    variance = (wy * y).sum()
    if not variance > 0.0:
        return out
    trig, sums, covariance = np.empty((most + 1, 2)), np.empty(most), np.zeros((most, most))
    right, left, prior = np.empty(most), np.empty((most, most)), np.empty(most)
    for f in range(len(frequencies)):
        _sums(t * frequencies[f], w, wy, trig, sums)
        normal_matrix(trig, covariance)
        for p in range(len(harmonics)):
            size = 2 * harmonics[p]
            right[:size] = sums[:size]
            left[:size, :size] = covariance[:size, :size]
            for j in range(size):
                prior[j] = ridges[p] / n * (j // 2 + 1.0) ** slopes[p]
                left[j, j] += prior[j]
            solve_triangle(left[:size, :size], right[:size], 1e-12)
            explained = volume = 0.0
            for j in range(size):
                explained += right[j] ** 2
                volume += 2 * np.log(left[j, j]) - np.log(prior[j])
                if j % 2 == 1:
                    out[p, f, j // 2] = -(n - 1) * np.log(max(1 - explained / variance, 1e-12)) - volume
    return out
