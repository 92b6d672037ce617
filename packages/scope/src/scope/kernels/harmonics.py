"""Weighted Fourier fits of several harmonics over a full grid: what Lomb-Scargle is for one.

The sums are those of :mod:`scope.kernels.evidence`, by rotations in float32; the solution is a Cholesky factor.
"""

from __future__ import annotations

import numpy as np

from scope.kernels.compiled import compiled
from scope.kernels.normal import normal_matrix, solve_triangle

RESEED = 256
"""Frequencies between two exact rotations."""


@compiled(reordered=True)
def harmonics(
    t: np.ndarray, mag: np.ndarray, weight: np.ndarray, fmin: float, df: float, nf: int, count: int
) -> np.ndarray:
    """Return the share of the weighted variance that a constant and 1, 2, ... harmonics explain.

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
    count : int
        Largest number of harmonics.

    Returns
    -------
    ndarray of float32, (nf, count)
        In [0, 1], growing along the rows.
    """
    n, size = len(t), 2 * count
    out = np.zeros((nf, count), np.float32)
    share = weight / weight.sum()
    centred = mag - (share * mag).sum()
    variance = (share * centred * centred).sum()
    if not variance > 0.0:
        return out
    w, wy = share.astype(np.float32), (share * centred / np.sqrt(variance)).astype(np.float32)
    state, step = np.empty((2, n), np.float32), np.empty((2, n), np.float32)
    ck, sk = np.empty(n, np.float32), np.empty(n, np.float32)
    _rotations(t, df, step)
    trig, right, left = np.zeros((size + 1, 2)), np.empty(size), np.empty((size, size))
    trig[0, 0] = 1.0
    for f in range(nf):
        if f % RESEED == 0:
            _rotations(t, fmin + f * df, state)
        ck[:] = np.float32(1)
        sk[:] = np.float32(0)
        for k in range(1, size + 1):
            wc = ws = yc = ys = np.float32(0)
            for i in range(n):
                c = ck[i] * state[0, i] - sk[i] * state[1, i]
                s = sk[i] * state[0, i] + ck[i] * state[1, i]
                ck[i], sk[i] = c, s
                wc += w[i] * c
                ws += w[i] * s
                yc += wy[i] * c
                ys += wy[i] * s
            trig[k, 0], trig[k, 1] = wc, ws
            if k <= count:
                right[2 * k - 2], right[2 * k - 1] = yc, ys
        normal_matrix(trig, left)
        solve_triangle(left, right, 1e-4)
        explained = 0.0
        for j in range(size):
            explained += right[j] ** 2
            if j % 2 == 1:
                out[f, j // 2] = min(explained, 1.0)
        for i in range(n):
            c, s = state[0, i], state[1, i]
            state[0, i] = c * step[0, i] - s * step[1, i]
            state[1, i] = s * step[0, i] + c * step[1, i]
    return out


@compiled()
def _rotations(t: np.ndarray, frequency: float, out: np.ndarray) -> None:
    """Fill cos and sin of the phases."""
    for i in range(len(t)):
        turn = t[i] * frequency
        turn = 2 * np.pi * (turn - np.floor(turn))
        out[0, i], out[1, i] = np.cos(turn), np.sin(turn)
