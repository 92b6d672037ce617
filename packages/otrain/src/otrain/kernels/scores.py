"""Scores of a binary classification: counts, curves, thresholds, intervals.

``truth`` is boolean (True: real), ``score`` grows with the belief that an object is real. Empty classes give NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Counts", "auc", "average_precision", "best_threshold", "bootstrap", "counts", "ece", "ece_level"]
__all__ += ["precision_recall", "reliability", "roc", "sweep", "threshold_for", "wilson"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Counts:
    """The confusion matrix and what follows from it.

    Attributes
    ----------
    tn, fp, fn, tp : int
        True negatives, false positives, false negatives, true positives.
    """

    tn: int
    fp: int
    fn: int
    tp: int

    @property
    def accuracy(self) -> float:
        """Fraction classified rightly."""
        return _ratio(self.tp + self.tn, self.tp + self.tn + self.fp + self.fn)

    @property
    def precision(self) -> float:
        """Fraction of those called real that are."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Fraction of the real ones that are called real."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def fpr(self) -> float:
        """Fraction of the bogus ones that are called real."""
        return _ratio(self.fp, self.fp + self.tn)

    @property
    def fnr(self) -> float:
        """Fraction of the real ones that are called bogus."""
        return _ratio(self.fn, self.fn + self.tp)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def mcc(self) -> float:
        """Matthews correlation coefficient (Matthews 1975); 0 where a row or column of the matrix is empty."""
        tn, fp, fn, tp = map(float, (self.tn, self.fp, self.fn, self.tp))
        product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
        return (tp * tn - fp * fn) / product**0.5 if product else 0.0


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def counts(truth: Array, called: Array) -> Counts:
    """Return the confusion matrix of boolean calls."""
    truth, called = np.asarray(truth, bool), np.asarray(called, bool)
    return Counts(
        int((~truth & ~called).sum()), int((~truth & called).sum()), int((truth & ~called).sum()),
        int((truth & called).sum()),
    )  # fmt: skip


def sweep(truth: Array, score: Array) -> tuple[Array, Array, Array]:
    """Count true and false positives for every threshold that makes a difference.

    Parameters
    ----------
    truth : ndarray of bool, shape (n,)
    score : ndarray of float, shape (n,)

    Returns
    -------
    threshold : ndarray of float, shape (k,)
        Falling; an object is called real when its score is above. The first is infinite, the last minus infinity, the
        others lie halfway between neighbouring scores.
    tp, fp : ndarray of int, shape (k,)
    """
    order = np.argsort(-np.asarray(score, float), kind="stable")
    ordered, real = np.asarray(score, float)[order], np.asarray(truth, bool)[order]
    ends = np.flatnonzero(np.diff(ordered)) if len(ordered) else np.zeros(0, int)
    middle = ordered[ends] + (ordered[ends + 1] - ordered[ends]) / 2 if len(ends) else np.zeros(0)
    threshold = np.concatenate([[np.inf], middle, [-np.inf]])
    taken = np.concatenate([[0], ends + 1, [len(ordered)]]).astype(int)
    tp = np.concatenate([[0], np.cumsum(real)])[taken]
    return threshold, tp, taken - tp


def roc(truth: Array, score: Array) -> tuple[Array, Array, Array]:
    """Return false positive rate, true positive rate and thresholds, from none called real to all."""
    threshold, tp, fp = sweep(truth, score)
    with np.errstate(invalid="ignore"):
        return fp / np.float64(fp[-1]), tp / np.float64(tp[-1]), threshold


def precision_recall(truth: Array, score: Array) -> tuple[Array, Array, Array]:
    """Return precision, recall and thresholds; the precision of calling none real is 1."""
    threshold, tp, fp = sweep(truth, score)
    with np.errstate(invalid="ignore"):
        precision = np.where(tp + fp > 0, tp / np.maximum(tp + fp, 1), 1.0)
        return precision, tp / np.float64(tp[-1]), threshold


def auc(truth: Array, score: Array) -> float:
    """Area under the ROC curve: how often a real object scores above a bogus one, ties counted half."""
    fpr, tpr, _ = roc(truth, score)
    return float(np.trapezoid(tpr, fpr))


def average_precision(truth: Array, score: Array) -> float:
    """Sum of the precision over the steps of the recall."""
    precision, recall, _ = precision_recall(truth, score)
    return float((np.diff(recall) * precision[1:]).sum())


