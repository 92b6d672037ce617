"""The period search of one star: screens, peaks, and the decision among all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from scope.kernels.aov import aov
from scope.kernels.moments import mean_and_std
from scope.periods import sharing, two_stage
from scope.periods.accelerator import Accelerator
from scope.periods.aliases import alias_frequencies, best_alias, crowding, window_peaks
from scope.periods.decide import SMOOTH, Judgement, judge, merit, widen
from scope.periods.grid import MAX_FREQ, SAMPLES_PER_PEAK, FrequencyGrid, terrestrial
from scope.periods.screens import screen
from scope.periods.series import Series
from scope.periods.significance import false_alarm
from scope.periods.spectrum import Spectrum

NESTED = "ELS_ECE_EAOV"
"""Name of the decided period: peaks of all three screens, judged together."""

_ALIASES = {"LS_CE_AOV": NESTED}
_SCREENED = 20  # peaks of each screen that are judged, at least
MIN_CYCLES = 3.0
"""Fewer cycles than this are not called periodic: two seasons that differ make one or two of any length."""

_CROWDING_COST = 10.0  # of twice the log evidence


@dataclass(frozen=True)
class Options:
    """How periods are searched.

    Parameters
    ----------
    algorithms : tuple of str
        Any of LS, CE, AOV, FPW, BLS and MHF, with or without a leading E, and `NESTED`.
    samples_per_peak : int
        Steps in the width of a peak.
    max_freq : float
        Highest frequency [1/d].
    top_n : int
        Distinct peaks reported of each algorithm; more than 20 are also judged for the decision.
    remove_terrestrial : bool
        Leave the terrestrial bands out of the single screens; the decided period may lie anywhere, but where the star's
        points crowd into few phases it must explain the star clearly better than any other.
    compatible : bool
        Search as scope-ml does (:mod:`scope.periods.compatible`).
    max_fap : float
        Largest false-alarm probability of a periodic star.
    full : bool
        Fold at all frequencies, also where the screen of the first stage (:mod:`scope.periods.two_stage`) is low.
    device : str
        What computes the periodograms of a table: ``cpu`` or ``cuda`` (:func:`scope.periods.device.open_device`).
    """

    algorithms: tuple[str, ...] = ("ELS", "ECE", "EAOV", NESTED)
    samples_per_peak: int = SAMPLES_PER_PEAK
    max_freq: float = MAX_FREQ
    top_n: int = 10
    remove_terrestrial: bool = False
    compatible: bool = False
    max_fap: float = 0.01
    full: bool = False
    device: str = "cpu"

    def recorded(self) -> dict[str, Any]:
        """Return the values by name for a record; the processor, which is always there, is not named."""
        return {name: value for name, value in asdict(self).items() if (name, value) != ("device", "cpu")}


@dataclass(frozen=True)
class Answer:
    """What one algorithm says.

    Parameters
    ----------
    periods : ndarray of float64, (m,)
        Distinct periods, the best first [d].
    significance : ndarray of float64, (m,)
        Of a screen: ``|power - mean| / std`` of the whole periodogram.  Of the decision: the F ratio of the
        analysis of variance over 20 phase bins.
    """

    periods: np.ndarray
    significance: np.ndarray

    @property
    def period(self) -> float:
        """Return the best period [d]."""
        return float(self.periods[0])


@dataclass(frozen=True)
class Periods:
    """The answers of all algorithms to one star.

    Parameters
    ----------
    answers : dict of str to Answer
        By the name asked for.
    merit : float
        Twice the log evidence of the decided period against a constant star; NaN if none was decided.
    trend : float
        The same of a smooth curve that does not repeat in the baseline: a star whose `merit` does not exceed
        this varies, but not periodically.
    fap : float
        Probability that shuffled magnitudes look as periodic (:mod:`scope.periods.significance`).
    max_fap : float
        Largest one of a periodic star.
    alias : float
        The best period that the star's own sampling makes an alias of the decided one [d]; NaN without any.
    alias_merit : float
        Its merit: the closer to `merit`, the less sure is which of the two it is.
    cycles : float
        Times that the decided period fits into the baseline.
    """

    answers: dict[str, Answer]
    merit: float
    trend: float
    fap: float = np.nan
    max_fap: float = 0.01
    alias: float = np.nan
    alias_merit: float = np.nan
    cycles: float = np.inf

    @property
    def periodic(self) -> bool:
        """Tell whether the decided period is significant (`fap`), beats a trend and was seen `MIN_CYCLES` times."""
        return self.fap <= self.max_fap and self.merit > self.trend and self.cycles >= MIN_CYCLES


def canonical(names: Sequence[str]) -> tuple[str, ...]:
    """Return checked algorithm names; LS_CE_AOV is called `NESTED`, as in the files of the predecessor.

    Raises
    ------
    ValueError
        When a name is unknown.
    """
    out = []
    for name in names:
        plain = _ALIASES.get(name, name)
        if plain != NESTED:
            screen(plain)
        out.append(plain)
    return tuple(dict.fromkeys(out))


def find_periods(series: Series, options: Options = Options()) -> Periods:
    """Search the periods of one star.

    Parameters
    ----------
    series : Series
        The star.
    options : Options
        What is searched and how.

    Returns
    -------
    Periods

    Raises
    ------
    ValueError
        When the star has no two points apart in time, or an algorithm is unknown.
    """
    ((_, found),) = find_many([series], options)
    return found


def find_many(
    stars: Sequence[Series], options: Options = Options(), accelerator: Accelerator | None = None
) -> Iterator[tuple[int, Periods]]:
    """Search the periods of many stars; those that share exposures cost less together, and are found the same.

    Parameters
    ----------
    stars : sequence of Series
        In any order.
    options : Options
        What is searched and how.
    accelerator : Accelerator, optional
        Computes the periodograms; without it, this machine's processor does.

    Yields
    ------
    int, Periods
        Index of a star and what was found, in any order.

    Raises
    ------
    ValueError
        As :func:`find_periods`.
    """
    names = canonical(options.algorithms)
    if any(not star.baseline > 0 for star in stars):
        raise ValueError("all points have one time: there is no period to search")
    grids = [
        FrequencyGrid.of(star.baseline, samples_per_peak=options.samples_per_peak, max_freq=options.max_freq)
        for star in stars
    ]
    staged = [
        k for k, (star, grid) in enumerate(zip(stars, grids, strict=True))
        if NESTED in names and not options.full and grid.size >= two_stage.LEAST and sharing.can_be_screened(star)
    ]  # fmt: skip
    others = sorted(set(range(len(stars))) - set(staged))
    compute = _here if accelerator is None else partial(_there, accelerator)
    for k, known in compute(stars, grids, names, options, others, staged):
        yield k, _search(stars[k], grids[k], names, options, known)


def _here(
    stars: Sequence[Series], grids: Sequence[FrequencyGrid], names: Sequence[str], options: Options,
    others: Sequence[int], staged: Sequence[int],
) -> Iterator[tuple[int, dict[str, Spectrum]]]:  # fmt: skip
    """Yield stars and those periodograms that are not computed one by one."""
    for k in others:
        yield k, {}
    for n, screened in sharing.screens([stars[k] for k in staged], options.max_freq):
        k = staged[n]
        yield k, two_stage.spectra(stars[k], grids[k], screened)


def _there(
    accelerator: Accelerator, stars: Sequence[Series], grids: Sequence[FrequencyGrid], names: Sequence[str],
    options: Options, others: Sequence[int], staged: Sequence[int],
) -> Iterator[tuple[int, dict[str, Spectrum]]]:  # fmt: skip
    """Yield stars and all their periodograms."""
    needed = dict.fromkeys(screen(name).name for name in _screens(names))
    more = [name for name in needed if name not in two_stage.SCREENED]
    found: dict[int, dict[str, Spectrum]] = {}
    for rows, wanted in ((others, list(needed)), (staged, more)):
        for n, known in accelerator.whole([stars[k] for k in rows], [grids[k] for k in rows], wanted, _peaks(options)):
            found[rows[n]] = known
    yield from ((k, found[k]) for k in others)
    for n, known in accelerator.staged([stars[k] for k in staged], [grids[k] for k in staged], options.max_freq):
        yield staged[n], known | found.get(staged[n], {})


def _screens(names: Sequence[str]) -> list[str]:
    """Return the single algorithms asked for, and those that the decision needs."""
    nested = [name for name in ("ELS", "ECE", "EAOV") if NESTED in names]
    return list(dict.fromkeys([*(name for name in names if name != NESTED), *nested]))


def _peaks(options: Options) -> int:
    """Return how many distinct peaks of a periodogram are looked at."""
    return max(4 * options.top_n, _SCREENED)


def _search(
    series: Series, grid: FrequencyGrid, names: Sequence[str], options: Options, known: dict[str, Spectrum]
) -> Periods:
    """Search one star; `known` are the periodograms of a screen's name that need not be computed."""
    answers, candidates = _screen_all(series, grid, names, options, known)
    if NESTED not in names:
        return Periods(answers, np.nan, np.nan)
    judged, alias = _decide(series, candidates, options)
    top = judged.frequencies[: options.top_n]
    answers[NESTED] = Answer(1 / top, _f_ratio(series, top))
    best, value = float(judged.frequencies[0]), float(judged.merit[0])
    period, other = (
        (np.nan, np.nan) if alias is None else (1 / float(judged.frequencies[alias]), float(judged.merit[alias]))
    )
    return Periods(
        {name: answers[name] for name in names}, value, _trend(series), false_alarm(series, best, value),
        options.max_fap, period, other, best * series.baseline,
    )  # fmt: skip


