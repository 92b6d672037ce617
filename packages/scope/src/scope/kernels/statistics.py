"""The 22 basic statistics of a light curve, in one pass over float64.

Weights are ``w = 1 / magerr**2``; residuals are ``d = sqrt(n / (n - 1)) (mag - wmean) / magerr``.
"""

from __future__ import annotations

import math

import numpy as np

from scope.kernels.compiled import compiled

NAMES = (
    "n", "median", "wmean", "chi2red", "roms", "wstd", "norm_peak_to_peak_amp", "norm_excess_var", "median_abs_dev",
    "iqr", "i60r", "i70r", "i80r", "i90r", "skew", "smallkurt", "inv_vonneumannratio", "welch_i", "stetson_j",
    "stetson_k", "ad", "sw",
)  # fmt: skip
"""Names of the statistics in the order of the kernel's answer."""

MIN_POINTS = 4
"""With fewer points than this the statistics are not defined (`smallkurt` divides by n - 3)."""


@compiled()
def _percentile(ordered: np.ndarray, q: float) -> float:
    """Return the linearly interpolated percentile `q` of sorted values (Hyndman & Fan 1996, type 7)."""
    at = (len(ordered) - 1) * q / 100.0
    k = min(int(at), len(ordered) - 2)
    return ordered[k] + (at - k) * (ordered[k + 1] - ordered[k])


@compiled()
def _log_normal_tail(z: float) -> float:
    """Return ln P(Z > z) of a standard normal variable, also far out."""
    tail = 0.5 * math.erfc(z / math.sqrt(2.0))
    if tail > 1e-290:
        return math.log(tail)
    return -0.5 * z * z - math.log(abs(z)) - 0.5 * math.log(2 * math.pi)


@compiled()
def _anderson_darling(ordered: np.ndarray) -> float:
    """Return the statistic A^2 against a normal law of fitted mean and variance (Stephens 1974, JASA 69, 730)."""
    n = len(ordered)
    mean = ordered.mean()
    std = math.sqrt(((ordered - mean) ** 2).sum() / (n - 1))
    if std == 0.0:
        return np.nan
    total = 0.0
    for i in range(n):
        low, high = (ordered[i] - mean) / std, (ordered[n - 1 - i] - mean) / std
        total += (2 * i + 1) * (_log_normal_tail(-low) + _log_normal_tail(high))
    return -n - total / n


@compiled()
def _shapiro(ordered: np.ndarray, coefficients: np.ndarray) -> float:
    """Return the statistic W for the given coefficients (Shapiro & Wilk 1965, Biometrika 52, 591)."""
    spread = ((ordered - ordered.mean()) ** 2).sum()
    if spread == 0.0:
        return np.nan
    return (coefficients * ordered).sum() ** 2 / spread


@compiled()
def _moments(mag: np.ndarray, err: np.ndarray, out: np.ndarray) -> None:
    """Fill the statistics that need only the weighted mean (and `roms`, after the median)."""
    n = len(mag)
    sw = swm = 0.0
    for i in range(n):
        w = 1.0 / (err[i] * err[i])
        sw += w
        swm += w * mag[i]
    mean = swm / sw
    chi2 = excess = cubes = fourths = roms = squares = absolute = 0.0
    brightest, faintest = np.inf, -np.inf
    scale = math.sqrt(n / (n - 1.0))
    for i in range(n):
        d = (mag[i] - mean) / err[i]
        chi2 += d * d
        cubes += d * d * d
        fourths += d * d * d * d
        excess += (mag[i] - mean) ** 2 - err[i] * err[i]
        roms += abs(mag[i] - out[1]) / err[i]
        squares += (scale * d) ** 2
        absolute += abs(scale * d)
        faintest = max(faintest, mag[i] - err[i])
        brightest = min(brightest, mag[i] + err[i])
    out[2], out[3], out[4], out[5] = mean, chi2 / (n - 1), roms / (n - 1), math.sqrt(chi2 / sw)
    out[6] = (faintest - brightest) / (faintest + brightest)
    out[7] = excess / (n * mean * mean)
    out[14] = n / ((n - 1.0) * (n - 2.0)) * cubes
    out[15] = n * (n + 1.0) / ((n - 1.0) * (n - 2.0) * (n - 3.0)) * fourths
    out[15] -= 3.0 * (n - 1.0) ** 2 / ((n - 2.0) * (n - 3.0))
    out[19] = absolute / n / math.sqrt(squares / n) if squares > 0.0 else np.nan


