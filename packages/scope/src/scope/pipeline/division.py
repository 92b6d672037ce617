"""How the stars of a quadrant are divided into blocks: by what they cost to measure.

The division depends on the light curves and the options alone, never on the machine or on how many work at it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scope.features.assembly import Recipe
from scope.periods.search import NESTED

SECONDS = 20.0
"""What a block should take at most on one core; one star cannot be divided."""

MOST_SOURCES = 1000
"""Light curves in a block."""

MOST_POINTS = 250_000
"""Points in a block, all of which go to the process that measures it."""

# The most that was measured on one core, in ns for each frequency and point, with 100 points added to those of a light
# curve for what a frequency costs without any.
_NANOSECONDS, _OTHER = {"BLS": 13.0, "MHF": 2.2}, 0.7
_COMPATIBLE, _OTHER_COMPATIBLE = {"LS": 26.0}, 3.0
_PER_SOURCE = 0.05  # all features that need no search [s]


def seconds(counts: np.ndarray, spans: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Return what light curves take at most on one core.

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
    options = recipe.periods
    if options is None:
        return np.full(len(counts), _PER_SOURCE)
    known, other = (_COMPATIBLE, _OTHER_COMPATIBLE) if options.compatible else (_NANOSECONDS, _OTHER)
    screens = {name.removeprefix("E") for name in options.algorithms if name != NESTED}
    screens |= {"LS", "CE", "AOV"} if NESTED in options.algorithms else set()
    cost = sum(known.get(name, other) for name in sorted(screens))
    return _PER_SOURCE + 1e-9 * cost * options.samples_per_peak * options.max_freq * spans * (counts + 100)


def divided(stars: Sequence[np.ndarray], counts: np.ndarray, cost: np.ndarray, most: int = MOST_SOURCES) -> list[int]:
    """Return where each block ends in a list of stars; none has more than `SECONDS`, `MOST_POINTS` or `most`.

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
    limits = np.array([SECONDS, MOST_POINTS, most])
    for k, star in enumerate(stars):
        more = np.array([cost[star].sum(), counts[star].sum(), len(star)])
        if block[2] and (block + more > limits).any():
            ends.append(k)
            block = np.zeros(3)
        block = block + more
    return [*ends, len(stars)] if len(stars) else []
