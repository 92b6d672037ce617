"""Curves of how good a classification is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from otrain.figures.canvas import BOGUS, REAL, figure
from otrain.kernels import scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["bins", "distribution", "f1_mcc", "history", "precision_recall", "reliability", "roc", "scores_by"]

Array = npt.NDArray[Any]

LEAST = 5
"""Objects of each class that a curve needs."""


def bins(values: Array, number: int = 5) -> list[tuple[str, Array]]:
    """Divide objects by a value into bins of equal numbers, each object in one.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Numbers (NaN: in no bin) or text (a bin for each).
    number : int
        Bins of numbers.

    Returns
    -------
    list of (label, mask)
    """
    if values.dtype.kind in "US":
        return [(name, values == name) for name in sorted(set(values.tolist())) if name]
    good = np.isfinite(values)
    if not good.any():
        return []
    limits = np.unique(np.quantile(values[good], np.linspace(0, 1, number + 1)))
    if len(limits) == 1:
        return [(f"{limits[0]:.3g}", good & (values == limits[0]))]
    place = np.clip(np.searchsorted(limits, values, side="right") - 1, 0, len(limits) - 2)
    return [(f"{limits[k]:.3g} to {limits[k + 1]:.3g}", good & (place == k)) for k in range(len(limits) - 1)]


def _usable(truth: Array, mask: Array) -> bool:
    return int(truth[mask].sum()) >= LEAST and int((~truth[mask]).sum()) >= LEAST


def roc(truth: Array, probability: Array, values: Array, name: str, threshold: float) -> Figure:
    """ROC curves of all objects and of bins of a value."""
    made = figure(6.4, 5.2)
    axis = made.subplots()
    for label, mask in [("all", np.ones(len(truth), bool)), *bins(values)]:
        if _usable(truth, mask):
            fpr, tpr, _ = scores.roc(truth[mask], probability[mask])
            area = scores.auc(truth[mask], probability[mask])
            style = {"color": "k", "lw": 2} if label == "all" else {"lw": 1.2}
            axis.plot(fpr, tpr, label=f"{label}  (AUC {area:.3f}, {int(mask.sum())})", **style)
    at = scores.counts(truth, probability > threshold)
    axis.plot([at.fpr], [at.recall], "o", color="k", ms=7, mfc="w", label=f"threshold {threshold:.3f}")
    axis.plot([0, 1], [0, 1], ":", color="0.6", lw=1)
    axis.set(xlabel="false positive rate", ylabel="true positive rate", title=f"ROC by {name}", xlim=(-0.01, 1.01),
             ylim=(-0.01, 1.01))  # fmt: skip
    axis.legend(fontsize=8, loc="lower right")
    return made


def precision_recall(truth: Array, probability: Array, values: Array, name: str, threshold: float) -> Figure:
    """Precision against recall, of all objects and of bins of a value."""
    made = figure(6.4, 5.2)
    axis = made.subplots()
    for label, mask in [("all", np.ones(len(truth), bool)), *bins(values)]:
        if _usable(truth, mask):
            precision, recall, _ = scores.precision_recall(truth[mask], probability[mask])
            area = scores.average_precision(truth[mask], probability[mask])
            style = {"color": "k", "lw": 2} if label == "all" else {"lw": 1.2}
            axis.plot(recall, precision, label=f"{label}  (average {area:.3f}, {int(mask.sum())})", **style)
    at = scores.counts(truth, probability > threshold)
    axis.plot([at.recall], [at.precision], "o", color="k", ms=7, mfc="w", label=f"threshold {threshold:.3f}")
    axis.set(xlabel="recall", ylabel="precision", title=f"precision and recall by {name}", xlim=(-0.01, 1.01))
    axis.legend(fontsize=8, loc="lower left")
    return made


def f1_mcc(truth: Array, probability: Array, threshold: float) -> Figure:
    """F1 and MCC against the threshold."""
    made = figure(6.4, 4.4)
    axis = made.subplots()
    at = np.linspace(0, 1, 101)
    found = [scores.counts(truth, probability > t) for t in at]
    axis.plot(at, [one.f1 for one in found], color="#3a7d44", label="F1")
    axis.plot(at, [one.mcc for one in found], color="#6a3d9a", label="MCC")
    chosen = scores.counts(truth, probability > threshold)
    axis.axvline(threshold, color="k", ls="--", lw=1,
                 label=f"threshold {threshold:.3f}: F1 {chosen.f1:.3f}, MCC {chosen.mcc:.3f}")  # fmt: skip
    axis.set(xlabel="threshold", ylabel="score", title="F1 and MCC", ylim=(-0.05, 1.02))
    axis.legend(fontsize=9, loc="lower center")
    return made


def distribution(truth: Array, probability: Array, threshold: float) -> Figure:
    """Histogram of the probabilities by true class."""
    made = figure(6.4, 4.4)
    axis = made.subplots()
    for mask, name, colour in ((truth, "real", REAL), (~truth, "bogus", BOGUS)):
        axis.hist(
            probability[mask], np.linspace(0, 1, 41).tolist(), color=colour, alpha=0.55, label=f"{name} ({mask.sum()})"
        )
    axis.axvline(threshold, color="k", ls="--", lw=1, label=f"threshold {threshold:.3f}")
    axis.set(xlabel="probability of being real", ylabel="number", title="Probabilities by true class", yscale="log")
    axis.set_ylim(bottom=0.7)
    axis.legend(fontsize=9, loc="upper center")
    return made


def reliability(truth: Array, probability: Array) -> Figure:
    """Fraction of real objects against the probability, with 95 % intervals, in bins of equal numbers."""
    made = figure(5.2, 5.0)
    axis = made.subplots()
    mean, real, number = scores.reliability(truth, probability)
    ranges = np.array([scores.wilson(round(r * n), int(n)) for r, n in zip(real, number, strict=True)])
    axis.plot([0, 1], [0, 1], ":", color="0.5")
    axis.errorbar(mean, real, yerr=np.maximum(np.abs(ranges.T - real), 0), fmt="o", color=REAL, ms=5, capsize=2)
    error = scores.ece(truth, probability)
    level = scores.ece_level(probability, np.random.default_rng(0), rounds=300)
    axis.set(xlabel="mean probability", ylabel="fraction that is real", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02),
             title=f"Reliability: error {error:.3f}\n(perfect calibration: below {level:.3f} in 95 %)")  # fmt: skip
    return made


def scores_by(truth: Array, probability: Array, threshold: float, columns: Mapping[str, Array]) -> Figure:
    """False positive and false negative rates by magnitude, its error, FWHM and filter."""
    made = figure(9.6, 6.4)
    panels = made.subplots(2, 2).ravel()
    for axis, (name, values) in zip(panels, columns.items(), strict=False):
        parts = bins(values)
        for k, (_, mask) in enumerate(parts):
            found = scores.counts(truth[mask], probability[mask] > threshold)
            for rate, hits, total, colour, shift in (
                ("false negatives", found.fn, found.fn + found.tp, REAL, -0.08),
                ("false positives", found.fp, found.fp + found.tn, BOGUS, 0.08),
            ):
                if total:
                    low, high = scores.wilson(hits, total)
                    middle = hits / total
                    bar = [[max(middle - low, 0)], [max(high - middle, 0)]]
                    axis.errorbar([k + shift], [middle], yerr=bar, fmt="o", color=colour, capsize=2, ms=4,
                                  label=rate if k == 0 else None)  # fmt: skip
        axis.set_xticks(range(len(parts)), [label for label, _ in parts], fontsize=7, rotation=15)
        axis.set(title=name if parts else f"{name}: not known", ylabel="rate", ylim=(-0.03, 1.03))
    if panels[0].get_legend_handles_labels()[0]:
        panels[0].legend(fontsize=8)
    return made


def history(members: Sequence[Sequence[Mapping[str, float]]], keys: Sequence[str], name: str) -> Figure:
    """Values against the epochs, a line for each member."""
    made = figure(6.4, 4.2)
    axis = made.subplots()
    styles = ("-", "--")
    for number, epochs in enumerate(members):
        at = np.arange(1, len(epochs) + 1)
        for key, style in zip(keys, styles, strict=False):
            line = [epoch[key] for epoch in epochs]
            axis.plot(at, line, style, color=f"C{number % 10}", lw=1.3, marker="." if len(at) < 15 else None,
                      label=key if number == 0 else None)  # fmt: skip
    axis.set(xlabel="epoch", ylabel=name, title=f"{name} (a colour for each member)")
    axis.legend(fontsize=9)
    return made