@compiled()
def _neighbours(t: np.ndarray, mag: np.ndarray, err: np.ndarray, out: np.ndarray) -> None:
    """Fill the statistics of consecutive pairs; pairs at equal times do not enter the von Neumann ratio."""
    n = len(mag)
    scale = n / (n - 1.0)
    slopes = weights = welch = stetson = 0.0
    for i in range(n - 1):
        dt, dm = t[i + 1] - t[i], mag[i + 1] - mag[i]
        if dt > 0.0:
            weights += 1.0 / (dt * dt)
            slopes += dm * dm / (dt * dt)
        product = scale * (mag[i] - out[2]) / err[i] * (mag[i + 1] - out[2]) / err[i + 1]
        welch += product
        stetson += math.copysign(math.sqrt(abs(product)), product)
    out[16] = out[5] ** 2 * weights / slopes if slopes > 0.0 else np.nan
    out[17], out[18] = welch, stetson


@compiled()
def basic_statistics(t: np.ndarray, mag: np.ndarray, err: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Return the statistics of `NAMES`.

    Parameters
    ----------
    t : ndarray of float64, (n,)
        Times in ascending order [d].
    mag, err : ndarray of float64, (n,)
        Magnitudes and their positive errors [mag].
    coefficients : ndarray of float64, (n,)
        Shapiro-Wilk coefficients of `n` (:func:`shapiro_coefficients`).

    Returns
    -------
    ndarray of float64, (22,)
        All but `n` are NaN with fewer than `MIN_POINTS` points.
    """
    n = len(mag)
    out = np.full(22, np.nan)
    out[0] = n
    if n < 4:
        return out
    ordered = np.sort(mag)
    out[1] = _percentile(ordered, 50.0)
    _moments(mag, err, out)
    out[8] = _percentile(np.sort(np.abs(mag - out[1])), 50.0)
    for k, q in enumerate((75.0, 80.0, 85.0, 90.0, 95.0)):
        out[9 + k] = _percentile(ordered, q) - _percentile(ordered, 100.0 - q)
    _neighbours(t, mag, err, out)
    scaled = np.sort(mag / err)
    out[20] = _anderson_darling(scaled)
    out[21] = _shapiro(scaled, coefficients)
    return out


def shapiro_coefficients(n: int) -> np.ndarray:
    """Return the coefficients of the Shapiro-Wilk statistic (Royston 1992, Statistics and Computing 2, 117).

    Parameters
    ----------
    n : int
        Number of points; the approximation is good for 4 to 5,000 of them.

    Returns
    -------
    ndarray of float64, (n,)
        Antisymmetric, of unit length; NaN beyond 5,000 points.
    """
    from scipy.special import ndtri

    if n < MIN_POINTS or n > 5000:
        return np.full(n, np.nan)
    m = ndtri((np.arange(1, n + 1) - 0.375) / (n + 0.25))
    norm, u = m @ m, 1 / np.sqrt(n)
    last = m[-1] / np.sqrt(norm) + np.polyval([-2.706056, 4.434685, -2.07119, -0.147981, 0.221157, 0], u)
    if n <= 5:
        rest = (norm - 2 * m[-1] ** 2) / (1 - 2 * last**2)
        a = m / np.sqrt(rest)
        a[[0, -1]] = -last, last
        return a
    next_ = m[-2] / np.sqrt(norm) + np.polyval([-3.582633, 5.682633, -1.752461, -0.293762, 0.042981, 0], u)
    rest = (norm - 2 * m[-1] ** 2 - 2 * m[-2] ** 2) / (1 - 2 * last**2 - 2 * next_**2)
    a = m / np.sqrt(rest)
    a[[0, 1, -2, -1]] = -last, -next_, next_, last
    return a
