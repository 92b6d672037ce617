"""Weighted Fourier fits with a linear trend, nested in the number of harmonics (Householder QR, float64).

Model: ``y = a + b (t - tmin) + sum_k A_k cos(2 pi k t / P) + B_k sin(2 pi k t / P)``.
"""

from __future__ import annotations

import numpy as np

from scope.kernels.compiled import compiled

MAX_HARMONICS = 5


@compiled(reordered=True)
def _triangular(columns: np.ndarray) -> None:
    """Turn the columns, (m, n), of a matrix into those of its triangular factor, in place (Golub & Van Loan, 5.2)."""
    m, n = columns.shape
    for j in range(min(n - 1, m)):
        v = columns[j, j:].copy()
        norm = np.sqrt((v * v).sum())
        if norm == 0.0:
            continue
        v[0] += norm if v[0] > 0.0 else -norm
        scale = 2.0 / (v * v).sum()
        for k in range(j, m):
            column = columns[k, j:]
            dot = 0.0
            for i in range(n - j):
                dot += v[i] * column[i]
            dot *= scale
            for i in range(n - j):
                column[i] -= dot * v[i]


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
    columns = np.empty((m + 1, n))
    for i in range(n):
        turn = t[i] / period
        angle = 2 * np.pi * (turn - np.floor(turn))
        columns[0, i], columns[1, i], columns[m, i] = 1.0 / err[i], t[i] / span / err[i], y[i] / err[i]
        first_c, first_s = np.cos(angle), np.sin(angle)
        c, s = 1.0 / err[i], 0.0
        for k in range(1, harmonics + 1):
            c, s = c * first_c - s * first_s, s * first_c + c * first_s
            columns[2 * k, i], columns[2 * k + 1, i] = c, s
    _triangular(columns)
    chi2, coefficients = np.full(harmonics + 1, np.inf), np.zeros(m)
    best, chosen = np.inf, 0
    for k in range(harmonics + 1):
        used = 2 + 2 * k
        if n <= used and k > 0:
            break
        chi2[k] = (columns[m, used:] ** 2).sum()
        bic = chi2[k] + np.log(n) * used
        if bic < best:
            best, chosen = bic, k
    for j in range(2 + 2 * chosen - 1, -1, -1):
        value = columns[m, j]
        for k in range(j + 1, 2 + 2 * chosen):
            value -= columns[k, j] * coefficients[k]
        coefficients[j] = value / columns[j, j] if columns[j, j] != 0.0 else 0.0
    coefficients[1] /= span
    return chi2, coefficients
