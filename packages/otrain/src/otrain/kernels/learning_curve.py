"""How a score grows with the number of objects that were learned from."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["fit_power_law", "needed", "power_law"]

Array = npt.NDArray[Any]

_EXPONENTS = np.linspace(0.1, 1.0, 91)


def power_law(n: Array | float, law: tuple[float, float, float]) -> Array:
    """Return ``1 - (floor + scale n^-exponent)``, the score at n objects, for law = (floor, scale, exponent)."""
    floor, scale, exponent = law
    return 1 - (floor + scale * np.asarray(n, float) ** -exponent)


def fit_power_law(n: Array, score: Array) -> tuple[float, float, float]:
    """Fit ``1 - score = floor + scale n^-exponent`` by least squares (the learning curve of Cortes et al. 1993).

    Floor and scale are not negative; the exponent is searched on a grid from 0.1 to 1,
    as curves that are steeper promise too much.

    Parameters
    ----------
    n : ndarray, shape (k,)
        Objects that were learned from.
    score : ndarray, shape (k,)
        At most 1.

    Returns
    -------
    floor, scale, exponent : float

    Raises
    ------
    ValueError
        If there are fewer than three different numbers of objects.
    """
    good = np.isfinite(score)
    n, error = np.asarray(n, float)[good], 1 - np.asarray(score, float)[good]
    if len(set(n.tolist())) < 3:
        raise ValueError("a curve needs three sizes")
    lowest, law = np.inf, (0.0, 0.0, 1.0)
    for exponent in _EXPONENTS.tolist():
        floor, scale = _line(n**-exponent, error)
        loss = float(np.square(floor + scale * n**-exponent - error).sum())
        if loss < lowest - 1e-15:
            lowest, law = loss, (floor, scale, exponent)
    return law


def _line(x: Array, y: Array) -> tuple[float, float]:
    """The least squares line with both coefficients not negative."""
    scale, floor = np.polyfit(x, y, 1)
    if floor < 0:
        return 0.0, max(float((x * y).sum() / (x * x).sum()), 0.0)
    return (float(y.mean()), 0.0) if scale < 0 else (float(floor), float(scale))


def needed(law: tuple[float, float, float], score: float) -> float:
    """Return how many objects give a score; infinite if none do."""
    floor, scale, exponent = law
    left = 1 - score - floor
    if left <= 0 or scale <= 0:
        return float("inf") if left <= 0 else 1.0
    return float((scale / left) ** (1 / exponent))
