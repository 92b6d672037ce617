"""How the stars of a quadrant are divided into blocks: by what they cost to measure.

The division depends on the light curves and the options alone, never on the machine or on how many work at it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scope.features.assembly import Recipe
from scope.periods.search import NESTED
from scope.periods.sharing import SAMPLES
from scope.periods.two_stage import LEAST, SCREENED

SECONDS = 20.0
"""What a block should take on one core; one star cannot be divided."""

_SHARES, _LEAST = 8, 1.0  # blocks that a quadrant is divided into at least, if they take as long as this [s]

MOST_SOURCES = 1000
"""Light curves in a block."""

MOST_POINTS = 250_000
"""Points in a block, all of which go to the process that measures it."""

# What was measured on one core (benchmarks/bench_division.py), in ns for each frequency and point, with 100 points
# added to those of a light curve for what a frequency costs without any.
_NANOSECONDS, _OTHER = {"LS": 0.4, "BLS": 13.0, "MHF": 2.2}, 0.7
_COMPATIBLE, _OTHER_COMPATIBLE = {"LS": 26.0}, 3.0
# Of a search in two stages, for each frequency of the screen: half of it where stars share exposures, twice where none
# does, which is not known beforehand.
_SCREEN = 0.85
_DECISION, _DECISION_POINT = 0.02, 4e-5  # [s], and for each point
_PER_SOURCE, _PER_EXTRA = 0.002, 0.05  # all features that need no search, and those of libraries and fits [s]
_CARD = 20  # times as fast a GPU is taken to be at periodograms; a guess


def seconds(counts: np.ndarray, spans: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Return what light curves take on one core, beside a GPU if the recipe asks for one.

    Parameters
    ----------
    counts : ndarray of int, (n,)
        Points of each.
    spans : ndarray of float64, (n,)
        Their baselines [d].
    recipe : Recipe
        What is measured.

    Returns
    -------
    ndarray of float64, (n,)
        [s].
    """
    others = np.full(len(counts), _PER_EXTRA if recipe.cesium or recipe.extras else _PER_SOURCE)
    options = recipe.periods
    if options is None:
        return others
    known, other = (_COMPATIBLE, _OTHER_COMPATIBLE) if options.compatible else (_NANOSECONDS, _OTHER)
    screens = {name.removeprefix("E") for name in options.algorithms if name != NESTED}
    decided = NESTED in options.algorithms
    sizes = options.samples_per_peak * options.max_freq * spans
    staged = (sizes >= LEAST) & decided & (not options.full) & (not options.compatible)
    everywhere = sum(known.get(name, other) for name in sorted(screens | (set(SCREENED) if decided else set())))
    beside = sum(known.get(name, other) for name in sorted(screens - set(SCREENED)))
    screen = _SCREEN * SAMPLES * options.max_freq * spans * counts
    nanoseconds = np.where(staged, beside, everywhere) * sizes * (counts + 100) + np.where(staged, screen, 0.0)
    nanoseconds /= _CARD if options.device == "cuda" else 1
    decision = _DECISION + _DECISION_POINT * counts if decided and not options.compatible else 0.0
    return others + decision + 1e-9 * nanoseconds


def divided(stars: Sequence[np.ndarray], counts: np.ndarray, cost: np.ndarray, most: int = MOST_SOURCES) -> list[int]:
    """Return where each block ends in a list of stars; none has more than `SECONDS`, `MOST_POINTS` or `most`.

    A quadrant of little work is divided too, so that several processes share it.

    Parameters
    ----------
    stars : sequence of ndarray of int
        Rows of each star.
    counts : ndarray of int
        Points of each row.
    cost : ndarray of float64
        What each row takes (:func:`seconds`).
    most : int
        Rows in a block. A star of more than all that is a block of its own.
    """
    ends: list[int] = []
    block = np.zeros(3)
    limits = np.array([min(SECONDS, max(cost.sum() / _SHARES, _LEAST)), MOST_POINTS, most])
    for k, star in enumerate(stars):
        more = np.array([cost[star].sum(), counts[star].sum(), len(star)])
        if block[2] and (block + more > limits).any():
            ends.append(k)
            block = np.zeros(3)
        block = block + more
    return [*ends, len(stars)] if len(stars) else []
