"""Sums of a periodogram over harmonics: what it explains at a frequency and its multiples together.

The harmonic summing of pulsar searches (Taylor & Huguenin 1969, Nature 221, 816): a curve with narrow features has
its power spread over many harmonics, none of which stands out.  The sums go along the highest harmonic, so that the
fundamental is as finely sampled as that needs.
"""

from __future__ import annotations

import numpy as np

from scope.kernels.compiled import compiled

_BLOCK = 64


@compiled(reordered=True)
def add_harmonics(power: np.ndarray, known: int, count: int, total: np.ndarray) -> None:
    """Turn the sums over some number of harmonics into those over a multiple of it.

    Parameters
    ----------
    power : ndarray of float32, (n,)
        Power at frequencies 0, df, 2 df, ...
    known : int
        Harmonics in the sums so far; they are those of `count` whose numbers ``count / known`` divides.
    count : int
        Harmonics wanted, a multiple of `known`.
    total : ndarray of float32, (n,)
        Sums whose element `k` is for the fundamental ``k / count``, the highest harmonic being at `k`; lower ones
        are taken at the nearest sample.  For one harmonic it is the power.
    """
    numbers = np.array([h for h in range(1, count) if h % (count // known) != 0])
    low = np.empty((count, len(numbers)), np.int64)
    for r in range(count):
        low[r] = (r * numbers + count // 2) // count
    for m in range(-(-len(power) // count)):
        for r in range(min(count, len(power) - m * count)):
            value = np.float32(0)
            for q in range(len(numbers)):
                value += power[m * numbers[q] + low[r, q]]
            total[m * count + r] += value


@compiled(reordered=True)
def _largest(values: np.ndarray) -> np.float32:
    """Return the largest value of a block."""
    largest = values[0]
    for k in range(1, len(values)):
        largest = max(largest, values[k])
    return largest


@compiled()
def highest_peaks(values: np.ndarray, first: int, radius: int, count: int) -> np.ndarray:
    """Return where the highest values that are the largest within a radius are, the highest first.

    Parameters
    ----------
    values : ndarray of float32, (n,)
        The higher the better; none is NaN.
    first : int
        Index from which on they count.
    radius : int
        Samples on either side that a peak exceeds; of equal neighbours the first is the peak.
    count : int
        Most peaks wanted.

    Returns
    -------
    ndarray of int64, at most (count,)
    """
    found = np.empty(count, np.int64)
    size, n = 0, len(values)
    for start in range(first, n, _BLOCK):
        stop = min(start + _BLOCK, n)
        if size == count and _largest(values[start:stop]) <= values[found[count - 1]]:
            continue
        for k in range(start, stop):
            value = values[k]
            if size == count and value <= values[found[count - 1]]:
                continue
            highest = True
            for j in range(max(first, k - radius), min(n, k + radius + 1)):
                highest &= values[j] < value or j == k or (values[j] == value and j > k)
            if not highest:
                continue
            place = min(size, count - 1)
            while place > 0 and values[found[place - 1]] < value:
                found[place] = found[place - 1]
                place -= 1
            found[place] = k
            size = min(size + 1, count)
    return found[:size]
