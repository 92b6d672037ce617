"""Weighted sums over phase bins, one integer addition a point.

A point's weight (14 bits of the largest) and its weighted magnitude (20 bits of the range) are packed into one 64-bit
integer, so that a bin is updated by one addition and nothing overflows up to `MAX_POINTS` points.
"""

from __future__ import annotations

import numpy as np

from scope.kernels.compiled import compiled

MAX_POINTS = 16384
"""Points of a light curve that the packed sums hold without overflow."""

WEIGHT_BITS = 14
SUM_BITS = 34  # of the weighted magnitudes: 20 bits each, 2**14 points
_FRACTION = 64.0  # 2**6: a weighted magnitude has 14 + 6 bits


@compiled(reordered=True)
def pack(mag: np.ndarray, weight: np.ndarray, packed: np.ndarray) -> tuple[float, float, float]:
    """Fill the packed points; return their mean magnitude, total weight and weighted sum of squares, in their units.

    Parameters
    ----------
    mag, weight : ndarray of float64, (n,)
        Magnitudes and positive weights, at most `MAX_POINTS`.
    packed : ndarray of uint64, (n,)
        Filled.

    Returns
    -------
    tuple of float
        Mean, total weight and sum of squares about the mean; the last is 0 if all magnitudes are equal.
    """
    low, high = mag.min(), mag.max()
    scale = 1.0 / (high - low) if high > low else 0.0
    top = float(2**WEIGHT_BITS - 1) / weight.max()
    sw = sy = syy = 0.0
    for i in range(len(mag)):
        w = max(np.round(weight[i] * top), 1.0)
        y = np.round(w * (mag[i] - low) * scale * _FRACTION)
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
