"""Analysis of variance over phase bins (Schwarzenberg-Czerny 1989, MNRAS 241, 153, eq. 2), weighted."""

from __future__ import annotations

import numpy as np

from scope.kernels.compiled import compiled
from scope.kernels.phases import RESEED, seed_phases

MAX_POINTS = 16384
"""Points of a light curve that the packed sums hold without overflow."""

_WEIGHT_BITS = 14
_SUM_BITS = 34  # of the weighted magnitudes: 20 bits each, 2**14 points
_FRACTION = 64.0  # 2**6: a weighted magnitude has 14 + 6 bits


@compiled(reordered=True)
def aov(t: np.ndarray, mag: np.ndarray, weight: np.ndarray, fmin: float, df: float, nf: int, bins: int) -> np.ndarray:
    """Return the between-bin sum of squares as a fraction of the total, at `nf` frequencies.

    Theta of the paper is ``x / (1 - x) * (n - r) / (r - 1)`` of this fraction `x`, `r` the number of bins.
    Weights are rounded to 14 bits of the largest, magnitudes to 2**-20 of the range.

    Parameters
    ----------
    t : ndarray of float64, (n,)
        Times since the first [d].
    mag : ndarray of float64, (n,)
        Magnitudes; at most `MAX_POINTS`.
    weight : ndarray of float64, (n,)
        Positive weights, e.g. 1 / (magerr**2 + jitter**2).
    fmin, df : float
        First frequency and step [1/d].
    nf : int
        Number of frequencies.
    bins : int
        Phase bins.

    Returns
    -------
    ndarray of float32, (nf,)
        In [0, 1]; 0 where all magnitudes are equal.
    """
    n = len(t)
    out = np.zeros(nf, np.float32)
    low, high = mag.min(), mag.max()
    if high <= low:
        return out
    packed = np.empty(n, np.uint64)
    scale, top = 1.0 / (high - low), float(2**_WEIGHT_BITS - 1) / weight.max()
    sw = sy = syy = 0.0
    for i in range(n):
        w = max(np.round(weight[i] * top), 1.0)
        y = np.round(w * (mag[i] - low) * scale * _FRACTION)
        packed[i] = (np.uint64(w) << np.uint64(_SUM_BITS)) | np.uint64(y)
        sw += w
        sy += y
        syy += y * y / w
    mean = sy / sw
    total = syy - sy * mean
    if total <= 0.0:
        return out
    phases, steps = np.empty(n, np.uint32), np.empty(n, np.uint32)
    seed_phases(t, df, steps)
    where = np.empty(n, np.uint32)
    sums = np.zeros(bins, np.uint64)
    below = np.uint64((1 << _SUM_BITS) - 1)
    count = np.uint32(bins)
    for k in range(nf):
        if k % RESEED == 0:
            seed_phases(t, fmin + k * df, phases)
        for i in range(n):
            phase = phases[i]
            where[i] = ((phase >> np.uint32(16)) * count) >> np.uint32(16)
            phases[i] = phase + steps[i]
        for i in range(n):
            sums[where[i]] += packed[i]
        between = 0.0
        for b in range(bins):
            s = np.float64(np.int64(sums[b] >> np.uint64(_SUM_BITS)))
            d = np.float64(np.int64(sums[b] & below)) - mean * s
            between += d * d / max(s, 1.0)
            sums[b] = 0
        out[k] = between / total
    return out
