"""How good a classifier is on objects that it has not seen."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from otrain.kernels import scores
from otrain.kernels.scores import Counts

__all__ = ["Evaluation", "evaluate"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Evaluation:
    """Scores of a set of objects.

    Attributes
    ----------
    threshold : float
        Above which an object was called real.
    counts : Counts
    auc, average_precision : float
    ece, ece_level : float
        Expected calibration error, and what a perfectly calibrated classifier exceeds in 5 % of such samples.
    intervals : dict
        95 % intervals of mcc, auc, f1, fpr and fnr, from resampled groups.
    best_threshold : float
        With the largest F1 + MCC on these very objects: to be looked at, not to be quoted.
    """

    threshold: float
    counts: Counts
    auc: float
    average_precision: float
    ece: float
    ece_level: float
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    best_threshold: float = float("nan")

    def summary(self) -> dict[str, Any]:
        """The scores as plain values."""
        c = self.counts
        values = {name: getattr(c, name) for name in ("accuracy", "precision", "recall", "f1", "mcc", "fpr", "fnr")}
        return {
            "objects": c.tn + c.fp + c.fn + c.tp, "threshold": self.threshold, **asdict(c), **values, "auc": self.auc,
            "average_precision": self.average_precision, "ece": self.ece, "ece_level": self.ece_level,
            "intervals": {name: list(pair) for name, pair in self.intervals.items()},
        }  # fmt: skip

    def to_text(self) -> str:
        """Scores with their intervals, and the confusion matrix."""
        c, lines = self.counts, []
        shown = {"MCC": c.mcc, "AUC": self.auc, "F1": c.f1, "FPR": c.fpr, "FNR": c.fnr}
        for name, value in shown.items():
            low, high = self.intervals.get(name.lower(), (float("nan"), float("nan")))
            lines.append(f"{name:<18}{value:.4f}   95 % interval {low:.4f} to {high:.4f}")
        lines += [
            f"{'precision':<18}{c.precision:.4f}", f"{'recall':<18}{c.recall:.4f}", f"{'accuracy':<18}{c.accuracy:.4f}",
            f"{'average precision':<18}{self.average_precision:.4f}",
            f"{'calibration error':<18}{self.ece:.4f}   (perfect calibration: below {self.ece_level:.4f} in 95 %)",
            f"[[TN FP][FN TP]]  [[{c.tn} {c.fp}][{c.fn} {c.tp}]] at a threshold of {self.threshold:.3f}",
        ]  # fmt: skip
        return "\n".join(lines)


def evaluate(truth: Array, probability: Array, threshold: float | Array, *, groups: Array | None = None,
             seed: int = 0, rounds: int = 1000) -> Evaluation:  # fmt: skip
    """Score probabilities against the truth.

    Parameters
    ----------
    truth : ndarray of bool, shape (n,)
    probability : ndarray of float, shape (n,)
    threshold : float or ndarray, shape (n,)
        Above it an object is called real.
    groups : ndarray, shape (n,), optional
        Objects that are resampled together.
    seed : int
        Of the resampling.
    rounds : int
        Resamplings.
    """
    truth = np.asarray(truth, bool)
    called = probability > threshold
    rng = np.random.default_rng(seed)
    both = truth.any() and not truth.all()
    return Evaluation(
        float(np.mean(threshold)), scores.counts(truth, called),
        scores.auc(truth, probability) if both else float("nan"),
        scores.average_precision(truth, probability) if both else float("nan"),
        scores.ece(truth, probability), scores.ece_level(probability, rng, rounds=rounds),
        scores.bootstrap(truth, probability, called, rng, rounds=rounds, groups=groups),
        scores.best_threshold(truth, probability, smooth=1) if both else float("nan"),
    )  # fmt: skip
