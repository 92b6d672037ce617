"""The periodograms, one signature: a band and a grid in, the higher the better out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scope.kernels.aov import aov
from scope.kernels.entropy import entropy
from scope.kernels.lomb_scargle import lomb_scargle
from scope.periods.grid import FrequencyGrid
from scope.periods.series import Band

ECLIPSE_POINTS = 120
"""From this many points on, 40 phase bins resolve eclipses; below, 20 bins keep some points each."""


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


def _entropy(band: Band, grid: FrequencyGrid) -> np.ndarray:
    return -entropy(band.t, band.mag, grid.fmin, grid.df, grid.size, 20, 10)


def _aov(band: Band, grid: FrequencyGrid) -> np.ndarray:
    bins = 40 if len(band.t) >= ECLIPSE_POINTS else 20
    return aov(band.t, band.mag, band.weight, grid.fmin, grid.df, grid.size, bins)


SCREENS = {
    screen.name: screen
    for screen in (
        Screen("LS", _lomb_scargle, "explained variance (Lomb-Scargle)"),
        Screen("CE", _entropy, "- conditional entropy [nat]"),
        Screen("AOV", _aov, "explained variance (phase bins)"),
    )
}
"""The periodograms by name; a leading E, for the predecessor's GPU versions, means the same."""


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
