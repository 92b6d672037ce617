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

    def at(self, names: Sequence[str], indices: Sequence[Sequence[np.ndarray]]) -> dict[str, list[list[np.ndarray]]]:
        """Return some periodograms at some samples of each star's grid.

        Parameters
        ----------
        names : sequence of str
            Of the periodograms.
        indices : sequence of sequence of ndarray of int64
            For each star some lists of samples, ascending.

        Returns
        -------
        dict of str to list of list of ndarray of float32
            Power at those samples.
        """
        found = [_runs_of(lists) for lists in indices]
        most = max(len(which) for _, which, _ in found)
        out = {name: np.empty((len(found), most), np.float32) for name in names}
        for first in range(0, most, self._step):
            phases = self._phases(found, first, min(first + self._step, most))
            for name, power in out.items():
                power[:, first : first + self._step] = host(self._power(name, phases))
        ends = [np.cumsum([len(some) for some in lists]) for lists in indices]
        return {
            name: [np.split(row[: end[-1]], end[:-1]) for row, end in zip(power, ends, strict=True)]
            for name, power in out.items()
        }

    def _phases(self, found: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], first: int, last: int) -> Any:
        """Return the phases at samples `first` to ``last - 1`` of each star's list; a star without has any."""
        lows = [int(which[first]) if first < len(which) else 0 for _, which, _ in found]
        parts = [
            (which[first:last] - low, steps[first:last]) for (_, which, steps), low in zip(found, lows, strict=True)
        ]
        count = 1 + max(int(which[-1]) if len(which) else 0 for which, _ in parts)
        starts = np.zeros((len(found), count), np.int64)
        which, steps = np.zeros((len(found), last - first), np.int64), np.zeros((len(found), last - first), np.uint32)
        for row, ((begin, _, _), low, (own, ahead)) in enumerate(zip(found, lows, parts, strict=True)):
            begin = begin[low : low + count]
            starts[row, : len(begin)], which[row, : len(own)], steps[row, : len(own)] = begin, own, ahead
        moved = (self.xp.asarray(values) for values in (starts, which, steps))
        return phases_of(self.xp, self._t, self._fmin, self._df, *moved)

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


def _runs_of(lists: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the runs of some lists of samples, one after the other."""
    found = [runs(some) for some in lists]
    before = np.cumsum([0] + [len(starts) for starts, _, _ in found])
    which = [which + low for (_, which, _), low in zip(found, before, strict=False)]
    return (
        np.concatenate([starts for starts, _, _ in found]), np.concatenate(which),
        np.concatenate([steps for _, _, steps in found]),
    )  # fmt: skip


def host(values: Any) -> np.ndarray:
    """Return an array of NumPy, wherever it was."""
    return values.get() if hasattr(values, "get") else values
