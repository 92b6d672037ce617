"""A periodogram, over a whole grid or parts of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scope.periods.peaks import distinct_peaks


@dataclass(frozen=True)
class Spectrum:
    """Power at some samples of a grid.

    Parameters
    ----------
    indices : ndarray of int64, (n,)
        Which samples, ascending.
    power : ndarray of float32, (n,)
        The higher the better.
    mean, std : float
        Of the power over the whole grid.
    """

    indices: np.ndarray
    power: np.ndarray
    mean: float
    std: float

    def peaks(self, count: int, separation: int) -> tuple[np.ndarray, np.ndarray]:
        """Return samples of the grid and the power of the highest distinct peaks, the highest first."""
        found = distinct_peaks(self.power, count, separation, self.indices)
        return self.indices[found], self.power[found]
