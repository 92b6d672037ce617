"""The classic periodograms in float64, one frequency at a time, without weights but where named.

What scope-ml computes, for comparison with its tables: Lomb-Scargle with the mean taken off (Lomb 1976, Ap&SS 39, 447;
Scargle 1982, ApJ 263, 835), conditional entropy (Graham et al. 2013, MNRAS 434, 2629), analysis of variance
(Schwarzenberg-Czerny 1989, MNRAS 241, 153) and phase-folded weights.  The fast ones are in the modules beside this.
"""

from __future__ import annotations

import math

import numpy as np

from scope.kernels.compiled import compiled

PHASE_BINS, VALUE_BINS = 20, 10
"""Those of scope-ml."""


@compiled()
def plain_lomb_scargle(t: np.ndarray, y: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """Return the power of a sinusoid without a constant, for values whose mean is 0.

    Parameters
    ----------
    t, y : ndarray of float64, (n,)
        Times since the first [d] and values.
    frequencies : ndarray of float64, (m,)
        Frequencies [1/d].

    Returns
    -------
    ndarray of float64, (m,)
        Lomb's P, in the square of the values' unit; it does not depend on the time offset tau.
    """
    out = np.zeros(len(frequencies))
    for k in range(len(frequencies)):
        cc = ss = cs = yc = ys = 0.0
        for i in range(len(t)):
            turn = t[i] * frequencies[k]
            angle = 2 * math.pi * (turn - math.floor(turn))
            c, s = math.cos(angle), math.sin(angle)
            cc += c * c
            ss += s * s
            cs += c * s
            yc += y[i] * c
            ys += y[i] * s
        determinant = cc * ss - cs * cs
        if determinant > 1e-12 * len(t) ** 2:
            out[k] = 0.5 * (ss * yc * yc + cc * ys * ys - 2 * cs * yc * ys) / determinant
    return out


@compiled()
def plain_entropy(
    t: np.ndarray, y: np.ndarray, frequencies: np.ndarray, phase_bins: int, value_bins: int
) -> np.ndarray:
    """Return the conditional entropy [nat]; values lie in [0, 1].

    Returns
    -------
    ndarray of float64, (m,)
    """
    n = len(t)
    out = np.empty(len(frequencies))
    row = np.empty(n, np.int64)
    for i in range(n):
        row[i] = min(int(y[i] * value_bins), value_bins - 1)
    for k in range(len(frequencies)):
        cells = np.zeros((value_bins, phase_bins), np.int64)
        for i in range(n):
            turn = t[i] * frequencies[k]
            cells[row[i], min(int((turn - math.floor(turn)) * phase_bins), phase_bins - 1)] += 1
        total = 0.0
        for b in range(phase_bins):
            column = cells[:, b].sum()
            for m in range(value_bins):
                if cells[m, b] > 0:
                    total += cells[m, b] / n * math.log(column / cells[m, b])
        out[k] = total
    return out


@compiled()
def plain_aov(t: np.ndarray, y: np.ndarray, frequencies: np.ndarray, bins: int) -> np.ndarray:
    """Return the ratio of the variances between and within phase bins, Theta of the paper.

    Returns
    -------
    ndarray of float64, (m,)
    """
    n = len(t)
    mean = y.mean()
    total = ((y - mean) ** 2).sum()
    out = np.zeros(len(frequencies))
    for k in range(len(frequencies)):
        counts, sums = np.zeros(bins), np.zeros(bins)
        for i in range(n):
            turn = t[i] * frequencies[k]
            b = min(int((turn - math.floor(turn)) * bins), bins - 1)
            counts[b] += 1
            sums[b] += y[i] - mean
        between = 0.0
        for b in range(bins):
            if counts[b] > 0:
                between += sums[b] ** 2 / counts[b]
        within = max(total - between, 0.0)
        if within > 0.0:
            out[k] = between / (bins - 1) / (within / max(n - bins, 1))
    return out


@compiled()
def plain_phase_weights(
    t: np.ndarray, y: np.ndarray, weight: np.ndarray, frequencies: np.ndarray, bins: int
) -> np.ndarray:
    """Return the gain in log likelihood of a mean for each phase bin, for values whose weighted mean is 0.

    Returns
    -------
    ndarray of float64, (m,)
        Sum over bins of ``(sum w y)**2 / (2 sum w)``.
    """
    out = np.zeros(len(frequencies))
    for k in range(len(frequencies)):
        weights, sums = np.zeros(bins), np.zeros(bins)
        for i in range(len(t)):
            turn = t[i] * frequencies[k]
            b = min(int((turn - math.floor(turn)) * bins), bins - 1)
            weights[b] += weight[i]
            sums[b] += weight[i] * y[i]
        for b in range(bins):
            if weights[b] > 0:
                out[k] += sums[b] ** 2 / (2 * weights[b])
    return out
