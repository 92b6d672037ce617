"""Folded light curves of many stars: entropy, analysis of variance and boxes.

The sums over phase bins are sums of integers, which are the same in any order: :mod:`scope.kernels.folding` says how
weights and magnitudes are packed into them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scope.kernels.batched.phases import bins_of
from scope.kernels.folding import SUM_BITS, pack

_BELOW = np.uint64((1 << SUM_BITS) - 1)


def packed_points(curves: list[tuple[np.ndarray, np.ndarray]], width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the packed points of some stars, filled up with zeros, and what their sums are compared with.

    Parameters
    ----------
    curves : list of (mag, weight)
        Of each star.
    width : int
        Points to fill up to.

    Returns
    -------
    packed : ndarray of uint64, (s, width)
        See :func:`scope.kernels.folding.pack`.
    sums : ndarray of float64, (3, s)
        Mean, total weight and sum of squares of each, in their units; the last is 0 if all magnitudes are equal.
    """
    packed, sums = np.zeros((len(curves), width), np.uint64), np.empty((3, len(curves)))
    for row, (mag, weight) in enumerate(curves):
        sums[:, row] = pack(mag, weight, packed[row, : len(mag)])
    return packed, sums


def magnitude_rows(curves: list[np.ndarray], width: int, mag_bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the bin of each magnitude between a star's smallest and largest, and which points there are.

    Returns
    -------
    rows : ndarray of uint32, (s, width)
    there : ndarray of uint32, (s, width)
        1, or 0 where a star has no more points.
    """
    rows, there = np.zeros((2, len(curves), width), np.uint32)
    for k, mag in enumerate(curves):
        low, high = mag.min(), mag.max()
        scale = mag_bins / (high - low) if high > low else 0.0
        rows[k, : len(mag)] = np.minimum(((mag - low) * scale).astype(np.int64), mag_bins - 1)
        there[k, : len(mag)] = 1
    return rows, there


def _histogram(xp: Any, cells: Any, values: Any, count: int) -> Any:
    """Return the sums of values (s, n) by cells (s, n, m), as (s, m, count) in the kind of the values."""
    s, _, m = cells.shape
    where = cells + count * xp.arange(s * m, dtype=np.uint32).reshape(s, 1, m)
    sums = xp.zeros(s * m * count, values.dtype)
    xp.add.at(sums, where.view(np.int32), values[:, :, None])
    return sums.reshape(s, m, count)


def bin_sums(xp: Any, phases: Any, packed: Any, mean: Any, bins: int) -> tuple[Any, Any]:
    """Return the weight of each phase bin and its weighted magnitudes about the mean.

    Parameters
    ----------
    phases : array of uint32, (s, n, m)
        Of each point [2**-32 turn].
    packed : array of uint64, (s, n)
        Points; 0 for none.
    mean : array of float64, (s,)
        Mean magnitudes in the packed unit.
    bins : int
        Phase bins.

    Returns
    -------
    weights, excess : array of float64, (s, m, bins)
    """
    sums = _histogram(xp, bins_of(phases, bins), packed, bins)
    weights = (sums >> np.uint64(SUM_BITS)).astype(np.float64)
    return weights, (sums & _BELOW).astype(np.float64) - mean[:, None, None] * weights


def aov_batch(xp: Any, phases: Any, packed: Any, sums: Any, bins: int) -> Any:
    """Return the between-bin share of the sum of squares (:func:`scope.kernels.aov.aov`).

    Parameters
    ----------
    phases, packed
        See :func:`bin_sums`.
    sums : array of float64, (3, s)
        Of :func:`packed_points`.
    bins : int
        Phase bins.

    Returns
    -------
    array of float32, (s, m)
    """
    mean, total = sums[0], sums[2]
    weights, excess = bin_sums(xp, phases, packed, mean, bins)
    between = (excess * excess / xp.maximum(weights, 1.0)).sum(2)
    return (between / xp.where(total > 0, total, np.inf)[:, None]).astype(np.float32)


def entropy_batch(xp: Any, phases: Any, rows: Any, there: Any, bins: tuple[int, int]) -> Any:
    """Return the conditional entropy (:func:`scope.kernels.entropy.entropy`).

    Parameters
    ----------
    phases : array of uint32, (s, n, m)
        Of each point [2**-32 turn].
    rows, there : array of uint32, (s, n)
        Of :func:`magnitude_rows`.
    bins : pair of int
        The grid of cells: of phase and of magnitude.

    Returns
    -------
    array of float32, (s, m)
        Entropy [nat].
    """
    s, n, m = phases.shape
    phase_bins, mag_bins = bins
    where = bins_of(phases, phase_bins) + rows[:, :, None] * np.uint32(phase_bins)
    cells = _histogram(xp, where, there, phase_bins * mag_bins).reshape(s, m, mag_bins, phase_bins)
    counts = xp.arange(n + 1, dtype=np.float64)
    table = (counts * xp.log(xp.maximum(counts, 1.0))).astype(np.float32)
    outer = table[cells.sum(2, dtype=np.uint32).view(np.int32)].sum(2, dtype=np.float64)
    inner = table[cells.view(np.int32)].sum((2, 3), dtype=np.float64)
    return ((outer - inner) / there.sum(1, dtype=np.float64)[:, None]).astype(np.float32)


def box_batch(xp: Any, phases: Any, packed: Any, sums: Any, bins: int, lengths: tuple[float, float]) -> Any:
    """Return the share of the weighted variance that the best box explains (:func:`scope.kernels.box.box`).

    Parameters
    ----------
    phases, packed, sums, bins
        See :func:`aov_batch`.
    lengths : pair of float
        Shortest and longest box [turn].

    Returns
    -------
    array of float32, (s, m)
    """
    mean, whole, total = sums[0], sums[1], sums[2]
    parts = bin_sums(xp, phases, packed, mean, bins)
    # Running sums over two turns: a box is a difference.
    weights, excess = (xp.cumsum(xp.concatenate([part, part], 2), 2) for part in parts)
    first, last = max(int(np.ceil(lengths[0] * bins)), 1), max(int(lengths[1] * bins), 1)
    best = xp.zeros(phases.shape[::2])
    for width in range(first, last + 1):
        # The sum over `width` bins up to b, for b in the second turn.
        r = weights[:, :, bins:] - weights[:, :, bins - width : 2 * bins - width]
        s = xp.maximum(excess[:, :, bins:] - excess[:, :, bins - width : 2 * bins - width], 0.0)
        share = s * s / xp.maximum(r * (whole[:, None, None] - r), 1.0)
        best = xp.maximum(best, share.max(2))
    scale = xp.where(total > 0, whole / xp.where(total > 0, total, 1.0), 0.0)
    return (best * scale[:, None]).astype(np.float32)
