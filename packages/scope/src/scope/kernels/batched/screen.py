"""The Lomb-Scargle screen of stars that share exposures: :mod:`scope.kernels.shared_exposures`, bit by bit.

Rotations are made by the same float32 operations in the same order, one rounding each, and the sums of whole numbers
are exact in any order.  So the screen has the bits of the CPU's, wherever a cosine in float64, rounded to float32, has.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from scope.kernels.shared_exposures import BLOCK, FINE, SINGULAR, TRIG


def rotations(t: np.ndarray, df: float, count: int) -> np.ndarray:
    """Return cosines and sines of the phases at 0, df, 2 df, ...

    Parameters
    ----------
    t : ndarray of float64, (m,)
        Times of all exposures [d].
    df : float
        Step [1/d].
    count : int
        Steps.

    Returns
    -------
    ndarray of float32, (2, m, count)
    """
    turns = t[:, None] * (np.arange(count) * df)
    angles = 2 * math.pi * (turns - np.floor(turns))
    return np.stack([np.cos(angles), np.sin(angles)]).astype(np.float32)


def _turned(c: Any, s: Any, step_c: Any, step_s: Any) -> tuple[Any, Any]:
    return c * step_c - s * step_s, s * step_c + c * step_s


def screen_blocks(
    xp: Any, t: Any, weights: Any, products: Any, scalars: Any, fine: Any, df: float, first: int, count: int
) -> Any:
    """Return the power of the best sinusoid plus constant of each curve in some blocks of frequencies.

    Parameters
    ----------
    xp : module
        ``numpy``, ``cupy``.
    t : array of float64, (m,)
        Times of all exposures [d].
    weights, products : array of float32, (s, m)
        Whole numbers (:func:`scope.kernels.shared_exposures.whole_weights`), zero where a curve has no point.
    scalars : array of float32, (3, s)
        Of :func:`scalars_of`.
    fine : array of float32, (2, m, FINE + 1)
        Of :func:`rotations`.
    df : float
        Step of the frequencies [1/d].
    first, count : int
        Blocks of `BLOCK` frequencies, the first of which begins at 0.

    Returns
    -------
    array of float32, (s, count BLOCK)
        In [0, 1]; 0 where the points do not fix a sinusoid.
    """
    full, twice = np.float32(TRIG), np.float32(2.0 / TRIG)
    frequencies = (first + xp.arange(count)) * BLOCK * df
    turns = t[:, None] * frequencies
    angles = 2 * math.pi * (turns - xp.floor(turns))
    c, s = full * xp.cos(angles).astype(np.float32), full * xp.sin(angles).astype(np.float32)
    starts = [(c, s)]
    last_c, last_s = fine[0, :, FINE:], fine[1, :, FINE:]
    while len(starts) < BLOCK // FINE:
        starts.append(_turned(*starts[-1], last_c, last_s))
    c, s = (xp.stack(parts, 2)[:, :, :, None] for parts in zip(*starts, strict=True))
    c, s = _turned(c, s, fine[0, :, None, None, :FINE], fine[1, :, None, None, :FINE])
    double = twice * c
    waves = [xp.rint(wave).reshape(len(t), -1) for wave in (c, s, double * c - full, double * s)]
    of_weights = [xp.matmul(weights, wave) for wave in waves]
    of_products = [xp.matmul(products, wave) for wave in waves[:2]]
    return _powers(xp, of_weights, of_products, scalars)


def scalars_of(weights: np.ndarray, products: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Return what the sums of each curve are divided by.

    Parameters
    ----------
    weights, products : ndarray of float32, (s, m)
        Whole numbers of each curve.
    scales : ndarray of float64, (s,)
        Scale of each row of products.

    Returns
    -------
    ndarray of float32, (3, s)
        Mean of the magnitudes; factors of the sums of the products and of the weights.
    """
    totals, means = weights.sum(axis=1, dtype=np.float64), products.sum(axis=1, dtype=np.float64) / scales
    return np.stack([means, 1.0 / (TRIG * scales), 1.0 / (TRIG * totals)]).astype(np.float32)


def _powers(xp: Any, of_weights: list[Any], of_products: list[Any], scalars: Any) -> Any:
    """Turn sums into powers."""
    half, one, two = np.float32(0.5), np.float32(1), np.float32(2)
    mean, of_y, of_w = (scalars[k][:, None] for k in range(3))
    c, s, c2, s2 = (sums * of_w for sums in of_weights)
    yc, ys = of_products[0] * of_y - mean * c, of_products[1] * of_y - mean * s
    a, b, ab = half * (one + c2) - c * c, half * (one - c2) - s * s, half * s2 - c * s
    det = a * b - ab * ab
    value = (b * yc * yc + a * ys * ys - two * ab * yc * ys) / xp.maximum(det, SINGULAR)
    return xp.where(det > SINGULAR, xp.clip(value, np.float32(0), one), np.float32(0))
