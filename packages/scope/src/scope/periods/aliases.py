"""Aliases: periods that the sampling of a star cannot tell from another one.

Where the spectral window has a peak at a frequency w, a signal at f looks much like one at f + w, f - w, f + 2 w, ...
So each decision is checked against the aliases that the star's own window makes, and a frequency at which the window
itself is high, where all points crowd into a few phases, is not trusted as easily as another one.
"""

from __future__ import annotations

import numpy as np

from scope.kernels.window import spectral_window
from scope.periods.peaks import distinct_peaks
from scope.periods.series import Band

HIGHEST = 1.1
"""Highest frequency of the window that is looked at [1/d]; multiples of the day are multiples of its peaks."""

LEAST = 0.1
"""Squared modulus from which on a peak of the window makes aliases."""

_SAMPLES, _PEAKS, _MULTIPLES, _CROWDED = 5, 4, (1, 2, 3), (1, 2, 3, 4)


def window_peaks(band: Band) -> np.ndarray:
    """Return the frequencies [1/d] of the highest distinct peaks of a star's spectral window, the highest first."""
    baseline = float(band.t[-1] - band.t[0])
    df = 1.0 / (_SAMPLES * baseline)
    size = int(HIGHEST / df) - 2 * _SAMPLES
    if size < 3:
        return np.empty(0)
    power = spectral_window(band.t, band.weight, 2 * _SAMPLES * df, df, size)
    tops = distinct_peaks(power, _PEAKS, 2 * _SAMPLES)
    return 2 * _SAMPLES * df + df * tops[power[tops] > LEAST]


def alias_frequencies(frequency: float, peaks: np.ndarray, fmin: float, fmax: float) -> np.ndarray:
    """Return the aliases of a frequency by the peaks of the window, within the limits [1/d], ascending."""
    shifts = np.concatenate([k * peaks for k in _MULTIPLES] + [np.empty(0)])
    found = np.abs(np.concatenate([frequency + shifts, frequency - shifts]))
    return np.unique(found[(found >= fmin) & (found <= fmax)])


def crowding(band: Band, frequencies: np.ndarray) -> np.ndarray:
    """Return how far a star's points crowd into few phases at each frequency, 0 (even) to 1 (one to four phases)."""
    out = np.zeros(len(frequencies))
    for k, frequency in enumerate(frequencies):
        out[k] = max(float(spectral_window(band.t, band.weight, m * frequency, 0.0, 1)[0]) for m in _CROWDED)
    return out


def best_alias(frequencies: np.ndarray, peaks: np.ndarray, width: float) -> int | None:
    """Return the index of the first frequency that is an alias of the very first, within `width` [1/d], or None."""
    shifts = np.concatenate([k * peaks for k in _MULTIPLES] + [np.empty(0)])
    for k in range(1, len(frequencies)):
        apart = np.abs(np.array([frequencies[k] - frequencies[0], frequencies[k] + frequencies[0]]))
        if len(shifts) and np.abs(apart[:, None] - shifts).min() < width:
            return k
    return None
