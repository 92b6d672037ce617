"""Filling masked pixels from what is around them, from the edge of the mask inwards.

After maskfill (van Dokkum & Pasha 2024, PASP 136, 034503): in each turn the masked pixels that touch a known one take
the mean of the known pixels among their eight neighbours; in the end the filled pixels are smoothed a little, so that
fronts that met leave no ridge.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["fill"]

_SMOOTHINGS = 2

_STEPS = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx)


def fill(pixels: npt.NDArray[np.generic], mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Return an image whose masked pixels are filled.

    Parameters
    ----------
    pixels : ndarray, shape (height, width)
        Any real type. NaN and infinite pixels stay as they are and lend nothing to others.
    mask : ndarray of bool, same shape
        Pixels to fill.

    Returns
    -------
    ndarray of float32
        A masked pixel that no known one can reach is NaN.
    """
    values = np.pad(np.where(mask, np.nan, pixels.astype(np.float64)), 1, constant_values=np.nan)
    y, x = np.nonzero(np.pad(mask, 1))
    wanted_y, wanted_x = y, x
    with np.errstate(invalid="ignore"):
        while len(wanted_y):
            mean, count = _around(values, wanted_y, wanted_x)
            ready = count > 0
            if not ready.any():
                break
            values[wanted_y[ready], wanted_x[ready]] = mean[ready]
            wanted_y, wanted_x = wanted_y[~ready], wanted_x[~ready]
        for _ in range(_SMOOTHINGS):
            mean, count = _around(values, y, x)
            values[y, x] = np.where(count > 0, (values[y, x] + mean) / 2, values[y, x])
    result = pixels.astype(np.float32)
    result[y - 1, x - 1] = values[y, x]
    return result


def _around(
    values: npt.NDArray[np.float64], y: npt.NDArray[np.int64], x: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the weighted mean of the known neighbours of pixels (corners count half), and the sum of the weights."""
    total, weight = np.zeros(len(y)), np.zeros(len(y))
    for dy, dx in _STEPS:
        near = values[y + dy, x + dx]
        share = np.where(np.isfinite(near), 0.5 if dy and dx else 1.0, 0.0)
        total += np.where(share > 0, near, 0) * share
        weight += share
    return total / np.maximum(weight, 0.5), weight
