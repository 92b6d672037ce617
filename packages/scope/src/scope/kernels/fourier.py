"""Weighted Fourier fits with a linear trend, nested in the number of harmonics (Householder QR, float64).

Model: ``y = a + b (t - tmin) + sum_k A_k cos(2 pi k t / P) + B_k sin(2 pi k t / P)``.
"""

from __future__ import annotations

import numpy as np

from scope.kernels.compiled import compiled

MAX_HARMONICS = 5


@compiled()
def _triangular(rows: np.ndarray) -> None:
    """Turn (n, m) `rows` into the upper triangle of its QR decomposition, in place (Golub & Van Loan 2013, 5.2)."""
    n, m = rows.shape
    for j in range(min(n - 1, m)):
        norm = np.sqrt((rows[j:, j] ** 2).sum())
        if norm == 0.0:
            continue
        head = rows[j, j] + (norm if rows[j, j] > 0.0 else -norm)
        scale = 0.0
        v = rows[j:, j].copy()
        v[0] = head
        scale = 2.0 / (v * v).sum()
        for k in range(j, m):
            dot = 0.0
            for i in range(n - j):
                dot += v[i] * rows[j + i, k]
            dot *= scale
            for i in range(n - j):
                rows[j + i, k] -= dot * v[i]


@compiled()
def fourier_fit(
    t: np.ndarray, y: np.ndarray, err: np.ndarray, period: float, harmonics: int
) -> tuple[np.ndarray, np.ndarray]:
    """Fit 0 to `harmonics` harmonics; return every chi2 and the coefficients of the best by BIC.

    Parameters
    ----------
    t : ndarray of float64, (n,)
        Times since the first [d].
    y, err : ndarray of float64, (n,)
        Values and errors [mag].
    period : float
        Period [d].
    harmonics : int
        Largest number of harmonics tried; fewer when there are not more points than coefficients.

    Returns
    -------
    chi2 : ndarray of float64, (harmonics + 1,)
        chi2 with 0, 1, ... harmonics; infinite for those not tried.
    coefficients : ndarray of float64, (2 + 2 * harmonics,)
        a, b [1/d], A_1, B_1, A_2, ...; zero beyond the best number of harmonics, which is the one of
        smallest ``chi2 + ln(n) (2 + 2 K)``.
    """
    n, m = len(t), 2 + 2 * harmonics
    span = t.max() if n and t.max() > 0.0 else 1.0
    rows = np.empty((n, m + 1))
    for i in range(n):
        turn = t[i] / period
        angle = 2 * np.pi * (turn - np.floor(turn))
        rows[i, 0], rows[i, 1], rows[i, m] = 1.0 / err[i], t[i] / span / err[i], y[i] / err[i]
        for k in range(1, harmonics + 1):
            rows[i, 2 * k], rows[i, 2 * k + 1] = np.cos(k * angle) / err[i], np.sin(k * angle) / err[i]
    _triangular(rows)
    chi2, coefficients = np.full(harmonics + 1, np.inf), np.zeros(m)
    best, chosen = np.inf, 0
    for k in range(harmonics + 1):
        used = 2 + 2 * k
        if n <= used and k > 0:
            break
        chi2[k] = (rows[used:, m] ** 2).sum()
        bic = chi2[k] + np.log(n) * used
        if bic < best:
            best, chosen = bic, k
    for j in range(2 + 2 * chosen - 1, -1, -1):
        value = rows[j, m]
        for k in range(j + 1, 2 + 2 * chosen):
            value -= rows[j, k] * coefficients[k]
        coefficients[j] = value / rows[j, j] if rows[j, j] != 0.0 else 0.0
    coefficients[1] /= span
    return chi2, coefficients
