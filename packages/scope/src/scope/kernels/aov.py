"""Analysis of variance over phase bins (Schwarzenberg-Czerny 1989, MNRAS 241, 153, eq. 2), weighted."""

from __future__ import annotations

import numpy as np

from scope.kernels.compiled import compiled
from scope.kernels.folding import SUM_BITS, fold, pack
from scope.kernels.phases import RESEED, seed_phases


def aov(t: np.ndarray, mag: np.ndarray, weight: np.ndarray, fmin: float, df: float, nf: int, bins: int) -> np.ndarray:
    """Return the between-bin sum of squares as a fraction of the total, at `nf` frequencies.

    Theta of the paper is ``x / (1 - x) * (n - r) / (r - 1)`` of this fraction `x`, `r` the number of bins.

    Parameters
    ----------
    t : ndarray of float64, (n,)
        Times since the first [d].
    mag : ndarray of float64, (n,)
        Magnitudes.
    weight : ndarray of float64, (n,)
        Positive weights, e.g. 1 / (magerr**2 + jitter**2).
    fmin, df : float
        First frequency and step [1/d].
    nf : int
        Number of frequencies.
    bins : int
        Phase bins, at most :data:`scope.kernels.phases.MAX_BINS`.

    Returns
    -------
    ndarray of float32, (nf,)
        In [0, 1]; 0 where all magnitudes are equal.
    """
    return aov_at(t, mag, weight, fmin, df, np.arange(nf), bins)


@compiled(reordered=True)
def aov_at(
    t: np.ndarray, mag: np.ndarray, weight: np.ndarray, fmin: float, df: float, indices: np.ndarray, bins: int
) -> np.ndarray:
    """Return the same at the frequencies ``fmin + k df`` of some indices `k`; neighbours cost least.

    Parameters
    ----------
    indices : ndarray of int64, (m,)
        Best ascending.

    Returns
    -------
    ndarray of float32, (m,)
    """
    n = len(t)
    out = np.zeros(len(indices), np.float32)
    packed = np.empty(n, np.uint64)
    mean, _, total = pack(mag, weight, packed)
    if total <= 0.0:
        return out
    phases, steps, where = np.empty(n, np.uint32), np.empty(n, np.uint32), np.empty(n, np.uint32)
    seed_phases(t, df, steps)
    sums = np.zeros(bins, np.uint64)
    below = np.uint64((1 << SUM_BITS) - 1)
    until = next_index = np.int64(-1)
    for k in range(len(indices)):
        index = indices[k]
        if index != next_index or index >= until:
            seed_phases(t, fmin + index * df, phases)
            until = index + RESEED
        next_index = index + 1
        fold(phases, steps, packed, where, sums)
        between = 0.0
        for b in range(bins):
            s = np.float64(np.int64(sums[b] >> np.uint64(SUM_BITS)))
            d = np.float64(np.int64(sums[b] & below)) - mean * s
            between += d * d / max(s, 1.0)
            sums[b] = 0
        out[k] = between / total
    return out
