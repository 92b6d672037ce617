"""What the network is shown: pixels in units of the noise of the sky, bright ones compressed, bad ones filled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["fill_bad", "soft_clip", "to_float32"]

Array = npt.NDArray[np.float32]

_LIMIT = np.float32(1e30)  # squares of differences of such pixels still are numbers


def to_float32(pixels: npt.NDArray[np.generic]) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Return pixels of any type and byte order as float32, and which of them are no numbers.

    Parameters
    ----------
    pixels : ndarray
        Booleans, integers or floats.

    Returns
    -------
    values : ndarray of float32
        A new array; 0 where the pixel is NaN, infinite or beyond 1e30.
    bad : ndarray of bool
        Where that is so.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        values = pixels.astype(np.float32)
        bad = ~(np.abs(values) < _LIMIT)
    values[bad] = 0
    return values, bad


def soft_clip(values: Array, knee: float) -> Array:
    """Return ``knee * asinh(values / knee)``: linear well below the knee, logarithmic above.

    Parameters
    ----------
    values : ndarray of float32
    knee
        Where it bends, in the units of `values`.
    """
    return np.asarray(np.arcsinh(values / np.float32(knee)) * np.float32(knee), dtype=np.float32)


def fill_bad(values: Array, bad: npt.NDArray[np.bool_]) -> Array:
    """Fill bad pixels with the mean of the good ones in the 5x5 around each, or 0 where there are none.

    Parameters
    ----------
    values : ndarray of float32, shape (height, width)
        Changed in place.
    bad : ndarray of bool, same shape

    Returns
    -------
    ndarray of float32
        `values`.
    """
    y, x = np.nonzero(bad)
    if not len(y):
        return values
    step = np.arange(-2, 3)
    for part in np.array_split(np.arange(len(y)), -(-len(y) // 2**18)):  # 25 neighbours each: 2**18 are 100 MB
        rows = y[part][:, None, None] + step[:, None]
        columns = x[part][:, None, None] + step
        inside = (rows >= 0) & (rows < values.shape[0]) & (columns >= 0) & (columns < values.shape[1])
        near = (np.clip(rows, 0, values.shape[0] - 1), np.clip(columns, 0, values.shape[1] - 1))
        weight = inside & ~bad[near]
        total = np.where(weight, values[near], np.float32(0)).sum(axis=(1, 2))
        values[y[part], x[part]] = total / np.maximum(weight.sum(axis=(1, 2)), 1)
    return values
