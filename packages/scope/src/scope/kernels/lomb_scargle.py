"""Generalised Lomb-Scargle: weights and a floating mean (Zechmeister & Kuerster 2009, A&A 496, 577, eq. 5)."""

from __future__ import annotations

import numpy as np

from scope.kernels.compiled import compiled

RESEED = 256
"""Frequencies between two exact rotations; float32 rotations drift by less than 1e-5 in between."""


def lomb_scargle(t: np.ndarray, mag: np.ndarray, weight: np.ndarray, fmin: float, df: float, nf: int) -> np.ndarray:
    """Return the power of the best sinusoid plus constant at `nf` frequencies.

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

    Returns
    -------
    ndarray of float32, (nf,)
        Fraction of the weighted variance explained, in [0, 1].
    """
    return lomb_scargle_at(t, mag, weight, fmin, df, np.arange(nf))


@compiled(reordered=True)
def lomb_scargle_at(
    t: np.ndarray, mag: np.ndarray, weight: np.ndarray, fmin: float, df: float, indices: np.ndarray
) -> np.ndarray:
    """Return the same at the frequencies ``fmin + k df`` of some indices `k`; neighbours cost least.

    Parameters
    ----------
    indices : ndarray of int64, (m,)
        Best ascending.

    Returns
    -------
    ndarray of float32, (m,)
    """
    n = len(t)
    w = (weight / weight.sum()).astype(np.float32)
    centred = mag - (weight * mag).sum() / weight.sum()
    variance = (weight * centred * centred).sum() / weight.sum()
    out = np.zeros(len(indices), np.float32)
    if not variance > 0.0:
        return out
    wy = (weight / weight.sum() * centred / np.sqrt(variance)).astype(np.float32)
    c, s = np.empty(n, np.float32), np.empty(n, np.float32)
    step_c, step_s = np.empty(n, np.float32), np.empty(n, np.float32)
    for i in range(n):
        turn = t[i] * df
        turn = 2 * np.pi * (turn - np.floor(turn))
        step_c[i], step_s[i] = np.cos(turn), np.sin(turn)
    until = next_index = np.int64(-1)
    for k in range(len(indices)):
        index = indices[k]
        if index != next_index or index >= until:
            until = index + RESEED
            for i in range(n):
                turn = t[i] * (fmin + index * df)
                turn = 2 * np.pi * (turn - np.floor(turn))
                c[i], s[i] = np.cos(turn), np.sin(turn)
        next_index = index + 1
        yc = ys = sc = ss = cc = cs = np.float32(0)
        for i in range(n):
            ci, si = c[i], s[i]
            yc += wy[i] * ci
            ys += wy[i] * si
            wc = w[i] * ci
            sc += wc
            ss += w[i] * si
            cc += wc * ci
            cs += wc * si
            c[i] = ci * step_c[i] - si * step_s[i]
            s[i] = si * step_c[i] + ci * step_s[i]
        a = np.float64(cc) - np.float64(sc) * sc
        b = (1.0 - np.float64(cc)) - np.float64(ss) * ss
        ab = np.float64(cs) - np.float64(sc) * ss
        det = a * b - ab * ab
        if det > 1e-9:
            out[k] = (b * yc * yc + a * ys * ys - 2 * ab * yc * ys) / det
    return out
