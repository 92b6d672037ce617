"""The light of the copies of a periodic picture, to be taken out of it.

It is smooth over the picture and is taken without the PSF: that of the eight nearest copies at 9 x 9 places, that of
the next two rings at 3 x 3, interpolated linearly; what is beyond as a constant.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc

from .compiled import compiled
from .outskirts import add_light

_NODES, _FEW, _RINGS = 9, 3, 3
_RHO, _LOG_N, _STEP = 1, 4, 1e-4


def copies(
    count: int, law: NDArray, slopes: NDArray, log_n: float, x: float, y: float, box: int, length: int
) -> NDArray[np.float64]:
    """Light of the copies of a periodic picture of unit flux at 9 x 9 places, and of those of its derivatives.

    Parameters
    ----------
    count : int
        1: the picture alone; 7: with derivatives.
    law, slopes : ndarray
        From `dre.kernels.outskirts.law_of` and `dre.kernels.fourier.shape_matrix`.
    log_n : float
        ln of the Sersic index.
    x, y : float
        Centre from the middle of the box, px.
    box, length : int
        Side of the picture, and its period, px.

    Returns
    -------
    ndarray of float64, shape (count, 81)
    """
    edge = (2 * _RINGS + 1) * length / math.sqrt(math.pi * law[8])  # circle of the area of all rings
    beyond, n = np.zeros(count), math.exp(log_n)
    beyond[:1] = _beyond(log_n, law[3], edge)
    if count > 1:
        up, down = (_beyond(log_n + step, law[3] * (1 + step * law[6]), edge) for step in (_STEP, -_STEP))
        beyond[_LOG_N] = (up - down) / (2 * _STEP)
        depth = law[3] * edge ** (1 / n)
        beyond[_RHO] = math.exp(2 * n * math.log(depth) - depth - math.lgamma(2 * n)) / n
    return _copies(count, beyond / length**2, law, slopes, x, y, box, float(length))


def _beyond(log_n: float, b: float, radius: float) -> float:
    """Light outside some half-light radii (Graham & Driver 2005, PASA 22, 118, eq. 2)."""
    n = math.exp(log_n)
    return float(gammaincc(2 * n, b * radius ** (1 / n)))


@compiled(loose=True)
def _copies(
    count: int, beyond: NDArray, law: NDArray, slopes: NDArray, x: float, y: float, box: int, length: float
) -> NDArray[np.float64]:
    far, near = np.zeros((count, _FEW * _FEW)), np.empty((count, _NODES * _NODES))
    for k in range(count):
        far[k] = beyond[k]
    _add_rings(far, _FEW, (box - 1) / (_FEW - 1), 2, _RINGS, law, slopes, x, y, length)
    ratio = (_FEW - 1) / (_NODES - 1)
    for k in range(count):
        for j in range(_NODES):
            for i in range(_NODES):
                near[k, j * _NODES + i] = _between(far[k], _FEW, j * ratio, i * ratio)
    _add_rings(near, _NODES, (box - 1) / (_NODES - 1), 1, 1, law, slopes, x, y, length)
    return near


@compiled(fused=True)
def subtract_copies(pictures: NDArray, nodes: NDArray) -> None:
    """Take the light of their copies (`copies`) out of periodic pictures, shape (k, box, box or more)."""
    side = pictures.shape[1]
    wide, pixels = np.empty((_NODES, side)), np.empty(side)
    for k in range(len(pictures)):
        _widen(nodes[k], wide)
        for j in range(side):
            _without(pictures[k, j], wide, j, pixels)
            for i in range(side):
                pictures[k, j, i] = pixels[i]


@compiled(fused=True)
def bin_without_copies(pictures: NDArray, nodes: NDArray, label: NDArray, out: NDArray) -> None:
    """Add up the pixels of each cell less the light of the copies: `subtract_copies` and sums in one.

    Parameters
    ----------
    pictures : ndarray, shape (k, side, side or more)
    nodes : ndarray
        From `copies`.
    label : ndarray of int32, shape (side, side)
        Cell of each pixel, -1: none.
    out : ndarray of float64, shape (k, cells)
    """
    side = pictures.shape[1]
    wide, pixels = np.empty((_NODES, side)), np.empty(side)
    out[:] = 0.0
    for k in range(len(pictures)):
        _widen(nodes[k], wide)
        for j in range(side):
            _without(pictures[k, j], wide, j, pixels)
            for i in range(side):
                if label[j, i] >= 0:
                    out[k, label[j, i]] += pixels[i]


@compiled(fused=True)
def _widen(nodes: NDArray, wide: NDArray) -> None:
    """Interpolate the rows of nodes linearly to all columns of a picture."""
    side = wide.shape[1]
    for i in range(side):
        position = i * (_NODES - 1) / (side - 1)
        column = min(int(position), _NODES - 2)
        t = position - column
        for row in range(_NODES):
            wide[row, i] = nodes[row * _NODES + column] * (1 - t) + nodes[row * _NODES + column + 1] * t


@compiled(fused=True)
def _without(pixels: NDArray, wide: NDArray, j: int, out: NDArray) -> None:
    """Fill row j of a picture less what `_widen` made, between the nodes' rows."""
    side = len(out)
    position = j * (_NODES - 1) / (side - 1)
    row = min(int(position), _NODES - 2)
    s = position - row
    above, below = wide[row], wide[row + 1]
    for i in range(side):
        out[i] = pixels[i] - (above[i] * (1 - s) + below[i] * s)


@compiled(fused=True)
def _add_rings(
    nodes: NDArray, side: int, step: float, first: int, last: int, law: NDArray, slopes: NDArray, x: float, y: float,
    length: float,
) -> None:  # fmt: skip
    """Add the light of the copies in some rings at side x side nodes `step` apart, centred on the picture."""
    across, down = np.empty(side * side), np.empty(side * side)
    for k in range(side * side):
        across[k] = (k % side) * step - 0.5 * (side - 1) * step - x
        down[k] = (k // side) * step - 0.5 * (side - 1) * step - y
    for row in range(-last, last + 1):
        for column in range(-last, last + 1):
            if max(abs(row), abs(column)) >= first:
                add_light(nodes, across, down, -column * length, -row * length, law, slopes)


@compiled(loose=True)
def _between(nodes: NDArray, side: int, y: float, x: float) -> float:
    """Linear interpolation."""
    row, column = min(int(y), side - 2), min(int(x), side - 2)
    s, t = y - row, x - column
    low = nodes[row * side + column] * (1 - t) + nodes[row * side + column + 1] * t
    high = nodes[(row + 1) * side + column] * (1 - t) + nodes[(row + 1) * side + column + 1] * t
    return low * (1 - s) + high * s