def _screen_all(
    series: Series, grid: FrequencyGrid, names: Sequence[str], options: Options, known: dict[str, Spectrum]
) -> tuple[dict[str, Answer], list[np.ndarray]]:
    """Return the answers of the single algorithms, and the candidates of each screen for the decision."""
    found: dict[str, Answer] = {}
    answers, candidates = {}, []
    for name in _screens(names):
        chosen = screen(name)
        if chosen.name not in found:
            spectrum = known.get(chosen.name) or _whole(chosen.power(series.merged, grid))
            found[chosen.name], peaks = _answer(spectrum, grid, options)
            candidates.append(peaks[: max(_SCREENED, options.top_n)])
        if name in names:
            answers[name] = found[chosen.name]
    return answers, candidates


def _whole(power: np.ndarray) -> Spectrum:
    return Spectrum(np.arange(len(power)), power, *mean_and_std(power))


def _answer(spectrum: Spectrum, grid: FrequencyGrid, options: Options) -> tuple[Answer, np.ndarray]:
    """Return the distinct peaks of a screen with their significance, and the frequencies of all of them [1/d]."""
    every, power = spectrum.peaks(_peaks(options), options.samples_per_peak)
    frequencies = grid.fmin + grid.df * every
    kept = ~terrestrial(frequencies) if options.remove_terrestrial else np.ones(len(every), bool)
    tops = (np.flatnonzero(kept) if kept.any() else np.arange(len(every)))[: options.top_n]
    spread = np.abs(power[tops] - spectrum.mean) / spectrum.std if spectrum.std > 0 else np.zeros(len(tops))
    return Answer(1 / (grid.fmin + grid.df * every[tops]), spread.astype(np.float64)), frequencies


