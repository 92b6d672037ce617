"""Noise that is correlated between neighbouring pixels: its measurement, and what it does to a linear estimate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled

REACH = 4


def lag_sums(noise: NDArray[np.float64], good: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums of products of pixels and numbers of pairs at every separation up to `REACH` pixels.

    Parameters
    ----------
    noise : ndarray of float64, shape (box, box)
        Pixels over their standard deviation, mean 0.
    good : ndarray of bool, shape (box, box)
        Pixels without light of any source.

    Returns
    -------
    products, pairs : ndarray of float64, shape (2 REACH + 1, 2 REACH + 1)
        In the order of (dy, dx), from -REACH.
    """
    products, pairs = np.zeros((2 * REACH + 1,) * 2), np.zeros((2 * REACH + 1,) * 2)
    clean = np.where(good, noise, 0.0)
    box = len(noise)
    for dy in range(-REACH, REACH + 1):
        here, there = slice(max(dy, 0), box + min(dy, 0)), slice(max(-dy, 0), box + min(-dy, 0))
        for dx in range(-REACH, REACH + 1):
            left, right = slice(max(dx, 0), box + min(dx, 0)), slice(max(-dx, 0), box + min(-dx, 0))
            products[dy + REACH, dx + REACH] = np.vdot(clean[here, left], clean[there, right])
            pairs[dy + REACH, dx + REACH] = np.count_nonzero(good[here, left] & good[there, right])
    return products, pairs


def correlated_information(rows: NDArray[np.float64], correlation: NDArray[np.float64]) -> NDArray[np.float64]:
    """``sum_ij rows_a(i) correlation(i - j) rows_b(j)``: the covariance of sums over correlated noise.

    Parameters
    ----------
    rows : ndarray of float64, shape (k, box, box)
        What multiplies the noise (in units of its standard deviation) in each of the sums.
    correlation : ndarray of float64, shape (odd, odd)
        Correlation at each separation (dy, dx), its centre 1.

    Returns
    -------
    ndarray of float64, shape (k, k)
    """
    spread = np.empty_like(rows)
    _spread_forward(rows, correlation, spread)
    flat = rows.reshape(len(rows), -1)
    forward = flat @ spread.reshape(len(rows), -1).T
    return forward + forward.T


@compiled(loose=True)
def _spread_forward(rows: NDArray, correlation: NDArray, out: NDArray) -> None:
    """Fill the sums over half of the separations, as each pair is seen from both of its ends."""
    count, box, _ = rows.shape
    reach = correlation.shape[0] // 2
    for k in range(count):
        for y in range(box):
            total = out[k, y]
            for x in range(box):
                total[x] = 0.5 * correlation[reach, reach] * rows[k, y, x]
            for dy in range(min(reach + 1, box - y)):
                for dx in range(1 if dy == 0 else -reach, reach + 1):
                    value = 0.5 * (correlation[reach + dy, reach + dx] + correlation[reach - dy, reach - dx])
                    if value == 0.0:
                        continue
                    first, last = max(0, -dx), min(box, box - dx)
                    own, other = total[first:last], rows[k, y + dy, first + dx : last + dx]
                    for x in range(len(own)):
                        own[x] += value * other[x]
