"""Plots of trainings on parts of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from otrain.figures.canvas import figure
from otrain.kernels.learning_curve import power_law
from otrain.kernels.resampling import interval

if TYPE_CHECKING:
    from astropy.table import Table
    from matplotlib.figure import Figure

__all__ = ["NAMES", "Resampled", "plots"]


@dataclass(frozen=True)
class Resampled:
    """Mean scores by size, in resampled test objects and repeats.

    Attributes
    ----------
    size : ndarray of int, shape (k,)
        Increasing.
    scores : dict of ndarray, shape (k, rounds)
        ``mcc``, ``f1``, ``accuracy``; the first round is of what was measured.
    """

    size: np.ndarray
    scores: dict[str, np.ndarray]


NAMES = ("scores_dataset_size.png", "ecart_accuracy_size.png", "loss_dataset_size.png")


def plots(rows: Table, found: Resampled, laws: Sequence[tuple[float, float, float]]) -> tuple[Figure, Figure, Figure]:
    """Return the figures of `NAMES`.

    Points are the means of the repeats; bars of the scores are 95 % intervals, of the other values they go from the
    lowest to the highest.

    Parameters
    ----------
    rows : Table
        A training each: size, mcc, f1, accuracy, train_accuracy, loss, train_loss.
    found : Resampled
    laws : sequence of tuple of float
        Fitted curves of the MCC.
    """
    scores, gap, loss = (figure(6.8, 4.6) for _ in range(3))
    axis = scores.subplots()
    for name, label in (("mcc", "MCC"), ("f1", "F1"), ("accuracy", "accuracy")):
        values = found.scores[name]
        low, high = np.array([interval(one) for one in values]).T
        mean = values[:, 0]
        axis.errorbar(
            found.size,
            mean,
            yerr=np.maximum([mean - low, high - mean], 0),
            fmt="o-",
            ms=4,
            capsize=2,
            lw=1,
            label=label,
        )
    for law in laws:
        n = np.linspace(min(found.size), 2 * max(found.size), 200)
        axis.plot(n, power_law(n, law), "k--", lw=1, label="fitted MCC")
    axis.set(
        xlabel="cut-outs learned from", ylabel="score on the same held-back cut-outs (95 %)", title="Scores by size"
    )
    axis.legend(fontsize=8)
    axis = gap.subplots()
    _bars(axis, rows, np.asarray(rows["train_accuracy"], float) - np.asarray(rows["accuracy"], float), "difference")
    axis.axhline(0, color="0.6", lw=0.8)
    axis.set(xlabel="cut-outs learned from", ylabel="accuracy learned - held back", title="Gap of the accuracy by size")
    axis = loss.subplots()
    _bars(axis, rows, np.asarray(rows["train_loss"], float), "learned")
    _bars(axis, rows, np.asarray(rows["loss"], float), "held back")
    axis.set(xlabel="cut-outs learned from", ylabel="cross-entropy", title="Loss by size")
    axis.legend(fontsize=8)
    return scores, gap, loss


def _bars(axis: Any, rows: Table, values: np.ndarray, label: str) -> None:
    size = np.asarray(rows["size"])
    at = [n for n in np.unique(size) if np.isfinite(values[size == n]).any()]
    groups = [values[(size == n) & np.isfinite(values)] for n in at]
    mean = np.array([group.mean() for group in groups])
    low, high = (np.array([f(group) for group in groups]) for f in (np.min, np.max))
    axis.errorbar(at, mean, yerr=[mean - low, high - mean], fmt="o-", ms=4, capsize=2, lw=1, label=label)
