"""Periodograms of many stars at once on a GPU; what is decided from them is decided on the CPU.

A device gives what costs most of a search: the screen of all frequencies with its highest peaks, and folds.  Phases are
the CPU's, bit by bit, so that points fall into the same bins; entropies and analyses of variance are the CPU's within
the last bits of float32, and Lomb-Scargle and harmonics within some 1e-5.  Only peaks come back: periodograms stay
where they are.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scope.kernels.batched import plain
from scope.kernels.batched.peaks import add_harmonics_batch, maxima_batch, peaks_batch
from scope.kernels.batched.screen import rotations, scalars_of, screen_blocks
from scope.kernels.phases import RESEED
from scope.kernels.plain import PHASE_BINS, VALUE_BINS
from scope.kernels.shared_exposures import BLOCK, FINE
from scope.periods import two_stage
from scope.periods.grid import FrequencyGrid
from scope.periods.peaks import CONSIDERED
from scope.periods.screens import phase_bins
from scope.periods.series import Series
from scope.periods.sharing import SAMPLES, Shared, together
from scope.periods.spectrum import Spectrum
from scope.periods.stars import Stars, host

CURVES = 512
"""Most stars of a batch."""

Known = dict[str, Spectrum]


@dataclass(eq=False)
class Accelerator:
    """A device that computes periodograms.

    Parameters
    ----------
    library : module
        ``cupy``; ``numpy`` gives the same numbers.
    room : int
        Points times frequencies at a time, and stars times frequencies: there must be memory for some 70 bytes each.
    """

    library: Any
    room: int = 2**25
    _turn: Any = field(default_factory=threading.Lock, repr=False)

    def staged(
        self, stars: Sequence[Series], grids: Sequence[FrequencyGrid], max_freq: float
    ) -> Iterator[tuple[int, Known]]:
        """Search stars in two stages (:func:`scope.periods.two_stage.spectra`).

        Yields
        ------
        int, dict of str to Spectrum
            Index of a star, and LS, CE and AOV where they can be high.
        """
        for batch in together(stars, max_freq, curves=CURVES, powers=self.room):
            own, their = [stars[k] for k in batch.rows], [grids[k] for k in batch.rows]
            with self._turn:
                places, moments = self._screened(batch, their)
                powers = self._folded(own, their, places)
            for row, k in enumerate(batch.rows):
                lines, folds = powers[row]
                yield k, two_stage.as_spectra(grids[k], places[row], lines, moments[row], folds)

    def whole(
        self, stars: Sequence[Series], grids: Sequence[FrequencyGrid], names: Sequence[str], count: int
    ) -> Iterator[tuple[int, Known]]:
        """Compute periodograms at all frequencies, and return their highest peaks.

        Parameters
        ----------
        stars, grids
            Stars and their grids.
        names : sequence of str
            Of :data:`scope.periods.screens.SCREENS`.
        count : int
            Distinct peaks that will be asked for.

        Yields
        ------
        int, dict of str to Spectrum
            Index of a star, and the periodograms around their highest maxima.
        """
        for rows in _alike(stars, [grid.size for grid in grids], self.room) if names else ():
            with self._turn:
                some = self._stars(stars, grids, rows)
                sizes = [grids[k].size for k in rows]
                found = {name: self._maxima(some.everywhere(name), sizes, CONSIDERED * count) for name in names}
            for row, k in enumerate(rows):
                yield k, {name: spectra[row] for name, spectra in found.items()}

    def plain(self, name: str, t: np.ndarray, y: np.ndarray, weight: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
        """Return a periodogram of the compatible search (:mod:`scope.kernels.plain`), the higher the better."""
        xp, bins = self.library, PHASE_BINS
        out = np.empty(len(frequencies))
        step = max(self.room // max(len(t), 256), 1)
        with self._turn:
            times, values, weights = xp.asarray(t), xp.asarray(y), xp.asarray(weight)
            for first in range(0, len(frequencies), step):
                some = xp.asarray(frequencies[first : first + step])
                if name == "LS":
                    power = plain.plain_lomb_scargle_batch(xp, times, values, some)
                elif name == "CE":
                    power = -plain.plain_entropy_batch(xp, times, values, some, bins, VALUE_BINS)
                elif name == "AOV":
                    power = plain.plain_aov_batch(xp, times, values, some, bins)
                else:
                    power = plain.plain_phase_weights_batch(xp, times, values, weights, some, bins)
                out[first : first + step] = host(power)
        return out

    def _stars(self, stars: Sequence[Series], grids: Sequence[FrequencyGrid], rows: Sequence[int]) -> Stars:
        bins = phase_bins(stars[rows[0]].merged)
        return Stars(self.library, [stars[k] for k in rows], [grids[k] for k in rows], bins, self.room)

    def _screened(
        self, batch: Shared, grids: Sequence[FrequencyGrid]
    ) -> tuple[list[two_stage.Places], list[tuple[float, float]]]:
        """Return where the stars of a batch are folded, and mean and scatter of their screens."""
        power = self._screen(batch)
        wanted = [two_stage.most_peaks(grid) for grid in grids]
        tops: list[dict[int, np.ndarray]] = [{} for _ in grids]
        for chain in two_stage.SUMS:
            total, known = power.copy(), 1
            for harmonics in chain:
                if harmonics > known:
                    add_harmonics_batch(self.library, power, known, harmonics, total)
                if harmonics not in tops[0]:
                    first = 2 * SAMPLES * harmonics
                    places, there = map(host, peaks_batch(self.library, total, first, SAMPLES - 1, max(wanted)))
                    for row, own in enumerate(tops):
                        peaks = places[row, : wanted[row]][there[row, : wanted[row]]]
                        own[harmonics] = peaks * (batch.df / harmonics)
                known = harmonics
        moments = _moments(self.library, power[:, 2 * SAMPLES :], power.shape[1] - 2 * SAMPLES)
        return [two_stage.Places.of(grid, own) for grid, own in zip(grids, tops, strict=True)], moments

    def _screen(self, batch: Shared) -> Any:
        """Return the power of a batch at all frequencies of its screen."""
        xp = self.library
        blocks = -(-batch.size // BLOCK)
        t, weights, products = (xp.asarray(values) for values in (batch.t, batch.weights, batch.products))
        scalars = xp.asarray(scalars_of(batch.weights, batch.products, batch.scales))
        fine = xp.asarray(rotations(batch.t, batch.df, FINE + 1))
        step = max(self.room // (max(len(batch.t), len(batch.rows)) * BLOCK), 1)
        power = xp.zeros((len(batch.rows), blocks * BLOCK), np.float32)
        for first in range(0, blocks, step):
            count = min(step, blocks - first)
            some = screen_blocks(xp, t, weights, products, scalars, fine, batch.df, first, count)
            power[:, first * BLOCK : (first + count) * BLOCK] = some
        return power[:, : batch.size]

    def _folded(
        self, stars: Sequence[Series], grids: Sequence[FrequencyGrid], places: Sequence[two_stage.Places]
    ) -> dict[int, tuple[np.ndarray, dict[str, tuple[np.ndarray, np.ndarray]]]]:
        """Return the lines of each star, and its folds: CE and AOV at peaks and elsewhere."""
        out: dict[int, tuple[np.ndarray, dict[str, tuple[np.ndarray, np.ndarray]]]] = {}
        for rows in _alike(stars, [len(own.folded) + len(own.others) for own in places], self.room):
            some = self._stars(stars, grids, rows)
            lines = some.at(["LS"], [[places[k].lines] for k in rows])["LS"]
            folds = some.at(["CE", "AOV"], [[places[k].folded, places[k].others] for k in rows])
            for row, k in enumerate(rows):
                out[k] = lines[row][0], {name: (fold[row][0], fold[row][1]) for name, fold in folds.items()}
        return out

    def _maxima(self, power: Any, sizes: Sequence[int], count: int) -> list[Spectrum]:
        """Return the highest local maxima of each periodogram with the samples beside them."""
        xp, numbers = self.library, self.library.asarray(np.array(sizes))
        inside = xp.arange(power.shape[1]) < numbers[:, None]
        best = host(xp.where(inside, power, -np.inf).argmax(1))
        places, there = map(host, maxima_batch(xp, power, numbers, count))
        around = [
            np.unique(row[good, None] + np.arange(-1, 2)) if good.any() else best[k : k + 1]
            for k, (row, good) in enumerate(zip(places, there, strict=True))
        ]
        most = max(map(len, around))
        samples = np.stack([np.pad(some, (0, most - len(some)), "edge") for some in around])
        values = host(xp.take_along_axis(power, xp.asarray(samples), 1))
        moments = _moments(xp, power, numbers)
        return [Spectrum(some, values[k, : len(some)], *moments[k]) for k, some in enumerate(around)]


def _alike(stars: Sequence[Series], lengths: Sequence[int], room: int) -> Iterator[list[int]]:
    """Yield batches of stars with the same phase bins and about as many points.

    There is room for the periodograms of a batch, whose lengths are given, and for its points at `RESEED` frequencies.
    """
    sizes = [len(star.merged.t) for star in stars]
    bins = [phase_bins(star.merged) for star in stars]
    batch: list[int] = []
    for k in sorted(range(len(stars)), key=lambda k: (bins[k], sizes[k], lengths[k])):
        longest = max(lengths[j] for j in [*batch, k])
        full = (len(batch) + 1) * max(sizes[k] * RESEED, longest) > room
        if batch and (bins[k] != bins[batch[0]] or len(batch) == CURVES or full):
            yield batch
            batch = []
        batch.append(k)
    if batch:
        yield batch


def _moments(xp: Any, power: Any, sizes: Any) -> list[tuple[float, float]]:
    """Return mean and scatter of each row up to its size (:func:`scope.kernels.moments.mean_and_std`)."""
    counts = xp.asarray(sizes).reshape(-1)
    first = power[:, :1].astype(np.float64)
    apart = xp.where(xp.arange(power.shape[1]) < counts[:, None], power - first, 0.0)
    mean, square = apart.sum(1) / counts, (apart * apart).sum(1) / counts
    std = xp.sqrt(xp.maximum(square - mean * mean, 0.0))
    return list(zip(host(mean + first[:, 0]).tolist(), host(std).tolist(), strict=True))
