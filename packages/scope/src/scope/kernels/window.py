"""The spectral window: how far the sampling alone repeats at a frequency (Deeming 1975, Ap&SS 36, 137, eq. 11)."""

from __future__ import annotations

import numpy as np

from scope.kernels.compiled import compiled

RESEED = 256
"""Frequencies between two exact rotations."""


@compiled(reordered=True)
def spectral_window(t: np.ndarray, weight: np.ndarray, fmin: float, df: float, nf: int) -> np.ndarray:
    """Return the squared modulus of the weighted mean of ``exp(2 pi i f t)`` at `nf` frequencies.

    Parameters
    ----------
    t : ndarray of float64, (n,)
        Times since the first [d].
    weight : ndarray of float64, (n,)
        Positive weights.
    fmin, df : float
        First frequency and step [1/d].
    nf : int
        Number of frequencies.

    Returns
    -------
    ndarray of float64, (nf,)
        In [0, 1]; 1 at 0 and where all points share a phase.
    """
    n = len(t)
    w = weight / weight.sum()
    c, s = np.empty(n), np.empty(n)
    step_c, step_s = np.empty(n), np.empty(n)
    for i in range(n):
        turn = t[i] * df
        turn = 2 * np.pi * (turn - np.floor(turn))
        step_c[i], step_s[i] = np.cos(turn), np.sin(turn)
    out = np.empty(nf)
    for k in range(nf):
        if k % RESEED == 0:
            for i in range(n):
                turn = t[i] * (fmin + k * df)
                turn = 2 * np.pi * (turn - np.floor(turn))
                c[i], s[i] = np.cos(turn), np.sin(turn)
        real = imaginary = 0.0
        for i in range(n):
            ci, si = c[i], s[i]
            real += w[i] * ci
            imaginary += w[i] * si
            c[i] = ci * step_c[i] - si * step_s[i]
            s[i] = si * step_c[i] + ci * step_s[i]
        out[k] = real * real + imaginary * imaginary
    return out
