"""Layers of a convolutional network in plain NumPy: forward, and back to the input of each.

Arrays have shape (n, ny, nx, channels) or, after flattening, (n, values). What a layer does is what Keras
(channels last) does; it is compared with Keras in the tests.
"""

from __future__ import annotations

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


def _windows(x: Array, kernel: tuple[int, int], stride: int, padding: str, fill: float) -> Array:
    """Return all windows, shape (n, my, mx, channels, ky, kx)."""
    around = [pads(size, k, stride, padding) for size, k in zip(x.shape[1:3], kernel, strict=True)]
    if any(sum(pair) for pair in around):
        x = np.pad(x, ((0, 0), *around, (0, 0)), constant_values=fill)
    return np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(1, 2))[:, ::stride, ::stride]


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
    windows = _windows(x, weights.shape[:2], stride, padding, 0.0)
    return np.tensordot(windows, weights, axes=([4, 5, 3], [0, 1, 2])) + bias


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
    windows = _windows(x, size, stride, "valid", 0.0)
    return windows.max(axis=(4, 5)) if kind == "max" else windows.mean(axis=(4, 5))


def pool_back(gradient: Array, x: Array, size: tuple[int, int], stride: int, kind: str) -> Array:
    """Return the gradient at the input `x` of `pool`; of equal largest values the first one gets it."""
    out = np.zeros(x.shape, gradient.dtype)
    my, mx = gradient.shape[1:3]
    if kind == "max":
        windows = _windows(x, size, stride, "valid", 0.0).reshape(*gradient.shape, -1)
        largest = windows.argmax(axis=-1)
    for index in range(size[0] * size[1]):
        dy, dx = divmod(index, size[1])
        share = gradient * (largest == index) if kind == "max" else gradient / (size[0] * size[1])
        out[:, dy : dy + stride * my : stride, dx : dx + stride * mx : stride] += share
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
