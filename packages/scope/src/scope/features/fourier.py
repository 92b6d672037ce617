"""The 14 Fourier features of a light curve at a period."""

from __future__ import annotations

import numpy as np

from scope.kernels.fourier import MAX_HARMONICS, fourier_fit

NAMES = (
    "f1_power", "f1_BIC", "f1_a", "f1_b", "f1_amp", "f1_phi0", "f1_relamp1", "f1_relphi1", "f1_relamp2", "f1_relphi2",
    "f1_relamp3", "f1_relphi3", "f1_relamp4", "f1_relphi4",
)  # fmt: skip
"""Names in the order of the answer, before the algorithm's suffix."""


def fourier_features(hjd: np.ndarray, mag: np.ndarray, magerr: np.ndarray, period: float) -> np.ndarray:
    """Return the features of `NAMES`.

    The number of harmonics, 0 to 5, is the one of smallest BIC.  Harmonics beyond it have relative amplitude 0;
    without any, the relative amplitudes are NaN.

    Parameters
    ----------
    hjd, mag, magerr : ndarray of float64, (n,)
        A light curve in order of time [d, mag, mag].
    period : float
        Period [d].

    Returns
    -------
    ndarray of float64, (14,)
        `f1_a` [mag], `f1_b` [mag/d], `f1_amp` [mag], `f1_phi0` [rad], relative phases in turns of each harmonic.
    """
    t = hjd - hjd[0]
    chi2, found = fourier_fit(t, mag, magerr, period, MAX_HARMONICS)
    parameters = 2 + 2 * np.arange(MAX_HARMONICS + 1)
    bic = chi2 + np.log(len(t)) * parameters
    best = int(np.argmin(bic))
    power = (chi2[0] - chi2[best]) / chi2[0] if chi2[0] > 0 else 0.0
    cosines, sines = found[2::2], found[3::2]
    amplitude, phase = np.hypot(cosines, sines), np.arctan2(cosines, sines)
    out = [power, bic[best], found[0], found[1], amplitude[0], phase[0]]
    for k in range(2, MAX_HARMONICS + 1):
        relative = amplitude[k - 1] / amplitude[0] if amplitude[0] > 0 else np.nan
        turn = (phase[k - 1] / k - phase[0]) / (2 * np.pi / k)
        out += [relative, turn - np.floor(turn)]
    return np.array(out)
