"""From logits to probabilities that mean what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["fit_platt", "logit", "prior_shift", "sigmoid"]

Array = npt.NDArray[Any]


def sigmoid(z: Array) -> Array:
    """``1 / (1 + exp(-z))`` without overflow, float64."""
    z = np.asarray(z, np.float64)
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1 / (1 + small), small / (1 + small))


def logit(probability: Array) -> Array:
    """The inverse of `sigmoid`; infinite at 0 and 1."""
    p = np.asarray(probability, np.float64)
    with np.errstate(divide="ignore"):
        return np.log(p) - np.log1p(-p)


def fit_platt(truth: Array, z: Array, *, steps: int = 100) -> tuple[float, float]:
    """Fit ``P(real) = sigmoid(a z + b)`` by maximum likelihood (Platt 1999), with Newton's method.

    The targets are Platt's: (N+ + 1) / (N+ + 2) and 1 / (N- + 2), so that separable classes give finite slopes.

    Parameters
    ----------
    truth : ndarray of bool, shape (n,)
    z : ndarray of float, shape (n,)
        Logits of objects that the classifier was not trained on.
    steps : int
        The most steps.

    Returns
    -------
    a, b : float
        a is positive; (1, 0) where a class is empty or the logits do not rise with the truth.
    """
    truth, z = np.asarray(truth, bool), np.asarray(z, np.float64)
    real, bogus = int(truth.sum()), int((~truth).sum())
    if not real or not bogus:
        return 1.0, 0.0
    target = np.where(truth, (real + 1) / (real + 2), 1 / (bogus + 2))
    design = np.stack([z, np.ones_like(z)], axis=1)
    found = np.array([1.0, 0.0])
    for _ in range(steps):
        p = sigmoid(design @ found)
        slope = design.T @ (p - target)
        curve = (design * (p * (1 - p))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(curve, slope)
        found = _downhill(design, target, found, step)
        if np.abs(step).max() < 1e-10:
            break
    a, b = map(float, found)
    return (a, b) if a > 0 else (1.0, 0.0)


def _downhill(design: Array, target: Array, start: Array, step: Array) -> Array:
    """Go along a Newton step, halved until the loss does not grow."""

    def loss(at: Array) -> float:
        z = design @ at
        return float((np.logaddexp(0, z) - target * z).sum())

    before, size = loss(start), 1.0
    while loss(start - size * step) > before and size > 1e-6:
        size /= 2
    return start - size * step


def prior_shift(z: Array, trained: float, expected: float) -> Array:
    """Move calibrated logits to another fraction of real objects.

    By Bayes' theorem the odds are multiplied by the ratio of the prior odds (Saerens, Latinne & Decaestecker 2002,
    Neural Computation 14, 21, equation 4).

    Parameters
    ----------
    z : ndarray
        Logits for the prior `trained`.
    trained, expected : float
        Odds of real to bogus objects, in the calibration set and in the field.
    """
    return np.asarray(z, np.float64) + (np.log(expected) - np.log(trained))
