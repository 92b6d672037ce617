"""Lomb-Scargle of many light curves taken in the same exposures: one matrix product instead of many sums.

The cosines and sines of a block of frequencies are computed once for all exposures; the sums of every curve are its
row of weights times that matrix, a missing exposure being a weight of zero.  The power is that of
:func:`scope.kernels.lomb_scargle.lomb_scargle` (Zechmeister & Kuerster 2009, A&A 496, 577, eq. 5).

Weights, cosines and sines are whole numbers so small that every sum of their products stays below 2**24, where
float32 holds all whole numbers: the products are exact in any order of addition.  So a curve's power is the same bits
whatever else is in the matrix, and whichever library multiplies; it is within about a hundredth of its noise of the
exact one.
"""

from __future__ import annotations

import math

import numpy as np

from scope.kernels.compiled import compiled

BLOCK = 256
"""Frequencies computed at a time."""

MOST_POINTS = 30_000
"""Longest curve whose weights keep some digits."""

TRIG = 255.0
"""The whole number of a cosine of 1."""

FINE = 64
"""Frequencies that one rotation leads to."""

SINGULAR = np.float32(1e-4)
"""Least determinant of the normal equations."""

_WEIGHTS = 65535.0  # largest sum of the absolute weights: times TRIG below 2**24
_EXPOSURES = 256  # at a time: their cosines stay in the processor's cache
_WHOLE = 1.5 * 2.0**23  # added to a float32 and taken off again: rounds it


def whole_weights(mag: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the weights, and those times the magnitudes, of one curve as whole numbers.

    Parameters
    ----------
    mag, weight : ndarray of float64, (n,)
        Magnitudes and positive weights.

    Returns
    -------
    weights, products : ndarray of float32, (n,)
        The second about the mean; all zero for a curve without variance.
    scale : float
        What the products, as shares of the standard deviation and of the total weight, were multiplied by.

    Raises
    ------
    ValueError
        When the curve has more than `MOST_POINTS` points.
    """
    n = len(mag)
    if n > MOST_POINTS:
        raise ValueError(f"{n} points; at most {MOST_POINTS} can share exposures")
    share = weight / weight.sum()
    centred = mag - (share * mag).sum()
    variance = float((share * centred * centred).sum())
    room = _WEIGHTS - n / 2
    weights = np.rint(share * room).astype(np.float32)
    if not variance > 0.0:
        return weights, np.zeros(n, np.float32), 1.0
    product = share * centred / math.sqrt(variance)
    scale = room / float(np.abs(product).sum())
    return weights, np.rint(product * scale).astype(np.float32), scale


def shared_lomb_scargle(
    t: np.ndarray, weights: np.ndarray, products: np.ndarray, scales: np.ndarray, df: float, out: np.ndarray
) -> None:
    """Fill in the power of the best sinusoid plus constant of each curve at the frequencies 0, df, 2 df, ...

    Parameters
    ----------
    t : ndarray of float64, (m,)
        Times of all exposures [d].
    weights, products : ndarray of float32, (s, m)
        Whole numbers (:func:`whole_weights`), zero where a curve has no point.
    scales : ndarray of float64, (s,)
        Scale of each row of products.
    df : float
        Step [1/d].
    out : ndarray of float32, (b, s, BLOCK)
        Filled, `BLOCK` frequencies after `BLOCK`: fraction of the weighted variance explained, in [0, 1]; 0 where the
        points do not fix a sinusoid.
    """
    fine = np.empty((len(t), 2, FINE + 1), np.float32)
    trig = np.empty((min(len(t), _EXPOSURES), 4 * BLOCK), np.float32)
    sums = np.empty((2, len(weights), 4 * BLOCK), np.float32), np.empty((2, len(weights), 2 * BLOCK), np.float32)
    totals, means = weights.sum(axis=1, dtype=np.float64), products.sum(axis=1, dtype=np.float64) / scales
    _rotations(t, df, fine)
    for block in range(len(out)):
        for start in range(0, len(t), _EXPOSURES):
            some = slice(start, start + _EXPOSURES)
            rows = trig[: len(t[some])]
            _fill(t[some], block * BLOCK * df, fine[some], rows)
            for left, right, (total, part) in zip((weights, products), (rows, rows[:, : 2 * BLOCK]), sums, strict=True):
                np.matmul(left[:, some], right, out=part if start else total)
                if start:
                    total += part
        _solve(sums[1][0], sums[0][0], totals, means, scales, out[block])


@compiled()
def _rotations(t: np.ndarray, df: float, out: np.ndarray) -> None:
    """Fill cos and sin of the phases at 0, df, 2 df, ..."""
    for i in range(len(t)):
        for k in range(out.shape[2]):
            turn = t[i] * (k * df)
            turn = 2 * math.pi * (turn - math.floor(turn))
            out[i, 0, k], out[i, 1, k] = math.cos(turn), math.sin(turn)


@compiled()
def _fill(t: np.ndarray, frequency: float, fine: np.ndarray, trig: np.ndarray) -> None:
    """Fill whole cosines and sines of one and of two turns at `BLOCK` frequencies, by rotations from an exact start.

    Compiled without rewrites: a number that is rounded one way for a curve alone must not be rounded the other way
    for the same curve among others.
    """
    full, twice, whole = np.float32(TRIG), np.float32(2.0 / TRIG), np.float32(_WHOLE)
    for i in range(len(t)):
        turn = t[i] * frequency
        turn = 2 * math.pi * (turn - math.floor(turn))
        start_c, start_s = full * np.float32(math.cos(turn)), full * np.float32(math.sin(turn))
        step_c, step_s = fine[i, 0], fine[i, 1]
        for k in range(0, BLOCK, FINE):
            for r in range(FINE):
                c = start_c * step_c[r] - start_s * step_s[r]
                s = start_s * step_c[r] + start_c * step_s[r]
                double = twice * c
                trig[i, k + r] = (c + whole) - whole
                trig[i, BLOCK + k + r] = (s + whole) - whole
                trig[i, 2 * BLOCK + k + r] = (double * c - full + whole) - whole
                trig[i, 3 * BLOCK + k + r] = (double * s + whole) - whole
            start_c, start_s = (
                start_c * step_c[FINE] - start_s * step_s[FINE], start_s * step_c[FINE] + start_c * step_s[FINE]
            )  # fmt: skip


@compiled()
def _solve(
    of_products: np.ndarray, of_weights: np.ndarray, totals: np.ndarray, means: np.ndarray, scales: np.ndarray,
    out: np.ndarray,
) -> None:  # fmt: skip
    """Turn the sums of a block into powers."""
    zero, half, one = np.float32(0), np.float32(0.5), np.float32(1)
    for j in range(len(out)):
        mean, of_y = np.float32(means[j]), np.float32(1.0 / (TRIG * scales[j]))
        of_w = np.float32(1.0 / (TRIG * totals[j]))
        for k in range(BLOCK):
            c, s = of_weights[j, k] * of_w, of_weights[j, BLOCK + k] * of_w
            c2, s2 = of_weights[j, 2 * BLOCK + k] * of_w, of_weights[j, 3 * BLOCK + k] * of_w
            yc, ys = of_products[j, k] * of_y - mean * c, of_products[j, BLOCK + k] * of_y - mean * s
            a, b, ab = half * (one + c2) - c * c, half * (one - c2) - s * s, half * s2 - c * s
            det = a * b - ab * ab
            value = (b * yc * yc + a * ys * ys - (ab + ab) * yc * ys) / max(det, SINGULAR)
            out[j, k] = min(max(value, zero), one) if det > SINGULAR else zero
