"""Plots of trainings on parts of a data set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from otrain.figures.canvas import figure
from otrain.kernels.learning_curve import power_law

if TYPE_CHECKING:
    from astropy.table import Table
    from matplotlib.figure import Figure

__all__ = ["NAMES", "plots"]

NAMES = ("scores_dataset_size.png", "ecart_accuracy_size.png", "loss_dataset_size.png")


def plots(rows: Table, law: tuple[float, float, float] | None) -> tuple[Figure, Figure, Figure]:
    """Return the figures of `NAMES`: points are the means of the repeats, bars go from the lowest to the highest.

    Parameters
    ----------
    rows : Table
        A training each: size, mcc, f1, accuracy, train_accuracy, loss, train_loss.
    law : tuple of float, optional
        The fitted curve of the MCC.
    """
    scores, gap, loss = (figure(6.8, 4.6) for _ in range(3))
    axis = scores.subplots()
    for name, label in (("mcc", "MCC"), ("f1", "F1"), ("accuracy", "accuracy")):
        _bars(axis, rows, np.asarray(rows[name], float), label)
    if law is not None:
        n = np.linspace(min(rows["size"]), 2 * max(rows["size"]), 200)
        axis.plot(n, power_law(n, law), "k--", lw=1, label="fitted MCC")
    axis.set(xlabel="cut-outs learned from", ylabel="score on the same held-back cut-outs", title="Scores by size")
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
