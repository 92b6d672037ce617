"""Layers of a convolutional network in plain NumPy: forward, and back to the input of each.

Arrays have shape (n, ny, nx, channels) or, after flattening, (n, values). What a layer does is what Keras
(channels last) does; it is compared with Keras in the tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["activate", "activate_back", "conv", "conv_back", "pads", "pool", "pool_back"]

Array = npt.NDArray[Any]


def pads(length: int, kernel: int, stride: int, padding: str) -> tuple[int, int]:
    """Return how many zeros stand before and behind an axis.

    Parameters
    ----------
    length, kernel, stride : int
        Of the axis [pixel].
    padding : str
        ``same``: the output has ceil(length / stride) pixels, an odd zero stands behind; ``valid``: none.
    """
    if padding == "valid":
        return 0, 0
    total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
    return total // 2, total - total // 2


def _padded(x: Array, kernel: tuple[int, int], stride: int, padding: str) -> Array:
    around = [pads(size, k, stride, padding) for size, k in zip(x.shape[1:3], kernel, strict=True)]
    return np.pad(x, ((0, 0), *around, (0, 0))) if any(sum(pair) for pair in around) else x


def _shifted(x: Array, size: tuple[int, int], stride: int) -> Iterator[Array]:
    """Yield, for each pixel of a window, that pixel of all windows: shape (n, my, mx, channels)."""
    my, mx = ((n - k) // stride + 1 for n, k in zip(x.shape[1:3], size, strict=True))
    for dy in range(size[0]):
        for dx in range(size[1]):
            yield x[:, dy : dy + stride * (my - 1) + 1 : stride, dx : dx + stride * (mx - 1) + 1 : stride]


def conv(x: Array, weights: Array, bias: Array, stride: int = 1, padding: str = "same") -> Array:
    """Cross-correlate with kernels.

    Parameters
    ----------
    x : ndarray, shape (n, ny, nx, channels)
    weights : ndarray, shape (ky, kx, channels, filters)
    bias : ndarray, shape (filters,)
    stride : int
        Pixels between outputs.
    padding : str
        ``same`` or ``valid``.
    """
    pixels = list(_shifted(_padded(x, weights.shape[:2], stride, padding), weights.shape[:2], stride))
    columns = np.stack(pixels, axis=3).reshape(-1, weights[..., 0].size)
    return (columns @ weights.reshape(-1, weights.shape[3]) + bias).reshape(*pixels[0].shape[:3], -1)


def conv_back(gradient: Array, weights: Array, shape: tuple[int, ...], stride: int, padding: str) -> Array:
    """Return the gradient at the input of `conv` from that at its output.

    Parameters
    ----------
    gradient : ndarray, shape (n, my, mx, filters)
    weights : ndarray, shape (ky, kx, channels, filters)
    shape : tuple of int
        Of the input.
    stride, padding
        As for `conv`.
    """
    ky, kx = weights.shape[:2]
    (top, bottom), (left, right) = (pads(shape[i], k, stride, padding) for i, k in ((1, ky), (2, kx)))
    padded = np.zeros((shape[0], shape[1] + top + bottom, shape[2] + left + right, shape[3]), gradient.dtype)
    spread = np.tensordot(gradient, weights, axes=([3], [3]))  # (n, my, mx, ky, kx, channels)
    for y in range(ky):
        for x in range(kx):
            into = padded[:, y : y + stride * gradient.shape[1] : stride, x : x + stride * gradient.shape[2] : stride]
            into += spread[:, :, :, y, x]
    return padded[:, top : top + shape[1], left : left + shape[2]]


def pool(x: Array, size: tuple[int, int], stride: int, kind: str) -> Array:
    """Return the largest (``max``) or mean (``mean``) value of each window, without padding."""
    pixels = _shifted(x, size, stride)
    if kind == "max":
        return reduce(np.maximum, pixels)
    return np.asarray(sum(pixels) / x.dtype.type(size[0] * size[1]))


def pool_back(gradient: Array, x: Array, size: tuple[int, int], stride: int, kind: str) -> Array:
    """Return the gradient at the input `x` of `pool`; of equal largest values the first one gets it."""
    out = np.zeros(x.shape, gradient.dtype)
    if kind == "mean":
        for into in _shifted(out, size, stride):
            into += gradient / (size[0] * size[1])
        return out
    top = pool(x, size, stride, "max")
    free = np.ones(gradient.shape, bool)
    for pixel, into in zip(_shifted(x, size, stride), _shifted(out, size, stride), strict=True):
        first = free & (pixel == top)
        into += gradient * first
        free &= ~first
    return out


def activate(x: Array, kind: str) -> Array:
    """Apply ``linear``, ``relu``, ``sigmoid`` or ``tanh``."""
    if kind == "relu":
        return np.maximum(x, 0)
    if kind == "sigmoid":
        return (1 / (1 + np.exp(-x))).astype(x.dtype)
    return np.tanh(x) if kind == "tanh" else x


def activate_back(gradient: Array, y: Array, kind: str) -> Array:
    """Return the gradient at the input of `activate` from that at its output `y`."""
    if kind == "relu":
        return gradient * (y > 0)
    if kind == "sigmoid":
        return gradient * y * (1 - y)
    return gradient * (1 - y * y) if kind == "tanh" else gradient
