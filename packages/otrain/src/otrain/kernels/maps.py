"""Maps of what decided, from activations and gradients, or from covering pieces of a picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["cam", "enlarged", "occluded", "unit"]

Array = npt.NDArray[Any]


def cam(activation: Array, gradient: Array, kind: str = "grad") -> Array:
    """Return class activation maps before they are scaled.

    Parameters
    ----------
    activation, gradient : ndarray, shape (n, my, mx, channels)
        Output of a convolution and the gradient of the logit there.
    kind : str
        ``grad``: channels weighted by their mean gradient, Grad-CAM (Selvaraju et al. 2017, equations 1 and 2);
        ``hires``: weighted pixel by pixel, HiResCAM (Draelos & Carin 2020), which is exact where a dense layer
        follows; ``layer``: likewise by what of the gradient is positive, LayerCAM (Jiang et al. 2021).

    Returns
    -------
    ndarray, shape (n, my, mx)
        Not negative.
    """
    if kind == "grad":
        weights = gradient.mean(axis=(1, 2), keepdims=True)
    else:
        weights = np.maximum(gradient, 0) if kind == "layer" else gradient
    return np.maximum((weights * activation).sum(axis=-1), 0)


def unit(maps: Array) -> Array:
    """Scale each map to a maximum of 1; a map of zeros stays as it is."""
    top = maps.max(axis=(1, 2), keepdims=True)
    return maps / np.where(top > 0, top, 1)


def enlarged(maps: Array, ny: int, nx: int) -> Array:
    """Interpolate maps linearly to ny x nx pixels; both cover the same square.

    Parameters
    ----------
    maps : ndarray, shape (n, my, mx)
    ny, nx : int
    """
    for axis, size in ((1, ny), (2, nx)):
        have = maps.shape[axis]
        place = np.clip((np.arange(size) + 0.5) * have / size - 0.5, 0, have - 1)
        below = np.minimum(place.astype(int), max(have - 2, 0))
        part = (place - below).reshape([-1 if a == axis else 1 for a in range(3)])
        upper = np.take(maps, np.minimum(below + 1, have - 1), axis=axis)
        maps = np.take(maps, below, axis=axis) * (1 - part) + upper * part
    return maps


def occluded(x: Array, score: Callable[[Array], Array], *, box: int = 5, step: int = 2) -> Array:
    """Return how much a score falls when a box of each picture is covered by zeros.

    Parameters
    ----------
    x : ndarray, shape (n, ny, nx, channels)
        Prepared inputs, in which zero is the sky.
    score : callable
        Inputs -> scores, shape (n,).
    box : int
        Side of the box [pixel].
    step : int
        Pixels from one box to the next.

    Returns
    -------
    ndarray of float, shape (n, ny, nx)
        The mean fall over all boxes that cover a pixel.
    """
    n, ny, nx = x.shape[:3]
    whole = score(x)
    fall, times = np.zeros((n, ny, nx)), np.zeros((ny, nx))
    for top in range(0, ny - box + 1, step):
        for left in range(0, nx - box + 1, step):
            where = (slice(top, top + box), slice(left, left + box))
            covered = x.copy()
            covered[:, *where] = 0
            fall[:, *where] += (whole - score(covered))[:, None, None]
            times[where] += 1
    return fall / np.maximum(times, 1)
