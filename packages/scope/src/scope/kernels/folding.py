"""Weighted sums over phase bins, one integer addition a point.

A point's weight and weighted magnitude are packed into one 64-bit integer, so that a bin is updated by one addition.
Up to 2**14 points they have 14 bits (of the largest weight) and 20 (of the range); of longer curves as many fewer as
the sums of all points need to fit.
"""

from __future__ import annotations

import numpy as np

from scope.kernels.compiled import compiled

WEIGHT_BITS = 14  # of a weight
WEIGHT_SUM_BITS = 30  # of the sum of all weights
SUM_BITS = 34  # of the sum of all weighted magnitudes


@compiled(reordered=True)
def pack(mag: np.ndarray, weight: np.ndarray, packed: np.ndarray) -> tuple[float, float, float]:
    """Fill the packed points; return their mean magnitude, total weight and weighted sum of squares, in their units.

    Parameters
    ----------
    mag, weight : ndarray of float64, (n,)
        Magnitudes and positive weights.
    packed : ndarray of uint64, (n,)
        Filled.

    Returns
    -------
    tuple of float
        Mean, total weight and sum of squares about the mean; the last is 0 if all magnitudes are equal.
    """
    low, high = mag.min(), mag.max()
    scale = 1.0 / (high - low) if high > low else 0.0
    points = max(int(np.ceil(np.log2(len(mag)))), WEIGHT_BITS)
    bits = min(WEIGHT_BITS, WEIGHT_SUM_BITS - points)
    fraction = 2.0 ** (SUM_BITS - points - bits)
    top = (2.0**bits - 1.0) / weight.max()
    sw = sy = syy = 0.0
    for i in range(len(mag)):
        w = max(np.round(weight[i] * top), 1.0)
        y = np.round(w * (mag[i] - low) * scale * fraction)
        packed[i] = (np.uint64(w) << np.uint64(SUM_BITS)) | np.uint64(y)
        sw += w
        sy += y
        syy += y * y / w
    return sy / sw, sw, max(syy - sy * sy / sw, 0.0)


@compiled()
def fold(phases: np.ndarray, steps: np.ndarray, packed: np.ndarray, where: np.ndarray, sums: np.ndarray) -> None:
    """Add the points to the bins of their phases, and advance the phases to the next frequency.

    Parameters
    ----------
    phases, steps : ndarray of uint32, (n,)
        Phases [2**-32 turn] and what they grow by.
    packed : ndarray of uint64, (n,)
        Points (:func:`pack`).
    where : ndarray of uint32, (n,)
        Room to work in.
    sums : ndarray of uint64, (bins,)
        Added to.
    """
    count = np.uint32(len(sums))
    for i in range(len(phases)):
        phase = phases[i]
        where[i] = ((phase >> np.uint32(8)) * count) >> np.uint32(24)
        phases[i] = phase + steps[i]
    for i in range(len(phases)):
        sums[where[i]] += packed[i]
