"""The search in two stages: a cheap screen of all frequencies, and folds where it has peaks.

The screen is Lomb-Scargle (:mod:`scope.periods.sharing`), summed over 1, 2, 3, ... harmonics: a pulsation stands out
with few of them, a short eclipse with many.  Entropy and analysis of variance are computed, on the star's own grid,
around the highest peaks of every sum, and around the simple multiples of the highest of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from scope.kernels.harmonic_sums import add_harmonics, highest_peaks
from scope.kernels.moments import mean_and_std
from scope.periods.grid import FrequencyGrid
from scope.periods.screens import AT
from scope.periods.series import Series
from scope.periods.sharing import SAMPLES, Screened
from scope.periods.spectrum import Spectrum

LEAST = 100_000
"""Frequencies from which on a grid is searched in two stages; a smaller one costs little as it is."""

SCREENED = ("LS", "CE", "AOV")
"""The periodograms that are computed in two stages."""

SUMS = ((1, 2, 4, 8, 16), (1, 3, 6, 12))
"""Numbers of harmonics; each sum is made from the one before it."""

RATIOS = (0.5, 2.0, 1 / 3, 3.0)
"""The highest peaks are also folded at their frequency times each of these."""

_PEAKS = 60  # of each sum, as far as the share of folds allows; a fifth of them with their multiples
_REACH = 5  # samples around a peak
_FOLDED, _SAMPLED = 0.04, 0.01  # largest shares of the grid: around peaks, and for the mean and scatter
_MOST_SAMPLED, _GOLDEN = 4096, (5**0.5 - 1) / 2
_PER_PEAK = 8 * (1 + len(RATIOS) / 5) * (2 * _REACH + 1)  # samples: for each sum, its multiples, what is around it


@dataclass(frozen=True)
class Places:
    """Samples of a star's grid whose power is computed.

    Parameters
    ----------
    lines, folded : ndarray of int64
        Around the peaks of the screen, for Lomb-Scargle, and around those of all sums, for folds; ascending.
    others : ndarray of int64
        A sample of the rest, for the mean and the scatter of the folds; ascending.
    """

    lines: np.ndarray
    folded: np.ndarray
    others: np.ndarray

    @classmethod
    def of(cls, grid: FrequencyGrid, tops: Mapping[int, np.ndarray]) -> Places:
        """Choose them by the peaks of each sum of harmonics [1/d] (:func:`harmonic_peaks`)."""
        folded = around(grid, np.concatenate([_with_multiples(peaks) for peaks in tops.values()]))
        return cls(around(grid, tops[1]), folded, np.setdiff1d(sampled(grid), folded, assume_unique=True))


def most_peaks(grid: FrequencyGrid) -> int:
    """Return how many peaks of each sum are folded."""
    return min(_PEAKS, int(_FOLDED * grid.size / _PER_PEAK))


def spectra(series: Series, grid: FrequencyGrid, screened: Screened) -> dict[str, Spectrum]:
    """Return the three periodograms of a star where they can be high.

    Parameters
    ----------
    series : Series
        The star.
    grid : FrequencyGrid
        Its grid.
    screened : Screened
        Its screen.

    Returns
    -------
    dict of str to Spectrum
        LS, CE and AOV.
    """
    places = Places.of(grid, harmonic_peaks(screened, 2 * SAMPLES, most_peaks(grid)))
    lines = AT["LS"](series.merged, grid, places.lines)
    folds = {
        name: (AT[name](series.merged, grid, places.folded), AT[name](series.merged, grid, places.others))
        for name in ("CE", "AOV")
    }
    return as_spectra(grid, places, lines, mean_and_std(screened.power[2 * SAMPLES :]), folds)


def as_spectra(
    grid: FrequencyGrid, places: Places, lines: np.ndarray, moments: tuple[float, float],
    folds: Mapping[str, tuple[np.ndarray, np.ndarray]],
) -> dict[str, Spectrum]:  # fmt: skip
    """Return the periodograms of what was computed at some places.

    Parameters
    ----------
    grid : FrequencyGrid
        Of the star.
    places : Places
        Where.
    lines : ndarray of float32
        Lomb-Scargle.
    moments : tuple of float
        Mean and scatter of the screen.
    folds : mapping of str to pair of ndarray of float32
        CE and AOV at `places.folded` and at `places.others`.
    """
    out = {"LS": Spectrum(places.lines, lines, *moments)}
    for name, (power, others) in folds.items():
        out[name] = Spectrum(places.folded, power, *_moments(power, others, grid.size))
    return out


def _moments(peaks: np.ndarray, others: np.ndarray, size: int) -> tuple[float, float]:
    """Return mean and scatter of a whole periodogram from what was folded around peaks, and a sample of the rest."""
    (mean, std), (high, spread), share = mean_and_std(others), mean_and_std(peaks), len(peaks) / size
    whole = share * high + (1 - share) * mean
    square = share * (spread**2 + high**2) + (1 - share) * (std**2 + mean**2)
    return whole, float(np.sqrt(max(square - whole**2, 0.0)))


def sampled(grid: FrequencyGrid) -> np.ndarray:
    """Return the samples that the mean and scatter of a periodogram are taken from, in step with no alias."""
    count = min(_MOST_SAMPLED, int(_SAMPLED * grid.size))
    return np.unique((np.arange(count) * _GOLDEN % 1.0 * grid.size).astype(np.int64))


def _with_multiples(peaks: np.ndarray) -> np.ndarray:
    return np.concatenate([peaks, *(ratio * peaks[: len(peaks) // 5] for ratio in RATIOS)])


def harmonic_peaks(screened: Screened, first: int, count: int) -> dict[int, np.ndarray]:
    """Return the fundamental frequencies [1/d] of the highest peaks of each sum of harmonics.

    Parameters
    ----------
    screened : Screened
        Of one star.
    first : int
        Lowest fundamental, in steps of the screen.
    count : int
        Most peaks of a sum.

    Returns
    -------
    dict of int to ndarray of float64
        By the number of harmonics, the highest first.
    """
    out: dict[int, np.ndarray] = {}
    for chain in SUMS:
        total, known = screened.power.copy(), 1
        for harmonics in chain:
            if harmonics > known:
                add_harmonics(screened.power, known, harmonics, total)
            if harmonics not in out:
                peaks = highest_peaks(total, first * harmonics, SAMPLES - 1, count)
                out[harmonics] = peaks * (screened.df / harmonics)
            known = harmonics
    return out


def around(grid: FrequencyGrid, frequencies: np.ndarray) -> np.ndarray:
    """Return the indices of a grid near some frequencies [1/d], ascending."""
    near = np.rint((frequencies - grid.fmin) / grid.df).astype(np.int64)
    every = np.unique(near[:, None] + np.arange(-_REACH, _REACH + 1))
    return every[(every >= 0) & (every < grid.size)]