def best_threshold(truth: Array, score: Array, *, smooth: int = 15) -> float:
    """Return the threshold with the largest F1 + MCC.

    Parameters
    ----------
    truth, score : ndarray, shape (n,)
        Of objects that the classifier was not trained on.
    smooth : int
        The sum is averaged over so many neighbouring thresholds, so that one lucky object does not decide.

    Raises
    ------
    ValueError
        If one of the classes is empty.
    """
    threshold, tp, fp = sweep(truth, score)
    real, bogus = int(tp[-1]), int(fp[-1])
    if not real or not bogus:
        raise ValueError("a threshold needs objects of both classes")
    pairs = zip(tp.tolist(), fp.tolist(), strict=True)
    found = np.array([_f1_mcc(Counts(bogus - b, b, real - a, a)) for a, b in pairs])
    width = max(1, min(smooth, len(found) // 4) | 1)
    padded = np.pad(found, width // 2, mode="edge")
    mean = np.convolve(padded, np.ones(width) / width, "valid")[1:-1]
    return float(threshold[1:-1][np.argmax(mean)]) if len(mean) else float(np.mean(score))


def _f1_mcc(found: Counts) -> float:
    return (0.0 if np.isnan(found.f1) else found.f1) + found.mcc


def threshold_for(truth: Array, score: Array, *, fpr: float | None = None, fnr: float | None = None) -> float:
    """Return the threshold whose false positive (or false negative) rate is nearest to the one asked for.

    Raises
    ------
    ValueError
        If not exactly one rate is given, or the class that it is counted in is empty.
    """
    if (fpr is None) == (fnr is None):
        raise ValueError("give either a false positive or a false negative rate")
    chosen = np.sort(np.asarray(score, float)[np.asarray(truth, bool) == (fpr is None)])
    if not len(chosen):
        raise ValueError("no object of the class in which this rate is counted")
    below = 1 - fpr if fpr is not None else float(fnr or 0.0)
    return float(np.quantile(chosen, below, method="hazen"))


def wilson(hits: int, total: int, z: float = 1.959964) -> tuple[float, float]:
    """Return the Wilson (1927) interval of a fraction; 95 % by default."""
    if not total:
        return float("nan"), float("nan")
    p, square = hits / total, z * z / total
    middle = (p + square / 2) / (1 + square)
    half = z / (1 + square) * (p * (1 - p) / total + square / (4 * total)) ** 0.5
    return max(middle - half, 0.0), min(middle + half, 1.0)


def bootstrap(truth: Array, score: Array, called: Array, rng: np.random.Generator, *, rounds: int = 1000,
              groups: Array | None = None) -> dict[str, tuple[float, float]]:  # fmt: skip
    """Return 95 % intervals of MCC, AUC, F1, FPR and FNR by resampling objects (or whole groups of them).

    Parameters
    ----------
    truth, called : ndarray of bool, shape (n,)
    score : ndarray of float, shape (n,)
    rng : numpy.random.Generator
    rounds : int
        Resamplings.
    groups : ndarray, shape (n,), optional
        Objects of one group are drawn together.
    """
    names = ("mcc", "auc", "f1", "fpr", "fnr")
    members = _members(np.arange(len(truth)) if groups is None else groups)
    drawn: list[tuple[float, ...]] = []
    for _ in range(rounds):
        rows = np.concatenate([members[k] for k in rng.integers(0, len(members), len(members))])
        found = counts(truth[rows], called[rows])
        drawn.append((found.mcc, auc(truth[rows], score[rows]), found.f1, found.fpr, found.fnr))
    return {name: _interval(np.array(values)) for name, values in zip(names, zip(*drawn, strict=True), strict=True)}


def _interval(values: Array) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)


def _members(groups: Array) -> list[Array]:
    _, number = np.unique(groups, return_inverse=True)
    order = np.argsort(number, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(number[order])) + 1)


def reliability(truth: Array, probability: Array, bins: int = 10) -> tuple[Array, Array, Array]:
    """Return mean probability, fraction real and number of objects in bins of equal numbers."""
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, min(bins, max(len(order), 1))) if len(part)]
    mean = np.array([np.mean(np.asarray(probability, float)[part]) for part in parts])
    real = np.array([np.mean(np.asarray(truth, float)[part]) for part in parts])
    return mean, real, np.array([len(part) for part in parts])


def ece(truth: Array, probability: Array, bins: int = 10) -> float:
    """Expected calibration error in bins of equal numbers (Naeini, Cooper & Hauskrecht 2015, with equal mass)."""
    mean, real, number = reliability(truth, probability, bins)
    return float((np.abs(mean - real) * number).sum() / number.sum())


def ece_level(probability: Array, rng: np.random.Generator, *, level: float = 0.95, rounds: int = 1000,
              bins: int = 10) -> float:  # fmt: skip
    """Return the `ece` that a perfectly calibrated classifier exceeds only in 1 - `level` of samples of this size."""
    found = [ece(rng.random(len(probability)) < probability, probability, bins) for _ in range(rounds)]
    return float(np.quantile(found, level))
