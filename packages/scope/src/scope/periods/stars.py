"""Some stars in the memory of a device, and their periodograms there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from scope.kernels.batched.folds import aov_batch, box_batch, entropy_batch, magnitude_rows, packed_points
from scope.kernels.batched.phases import grid_phases, phases_of, runs
from scope.kernels.batched.sines import harmonics_batch, lomb_scargle_batch, normalised
from scope.kernels.phases import RESEED
from scope.periods.grid import FrequencyGrid
from scope.periods.screens import BOX_BINS, BOX_LENGTHS, ENTROPY_CELLS, MHF_HARMONICS, WEIGHT_BINS
from scope.periods.series import Series

_CELLS = 256
"""Numbers that a frequency takes for what is not of points: the cells of a fold."""


class Stars:
    """Stars that are searched together on a device, filled up to the longest with points of no weight.

    Parameters
    ----------
    xp : module
        ``numpy``, ``cupy``.
    stars : sequence of Series
        With the same number of phase bins (:func:`scope.periods.screens.phase_bins`).
    grids : sequence of FrequencyGrid
        Of each.
    bins : int
        That number.
    room : int
        Points times frequencies at a time.
    """

    def __init__(self, xp: Any, stars: Sequence[Series], grids: Sequence[FrequencyGrid], bins: int, room: int) -> None:
        self.xp, self.bins = xp, bins
        self._curves = [(star.merged.mag, star.merged.weight) for star in stars]
        self._sizes = np.array([grid.size for grid in grids])
        self._width = max(len(mag) for mag, _ in self._curves)
        t = np.zeros((len(stars), self._width))
        for row, star in enumerate(stars):
            t[row, : len(star.merged.t)] = star.merged.t
        self._t = xp.asarray(t)
        self._fmin = xp.asarray(np.array([grid.fmin for grid in grids]))
        self._df = xp.asarray(np.array([grid.df for grid in grids]))
        self._step = max(room // (len(stars) * max(self._width, _CELLS)), 1)

    def everywhere(self, name: str) -> Any:
        """Return a periodogram at all frequencies.

        Returns
        -------
        array of float32, (s, size of the largest grid)
            What is beyond a star's own grid has no meaning.
        """
        xp, size = self.xp, int(self._sizes.max())
        step = max(self._step // RESEED, 1) * RESEED
        out = xp.zeros((len(self._curves), size), np.float32)
        for first in range(0, size, step):
            count = min(step, size - first)
            phases = grid_phases(xp, self._t, self._fmin, self._df, first, count)
            out[:, first : first + count] = self._power(name, phases)
        return out

    def at(self, name: str, indices: Sequence[Sequence[np.ndarray]]) -> list[list[np.ndarray]]:
        """Return a periodogram at some samples of each star's grid.

        Parameters
        ----------
        name : str
            Of the periodogram.
        indices : sequence of sequence of ndarray of int64
            For each star some lists of samples, ascending.

        Returns
        -------
        list of list of ndarray of float32
            Power at those samples.
        """
        found = [[runs(some) for some in lists] for lists in indices]
        joined = [[np.concatenate(parts) for parts in zip(*lists, strict=True)] for lists in found]
        most = max(len(starts) for starts, _ in joined)
        starts, steps = np.zeros((len(joined), most), np.int64), np.zeros((len(joined), most), np.uint32)
        for row, (begin, ahead) in enumerate(joined):
            starts[row, : len(begin)], steps[row, : len(ahead)] = begin, ahead
        power = np.empty((len(joined), most), np.float32)
        for first in range(0, most, self._step):
            some = slice(first, first + self._step)
            power[:, some] = host(self._power(name, self._phases(starts[:, some], steps[:, some])))
        ends = [np.cumsum([len(some) for some in lists]) for lists in indices]
        return [np.split(row[: end[-1]], end[:-1]) for row, end in zip(power, ends, strict=True)]

    def _phases(self, starts: np.ndarray, steps: np.ndarray) -> Any:
        return phases_of(self.xp, self._t, self._fmin, self._df, self.xp.asarray(starts), self.xp.asarray(steps))

    def _power(self, name: str, phases: Any) -> Any:
        """Return a periodogram of some phases (s, n, m): the higher the better."""
        xp = self.xp
        if name == "LS":
            return lomb_scargle_batch(xp, phases, self._normalised)
        if name == "CE":
            return -entropy_batch(xp, phases, *self._rows, ENTROPY_CELLS)
        if name == "BLS":
            return box_batch(xp, phases, *self._packed, BOX_BINS, BOX_LENGTHS)
        if name == "MHF":
            return self._fall(harmonics_batch(xp, phases, self._normalised, MHF_HARMONICS))
        return aov_batch(xp, phases, *self._packed, WEIGHT_BINS if name == "FPW" else self.bins)

    def _fall(self, shares: Any) -> Any:
        """Return the fall of the BIC from a constant to the best number of harmonics (:data:`SCREENS`)."""
        xp = self.xp
        n = xp.asarray(np.array([float(len(mag)) for mag, _ in self._curves]))[:, None, None]
        harmonics = xp.arange(1, MHF_HARMONICS + 1, dtype=np.float64)
        fall = -n * xp.log(xp.maximum(1 - shares, 1e-6)) - 2 * xp.log(n) * harmonics
        return xp.maximum(fall.max(2), 0.0).astype(np.float32)

    @cached_property
    def _normalised(self) -> Any:
        return self.xp.asarray(normalised(self._curves, self._width))

    @cached_property
    def _packed(self) -> tuple[Any, Any]:
        packed, sums = packed_points(self._curves, self._width)
        return self.xp.asarray(packed), self.xp.asarray(sums)

    @cached_property
    def _rows(self) -> tuple[Any, Any]:
        rows, there = magnitude_rows([mag for mag, _ in self._curves], self._width, ENTROPY_CELLS[1])
        return self.xp.asarray(rows), self.xp.asarray(there)


def host(values: Any) -> np.ndarray:
    """Return an array of NumPy, wherever it was."""
    return values.get() if hasattr(values, "get") else values
