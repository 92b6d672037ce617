"""The periodograms, one signature: a band and a grid in, the higher the better out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scope.kernels.aov import aov, aov_at
from scope.kernels.box import box
from scope.kernels.entropy import entropy, entropy_at
from scope.kernels.harmonics import harmonics
from scope.kernels.lomb_scargle import lomb_scargle, lomb_scargle_at
from scope.periods.grid import FrequencyGrid
from scope.periods.series import Band

ECLIPSE_POINTS = 120
"""From this many points on, 40 phase bins resolve eclipses; below, 20 bins keep some points each."""

BOX_LENGTHS = (0.01, 0.5)
"""Shortest and longest box of BLS [turn]."""

BOX_BINS, WEIGHT_BINS, ENTROPY_CELLS, MHF_HARMONICS = 50, 20, (20, 10), 3
"""Phase bins of BLS and of FPW, phase and magnitude bins of CE, harmonics of MHF."""


@dataclass(frozen=True)
class Screen:
    """A periodogram over a full grid.

    Parameters
    ----------
    name : str
        Name without the prefix E.
    power : callable
        ``(band, grid) -> ndarray of float32``; peaks are maxima.
    title : str
        What a plot's axis says.
    """

    name: str
    power: Callable[[Band, FrequencyGrid], np.ndarray]
    title: str


def _lomb_scargle(band: Band, grid: FrequencyGrid) -> np.ndarray:
    return lomb_scargle(band.t, band.mag, band.weight, grid.fmin, grid.df, grid.size)


def _lomb_scargle_at(band: Band, grid: FrequencyGrid, indices: np.ndarray) -> np.ndarray:
    return lomb_scargle_at(band.t, band.mag, band.weight, grid.fmin, grid.df, indices)


def _entropy(band: Band, grid: FrequencyGrid) -> np.ndarray:
    return -entropy(band.t, band.mag, grid.fmin, grid.df, grid.size, *ENTROPY_CELLS)


def _entropy_at(band: Band, grid: FrequencyGrid, indices: np.ndarray) -> np.ndarray:
    return -entropy_at(band.t, band.mag, grid.fmin, grid.df, indices, *ENTROPY_CELLS)


def phase_bins(band: Band) -> int:
    """Return the phase bins of AOV."""
    return 40 if len(band.t) >= ECLIPSE_POINTS else 20


def _aov(band: Band, grid: FrequencyGrid) -> np.ndarray:
    return aov(band.t, band.mag, band.weight, grid.fmin, grid.df, grid.size, phase_bins(band))


def _aov_at(band: Band, grid: FrequencyGrid, indices: np.ndarray) -> np.ndarray:
    return aov_at(band.t, band.mag, band.weight, grid.fmin, grid.df, indices, phase_bins(band))


def _phase_weighted(band: Band, grid: FrequencyGrid) -> np.ndarray:
    return aov(band.t, band.mag, band.weight, grid.fmin, grid.df, grid.size, WEIGHT_BINS)


def _box(band: Band, grid: FrequencyGrid) -> np.ndarray:
    return box(band.t, band.mag, band.weight, grid.fmin, grid.df, grid.size, BOX_BINS, *BOX_LENGTHS)


def _harmonics(band: Band, grid: FrequencyGrid) -> np.ndarray:
    """Return the fall of the BIC from a constant to the best of 1, 2 and 3 harmonics."""
    shares = harmonics(band.t, band.mag, band.weight, grid.fmin, grid.df, grid.size, MHF_HARMONICS)
    n = len(band.t)
    fall = -n * np.log(np.maximum(1 - shares, 1e-6)) - 2 * np.log(n) * np.arange(1, MHF_HARMONICS + 1, dtype=np.float32)
    return np.maximum(fall.max(axis=1), 0).astype(np.float32)


SCREENS = {
    screen.name: screen
    for screen in (
        Screen("LS", _lomb_scargle, "explained variance (Lomb-Scargle)"),
        Screen("CE", _entropy, "- conditional entropy [nat]"),
        Screen("AOV", _aov, "explained variance (phase bins)"),
        Screen("FPW", _phase_weighted, "explained variance (20 phase bins)"),
        Screen("BLS", _box, "explained variance (box)"),
        Screen("MHF", _harmonics, "fall of the BIC (3 harmonics)"),
    )
}
"""The periodograms by name; a leading E, for the predecessor's GPU versions, means the same."""

AT = {"LS": _lomb_scargle_at, "CE": _entropy_at, "AOV": _aov_at}
"""The same at some samples of the grid: ``(band, grid, indices) -> ndarray of float32``."""


def screen(name: str) -> Screen:
    """Return the periodogram of an algorithm's name, with or without the leading E.

    Raises
    ------
    ValueError
        When there is none of that name.
    """
    plain = name[1:] if name.startswith("E") and name[1:] in SCREENS else name
    if plain not in SCREENS:
        raise ValueError(f"no period algorithm is called {name!r}; there are {', '.join(SCREENS)}, with or without E")
    return SCREENS[plain]
