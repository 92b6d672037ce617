"""How far the algorithms agree on a star's period.

Two periods match when one is within 5 % of 1, 1/2, 2, 1/3 or 3 times the other; shorter ones than 0.007 d are noise
and match nothing.  The columns and their meaning are those of scope-ml.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

RATIOS = np.array([1.0, 0.5, 2.0, 1 / 3, 3.0])
TOLERANCE = 0.05
SHORTEST = 0.007
"""Shorter periods are left out [d]."""


def matches(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Tell which periods of one list match which of another.

    Returns
    -------
    ndarray of bool, (len(one), len(other))
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = one[:, None, None] / (other[None, :, None] * RATIOS)
        usable = (one[:, None] >= SHORTEST) & (other[None, :] >= SHORTEST)
        return (np.abs(ratio - 1) < TOLERANCE).any(axis=2) & usable


def agreement(periods: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return the columns of agreement.

    Parameters
    ----------
    periods : mapping of str to ndarray of float64
        The best periods of each algorithm, the best first [d]; NaN where there are fewer.

    Returns
    -------
    dict of str to float
        `n_agree_pairs`: pairs of algorithms with any match; `n_total_pairs`: all pairs; `agree_score`: their ratio;
        `agree_strict`: the share of pairs whose best periods match; `agree_weighted`: the mean over pairs of the
        largest 1 / (rank x rank) of a match; `best_agree_period`: the first period that matches any, NaN if none
        does; `best_consensus_period`: the period with most votes (:func:`consensus`).
    """
    pairs = list(combinations(periods, 2))
    found = {pair: matches(periods[pair[0]], periods[pair[1]]) for pair in pairs}
    weights = [_weights(*hit.shape) for hit in found.values()]
    any_match = [hit.any() for hit in found.values()]
    first = next((periods[a][hit.any(axis=1)][0] for (a, _), hit in found.items() if hit.any()), np.nan)
    total = max(len(pairs), 1)
    return {
        "n_agree_pairs": int(sum(any_match)),
        "n_total_pairs": len(pairs),
        "agree_score": sum(any_match) / total,
        "agree_strict": sum(bool(hit[0, 0]) for hit in found.values()) / total,
        "agree_weighted": sum(float((hit * w).max()) for hit, w in zip(found.values(), weights, strict=True)) / total,
        "best_agree_period": float(first),
        "best_consensus_period": consensus(periods),
    }


def consensus(periods: Mapping[str, np.ndarray]) -> float:
    """Return the period with most votes.

    Each period gets 1 / (rank x rank) from every other algorithm for the first match there; periods that match an
    earlier one add to its votes.  NaN without a vote.
    """
    voted: list[float] = []
    votes: list[float] = []
    for name, mine in periods.items():
        for rank, period in enumerate(mine):
            if not period >= SHORTEST:
                continue
            one = np.array([period])
            hits = [matches(one, theirs)[0] for other, theirs in periods.items() if other != name]
            vote = sum(1 / ((rank + 1) * (int(hit.argmax()) + 1)) for hit in hits if hit.any())
            same = matches(one, np.array(voted))[0] if voted else np.zeros(0, bool)
            if same.any():
                votes[int(same.argmax())] += vote
            else:
                voted.append(float(period))
                votes.append(vote)
    return voted[int(np.argmax(votes))] if any(v > 0 for v in votes) else float("nan")


def _weights(rows: int, columns: int) -> np.ndarray:
    return 1 / np.outer(np.arange(1, rows + 1), np.arange(1, columns + 1))
