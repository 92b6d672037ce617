"""Pixels of cut-outs: crop, normalise, turn and flip.

Cubes have shape (n, ny, nx, planes).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["VIEWS", "crop", "l2_rows", "l2_stamps", "robust", "unview", "view", "views_of"]

Array = npt.NDArray[Any]

VIEWS = 8
"""The rotations and flips of a square."""

_MAD_TO_SIGMA = 1.4826  # of a normal distribution
_GAIN = 0.5  # asinh of ten sigma becomes 1.5
_LARGEST = np.float32(1e18)  # its square is a float32


def crop(cube: Array, size: int) -> Array:
    """Return the central square of each cut-out.

    Parameters
    ----------
    cube : ndarray, shape (n, ny, nx, planes)
        Pixels; a source is expected at pixel ``n // 2`` of each axis, 0-based.
    size : int
        Side of the square [pixel]; not above ny and nx. Negative: nothing is cut off.

    Returns
    -------
    ndarray, shape (n, size, size, planes)
        A view. The source is at ``size // 2``, for any parity of the two sides.

    Raises
    ------
    ValueError
        If the square is larger than the cut-outs, or empty.
    """
    if size < 0:
        return cube
    ny, nx = cube.shape[1:3]
    if size == 0 or size > min(ny, nx):
        raise ValueError(f"a square of {size} pixels cannot be cut from {nx} x {ny}")
    y, x = ny // 2 - size // 2, nx // 2 - size // 2
    return cube[:, y : y + size, x : x + size]


def robust(cube: Array) -> Array:
    """Normalise each plane of each cut-out by its own median and scatter, and add a plane for missing pixels.

    The value is ``0.5 asinh((x - median) / (1.4826 MAD))``; where the MAD is zero the standard deviation takes its
    place, and 1 where that is zero too.

    Parameters
    ----------
    cube : ndarray, shape (n, ny, nx, planes)
        Pixels in any unit; NaN and infinities are missing.

    Returns
    -------
    ndarray of float32, shape (n, ny, nx, planes + 1)
        Missing pixels are 0 and 1 in the last plane, which is the fraction of planes that miss the pixel.
    """
    n, ny, nx, planes = cube.shape
    flat = np.ascontiguousarray(np.moveaxis(cube, -1, 1), np.float32).reshape(n * planes, ny * nx)
    missing = ~np.isfinite(flat)
    some = missing.any(axis=1)
    centre, spread = np.zeros(len(flat), np.float32), np.ones(len(flat), np.float32)
    centre[~some], spread[~some] = _whole(flat[~some])
    for row in np.flatnonzero(some):
        good = flat[row][~missing[row]]
        if good.size:
            (centre[row],), (spread[row],) = _whole(good[None])
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = _bent((flat - centre[:, None]) / spread[:, None])
    if some.any():
        scaled[missing] = 0
    out = np.empty((n, ny, nx, planes + 1), np.float32)
    out[..., :planes] = np.moveaxis(scaled.reshape(n, planes, ny, nx), 1, -1)
    out[..., planes] = missing.reshape(n, planes, ny, nx).mean(axis=1)
    return out


def _bent(x: Array) -> Array:
    """Return ``0.5 asinh(x)`` as sign(x) log(|x| + sqrt(x^2 + 1)), several times as fast as numpy's; x is used up."""
    size = np.minimum(np.abs(x), _LARGEST)
    root = np.square(size)
    root += np.float32(1)
    np.sqrt(root, out=root)
    root += size
    np.log(root, out=root)
    root *= np.float32(_GAIN)
    return np.copysign(root, x, out=root)


def _whole(rows: Array) -> tuple[Array, Array]:
    """Median and scatter of rows without missing values."""
    if not len(rows):
        return np.zeros(0, np.float32), np.ones(0, np.float32)
    centre = _median(rows)
    with np.errstate(over="ignore"):
        spread = _median(np.abs(rows - centre[:, None])) * np.float32(_MAD_TO_SIGMA)
    flat = ~(spread > 0)
    if flat.any():
        deviation = rows[flat].astype(np.float64).std(axis=1)
        spread[flat] = np.where(deviation > 0, deviation, 1)
    return centre, spread


def _median(rows: Array) -> Array:
    """Median of each row, as `numpy.median` has it, by one partition."""
    half = rows.shape[1] // 2
    if rows.shape[1] % 2:
        return np.partition(rows, half, axis=1)[:, half]
    parted = np.partition(rows, half, axis=1)
    return (parted[:, :half].max(axis=1) + parted[:, half]) * np.float32(0.5)


def l2_rows(cube: Array) -> Array:
    """Divide each row of pixels of each plane by its Euclidean norm; missing pixels are 0.

    This is the normalisation of braai d6_m7 (Duev et al. 2019, MNRAS 489, 3582), which norms the last axis of each
    two-dimensional cut-out.

    Parameters
    ----------
    cube : ndarray, shape (n, ny, nx, planes)

    Returns
    -------
    ndarray of float32, same shape
    """
    return _l2(cube, (2,))


def l2_stamps(cube: Array) -> Array:
    """Divide each plane of each cut-out by its Euclidean norm; missing pixels are 0. That of braai d6_m9."""
    return _l2(cube, (1, 2))


def _l2(cube: Array, axes: tuple[int, ...]) -> Array:
    filled = np.nan_to_num(np.asarray(cube, np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    norm = np.sqrt(np.square(filled).sum(axis=axes, keepdims=True))
    return (filled / np.where(norm > 0, norm, 1)).astype(np.float32)


def view(cube: Array, number: int) -> Array:
    """Return one of the eight rotations and flips of square cut-outs.

    Parameters
    ----------
    cube : ndarray, shape (n, size, size, planes)
    number : int
        0 to 7: that many quarter turns, modulo 4; from 4 on flipped as well. 0 is the identity.

    Returns
    -------
    ndarray, same shape
        A view on the same memory.
    """
    turned = np.rot90(cube, number % 4, axes=(1, 2))
    return turned[:, :, ::-1] if number >= 4 else turned


def unview(cube: Array, number: int) -> Array:
    """Return the cut-outs of which `view` made these."""
    turned = cube[:, :, ::-1] if number >= 4 else cube
    return np.rot90(turned, -(number % 4), axes=(1, 2))


def views_of(shape: tuple[int, ...], number: int) -> list[int]:
    """Of the first `number` views those that keep the shape (n, ny, nx, planes): all of square cut-outs."""
    return list(range(number)) if shape[1] == shape[2] else list(range(0, number, 2))