def _decide(series: Series, candidates: Sequence[np.ndarray], options: Options) -> tuple[Judgement, int | None]:
    """Return all candidates in falling order of merit, and which of them is the best alias of the first."""
    # Interleaved, so that the first ones are the best of every screen.
    longest = max(len(c) for c in candidates)
    pool = [c[k] for k in range(longest) for c in candidates if k < len(c)]
    fmin, fmax = 1.5 / series.baseline, options.max_freq
    judged, peaks = judge(series, np.array(pool), fmin=fmin, fmax=fmax), window_peaks(series.merged)
    judged = widen(series, judged, alias_frequencies(float(judged.frequencies[0]), peaks, fmin, fmax))
    if options.remove_terrestrial:
        cost = _CROWDING_COST * crowding(series.merged, judged.frequencies)
        order = np.argsort(-(judged.merit - cost), kind="stable")
        judged = Judgement(judged.frequencies[order], judged.merit[order])
    return judged, best_alias(judged.frequencies, peaks, 1.0 / series.baseline)


def _f_ratio(series: Series, frequencies: np.ndarray, bins: int = 20) -> np.ndarray:
    band = series.merged
    share = np.array([aov(band.t, band.mag, band.weight, f, 0.0, 1, bins)[0] for f in frequencies], np.float64)
    return share / np.maximum(1 - share, 1e-12) * max(len(band.t) - bins, 1) / (bins - 1)


def _trend(series: Series) -> float:
    """Return twice the log evidence of a smooth curve that closes in twice the baseline."""
    frequency = 0.5 / series.baseline
    return float(merit(series, np.array([frequency]), SMOOTH)[0] - 2 * np.log(frequency))
