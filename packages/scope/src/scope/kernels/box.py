"""Box-fitting least squares over phase bins (Kovacs, Zucker & Mazeh 2002, A&A 391, 369, eq. 5), dips only."""

from __future__ import annotations

import numpy as np

from scope.kernels.compiled import compiled
from scope.kernels.folding import SUM_BITS, fold, pack
from scope.kernels.phases import RESEED, seed_phases


@compiled(reordered=True)
def box(
    t: np.ndarray, mag: np.ndarray, weight: np.ndarray, fmin: float, df: float, nf: int, bins: int, qmin: float,
    qmax: float,
) -> np.ndarray:  # fmt: skip
    """Return the share of the weighted variance that the best box explains, at `nf` frequencies.

    The box is fainter than the rest and covers whole bins; the share is ``s**2 / (r (1 - r))`` over the variance,
    `s` the weighted sum of the magnitudes in the box about the mean, and `r` its weight.

    Parameters
    ----------
    t : ndarray of float64, (n,)
        Times since the first [d].
    mag, weight : ndarray of float64, (n,)
        Magnitudes and positive weights.
    fmin, df : float
        First frequency and step [1/d].
    nf : int
        Number of frequencies.
    bins : int
        Phase bins, at most :data:`scope.kernels.phases.MAX_BINS`.
    qmin, qmax : float
        Shortest and longest box [turn]; at least one bin.

    Returns
    -------
    ndarray of float32, (nf,)
        In [0, 1].
    """
    n = len(t)
    out = np.zeros(nf, np.float32)
    packed = np.empty(n, np.uint64)
    mean, whole, total = pack(mag, weight, packed)
    if total <= 0.0:
        return out
    phases, steps, where = np.empty(n, np.uint32), np.empty(n, np.uint32), np.empty(n, np.uint32)
    seed_phases(t, df, steps)
    sums = np.zeros(bins, np.uint64)
    shortest, longest = max(int(np.ceil(qmin * bins)), 1), max(int(qmax * bins), 1)
    weights, excess = np.zeros(2 * bins + 1), np.zeros(2 * bins + 1)
    below = np.uint64((1 << SUM_BITS) - 1)
    for k in range(nf):
        if k % RESEED == 0:
            seed_phases(t, fmin + k * df, phases)
        fold(phases, steps, packed, where, sums)
        for b in range(2 * bins):  # running sums over two turns: a box is a difference
            part = sums[b % bins]
            s = np.float64(np.int64(part >> np.uint64(SUM_BITS)))
            weights[b + 1] = weights[b] + s
            excess[b + 1] = excess[b] + np.float64(np.int64(part & below)) - mean * s
        best = 0.0
        for width in range(shortest, longest + 1):
            for b in range(bins):
                r = weights[b + width] - weights[b]
                s = max(excess[b + width] - excess[b], 0.0)
                best = max(best, s * s / max(r * (whole - r), 1.0))
        out[k] = best * whole / total
        for b in range(bins):
            sums[b] = 0
    return out
