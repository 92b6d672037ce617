"""The classic periodograms of :mod:`scope.kernels.plain` at many frequencies at once, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np


def _turns(xp: Any, t: Any, frequencies: Any) -> Any:
    turns = t[:, None] * frequencies
    turns -= xp.floor(turns)
    return turns


def plain_lomb_scargle_batch(xp: Any, t: Any, y: Any, frequencies: Any) -> Any:
    """Return the power of a sinusoid without a constant, for values whose mean is 0.

    Parameters
    ----------
    xp : module
        ``numpy``, ``cupy``.
    t, y : array of float64, (n,)
        Times since the first [d] and values.
    frequencies : array of float64, (m,)
        Frequencies [1/d].

    Returns
    -------
    array of float64, (m,)
    """
    angles = _turns(xp, t, frequencies)
    angles *= 2 * np.pi
    c, s = xp.cos(angles), xp.sin(angles)
    yc, ys = xp.matmul(y, c), xp.matmul(y, s)
    cc, ss, cs = (c * c).sum(0), (s * s).sum(0), (c * s).sum(0)
    det = cc * ss - cs * cs
    good = det > 1e-12 * len(t) ** 2
    return xp.where(good, 0.5 * (ss * yc * yc + cc * ys * ys - 2 * cs * yc * ys) / xp.where(good, det, 1.0), 0.0)


def _sums(xp: Any, cells: Any, values: Any, count: int) -> Any:
    """Return the sums of values (n, 1) by cells (n, m) of int64, as (m, count) in the kind of the values."""
    m = cells.shape[1]
    sums = xp.zeros(m * count, values.dtype)
    xp.add.at(sums, cells + count * xp.arange(m), values)
    return sums.reshape(m, count)


def _bins(xp: Any, t: Any, frequencies: Any, bins: int) -> Any:
    return xp.minimum((_turns(xp, t, frequencies) * bins).astype(np.int64), bins - 1)


def plain_entropy_batch(xp: Any, t: Any, y: Any, frequencies: Any, phase_bins: int, value_bins: int) -> Any:
    """Return the conditional entropy [nat]; values lie in [0, 1]. See :func:`plain_lomb_scargle_batch`."""
    rows = xp.minimum((y * value_bins).astype(np.int64), value_bins - 1)[:, None]
    where = _bins(xp, t, frequencies, phase_bins) + phase_bins * rows
    ones = xp.ones((len(t), 1), np.uint32)
    cells = _sums(xp, where, ones, phase_bins * value_bins).reshape(-1, value_bins, phase_bins).astype(np.float64)
    columns = cells.sum(1)[:, None, :]
    return (cells / len(t) * xp.log(xp.where(cells > 0, columns / xp.maximum(cells, 1.0), 1.0))).sum((1, 2))


def plain_aov_batch(xp: Any, t: Any, y: Any, frequencies: Any, bins: int) -> Any:
    """Return the ratio of the variances between and within phase bins. See :func:`plain_lomb_scargle_batch`."""
    n = len(t)
    where, about = _bins(xp, t, frequencies, bins), (y - y.mean())[:, None]
    counts, sums = _sums(xp, where, xp.ones((n, 1)), bins), _sums(xp, where, about, bins)
    between = (sums**2 / xp.maximum(counts, 1.0)).sum(1)
    within = xp.maximum((about * about).sum() - between, 0.0)
    ratio = between / (bins - 1) / (xp.where(within > 0, within, 1.0) / max(n - bins, 1))
    return xp.where(within > 0, ratio, 0.0)


def plain_phase_weights_batch(xp: Any, t: Any, y: Any, weight: Any, frequencies: Any, bins: int) -> Any:
    """Return the gain in log likelihood of a mean for each phase bin, for values whose weighted mean is 0.

    `weight` are the weights, (n,); see :func:`plain_lomb_scargle_batch`.
    """
    where = _bins(xp, t, frequencies, bins)
    weights, sums = (_sums(xp, where, values[:, None], bins) for values in (weight, weight * y))
    there = weights > 0
    return xp.where(there, sums**2 / (2 * xp.where(there, weights, 1.0)), 0.0).sum(1)
