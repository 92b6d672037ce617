"""Scores of several trainings on one test set, over resampled test objects and resampled repeats."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["family_draws", "interval", "over_repeats", "resampled_scores"]

Array = npt.NDArray[Any]


def family_draws(families: Array, rounds: int, rng: np.random.Generator) -> Array:
    """Draw families with replacement, as often as there are: how many times each object is there.

    Parameters
    ----------
    families : ndarray, shape (n,)
        Objects of one family are drawn together.
    rounds : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float, shape (rounds, n)
        The first row is ones: the objects as they are.
    """
    _, member = np.unique(families, return_inverse=True)
    count = int(member.max()) + 1
    times = rng.multinomial(count, np.full(count, 1 / count), rounds - 1)
    return np.vstack([np.ones(len(member)), times[:, member]])


def resampled_scores(truth: Array, called: Array, draws: Array) -> dict[str, Array]:
    """MCC, F1 and accuracy of each training in each draw of the test objects.

    Parameters
    ----------
    truth : ndarray of bool, shape (n,)
    called : ndarray of bool, shape (trainings, n)
    draws : ndarray, shape (rounds, n)
        From `family_draws`.

    Returns
    -------
    dict of ndarray, shape (trainings, rounds)
        ``mcc``, ``f1``, ``accuracy``; as `otrain.kernels.scores.Counts`.
    """
    real, bogus = draws * truth, draws * ~truth
    tp, fp = (called.astype(float) @ part.T for part in (real, bogus))
    fn, tn = real.sum(axis=1) - tp, bogus.sum(axis=1) - fp
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    with np.errstate(invalid="ignore", divide="ignore"):
        f1 = 2 * tp / (2 * tp + fp + fn)
        mcc = np.where(product > 0, (tp * tn - fp * fn) / np.sqrt(product), 0.0)
    return {"mcc": mcc, "f1": f1, "accuracy": (tp + tn) / (tp + tn + fp + fn)}


def over_repeats(values: Array, rng: np.random.Generator) -> Array:
    """Mean over repeats that are resampled too; the first draw is of all repeats as they are.

    Parameters
    ----------
    values : ndarray, shape (repeats, rounds)
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (rounds,)
        With one repeat nothing of its scatter is known, and only that of the test objects is left.
    """
    repeats, rounds = values.shape
    times = rng.multinomial(repeats, np.full(repeats, 1 / repeats), rounds).T / repeats
    times[:, 0] = 1 / repeats
    return (times * values).sum(axis=0)


def interval(values: Array) -> tuple[float, float]:
    """Return the 2.5 and 97.5 percentiles of those that are known."""
    known = values[~np.isnan(values)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)
