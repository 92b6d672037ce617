"""The search as scope-ml does it, in float64: for tables that must continue older ones.

One grid for all light curves of a run, from their longest baseline; terrestrial bands are cut out of it; each filter
alone; magnitudes scaled to [0, 1].  A single algorithm's period is its best sample, the top ones are the best samples
of equal chunks of frequency.  The nested period is the sample with the largest analysis of variance among the best
samples of Lomb-Scargle and conditional entropy, which often are neighbours: that is why it is not the default.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scope.kernels.plain import (
    PHASE_BINS,
    VALUE_BINS,
    plain_aov,
    plain_entropy,
    plain_lomb_scargle,
    plain_phase_weights,
)
from scope.periods.accelerator import Accelerator
from scope.periods.grid import terrestrial
from scope.periods.search import NESTED, Answer, Options, Periods

ALGORITHMS = ("LS", "CE", "AOV", "FPW")
"""Those that there are, with and without a leading E."""

_CHUNKS = 3


@dataclass(frozen=True)
class CommonGrid:
    """The frequencies of all light curves of a run.

    Parameters
    ----------
    frequencies : ndarray of float64, (m,)
        Ascending [1/d]; with gaps where terrestrial bands are cut out.
    """

    frequencies: np.ndarray

    @classmethod
    def of(cls, baseline: float, options: Options) -> CommonGrid:
        """Return the grid for the longest baseline [d] of a run."""
        fmin, df = 2.0 / baseline, 1.0 / (options.samples_per_peak * baseline)
        if options.max_freq <= fmin:
            raise ValueError(f"the highest frequency, {options.max_freq:g} / d, is below two cycles in {baseline:g} d")
        found = fmin + df * np.arange(int(np.ceil((options.max_freq - fmin) / df)))
        return cls(found[~terrestrial(found)] if options.remove_terrestrial else found)


def check(algorithms: tuple[str, ...]) -> None:
    """Refuse algorithms that scope-ml has not.

    Raises
    ------
    ValueError
        Naming them.
    """
    strange = [name for name in algorithms if name != NESTED and _plain(name) not in ALGORITHMS]
    if strange:
        raise ValueError(f"the compatible search has {', '.join(ALGORITHMS)} and {NESTED}, not {', '.join(strange)}")


def find_compatible(
    t: np.ndarray, mag: np.ndarray, err: np.ndarray, grid: CommonGrid, options: Options,
    accelerator: Accelerator | None = None,
) -> Periods:  # fmt: skip
    """Search the periods of one light curve.

    Parameters
    ----------
    t, mag, err : ndarray of float64, (n,)
        Times since the first [d], magnitudes and errors.
    grid : CommonGrid
        Frequencies.
    options : Options
        Algorithms and how many top periods.
    accelerator : Accelerator, optional
        Computes the periodograms.

    Returns
    -------
    Periods
        Significance: ``|best - mean| / std`` of the whole periodogram; of the nested period its F ratio.
    """
    check(options.algorithms)
    low, high = mag.min(), mag.max()
    y = (mag - low) / (high - low) if high > low else np.zeros(len(mag))
    weight = ((high - low) / err) ** 2 if high > low else 1 / err**2
    singles = [name for name in options.algorithms if name != NESTED]
    needed = dict.fromkeys([_plain(n) for n in singles] + (["LS", "CE", "AOV"] if NESTED in options.algorithms else []))
    power = _power if accelerator is None else accelerator.plain
    centred = {"LS": y - y.mean(), "FPW": y - np.average(y, weights=weight)}
    powers = {name: power(name, t, centred.get(name, y), weight, grid.frequencies) for name in needed}
    answers = {name: _answer(powers[_plain(name)], grid.frequencies, options.top_n) for name in singles}
    if NESTED in options.algorithms:
        answers[NESTED] = _nested(powers, grid.frequencies, options.top_n)
    return Periods({name: answers[name] for name in options.algorithms}, np.nan, np.nan)


def _plain(name: str) -> str:
    return name.removeprefix("E")


def _power(name: str, t: np.ndarray, y: np.ndarray, weight: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """Return a periodogram whose largest value is the best."""
    if name == "LS":
        return plain_lomb_scargle(t, y, frequencies)
    if name == "CE":
        return -plain_entropy(t, y, frequencies, PHASE_BINS, VALUE_BINS)
    if name == "AOV":
        return plain_aov(t, y, frequencies, PHASE_BINS)
    return plain_phase_weights(t, y, weight, frequencies, PHASE_BINS)


def _answer(power: np.ndarray, frequencies: np.ndarray, count: int) -> Answer:
    """Return the best samples of equal chunks, the best first."""
    mean, std = power.mean(), power.std()
    size = len(power) // (_CHUNKS * count)
    if size < 1 or count == 1:
        best = np.argsort(-power, kind="stable")[:count]
    else:
        starts = size * np.arange(_CHUNKS * count)
        ends = np.append(starts[1:], len(power))
        tops = np.array([a + int(power[a:b].argmax()) for a, b in zip(starts, ends, strict=True)])
        best = tops[np.argsort(-power[tops], kind="stable")][:count]
    significance = np.abs(power[best] - mean) / std if std > 0 else np.zeros(len(best))
    return Answer(1 / frequencies[best], significance)


def _nested(powers: dict[str, np.ndarray], frequencies: np.ndarray, count: int) -> Answer:
    best = [np.argsort(-powers[name], kind="stable")[:count] for name in ("LS", "CE")]
    union = np.unique(np.concatenate(best))
    order = union[np.argsort(-powers["AOV"][union], kind="stable")]
    return Answer(1 / frequencies[order], powers["AOV"][order])
