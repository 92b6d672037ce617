"""The light of the copies of a periodic picture, to be taken out of it.

It is smooth over the picture and is taken without the PSF: that of the eight nearest copies at 9 x 9 places, that of
the next two rings at 3 x 3, interpolated linearly; what is beyond as a constant.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled
from .outskirts import add_light, law_of

_NODES, _FEW, _RINGS = 9, 3, 3


def subtract_copies(
    pictures: NDArray, matrix: NDArray, slopes: NDArray, log_n: float, x: float, y: float, length: int
) -> None:
    """Take the light of its copies out of a periodic picture of unit flux, and out of its derivatives.

    Parameters
    ----------
    pictures : ndarray, shape (1 or 7, box, box)
        Changed in place.
    matrix, slopes : ndarray
        From `dre.kernels.fourier.shape_matrix`.
    log_n : float
        ln of the Sersic index.
    x, y : float
        Centre from the middle of the box, px.
    length : int
        Period, px.
    """
    from scipy.special import gammaincc

    law, n = law_of(matrix, log_n), math.exp(log_n)
    area = math.sqrt(matrix[0] * matrix[2] - matrix[1] ** 2)
    edge = (2 * _RINGS + 1) * length / math.sqrt(math.pi * area)  # circle of the area of all rings
    far = np.zeros((len(pictures), _FEW * _FEW))
    far[0] = float(gammaincc(2 * n, law[3] * edge ** (1 / n))) / length**2
    _subtract(pictures, law, slopes, x, y, float(length), far)


@compiled(loose=True)
def _subtract(
    pictures: NDArray, law: NDArray, slopes: NDArray, x: float, y: float, length: float, far: NDArray
) -> None:
    count, box, _ = pictures.shape
    _add_rings(far, _FEW, (box - 1) / (_FEW - 1), 2, _RINGS, law, slopes, x, y, length)
    near = np.empty((count, _NODES * _NODES))
    for k in range(count):
        for j in range(_NODES):
            for i in range(_NODES):
                ratio = (_FEW - 1) / (_NODES - 1)
                near[k, j * _NODES + i] = _between(far[k], _FEW, j * ratio, i * ratio)
    step = (box - 1) / (_NODES - 1)
    _add_rings(near, _NODES, step, 1, 1, law, slopes, x, y, length)
    line = np.empty(_NODES)
    for k in range(count):
        for j in range(box):
            row = min(int(j / step), _NODES - 2)
            s = j / step - row
            for i in range(_NODES):
                line[i] = near[k, row * _NODES + i] * (1 - s) + near[k, (row + 1) * _NODES + i] * s
            _subtract_line(pictures[k, j], line, step)


@compiled(fused=True)
def _subtract_line(pixels: NDArray, line: NDArray, step: float) -> None:
    """Subtract a line between nodes `step` apart, from node to node."""
    first = 0
    for node in range(len(line) - 1):
        after = min(int(np.ceil((node + 1) * step)), len(pixels)) if node < len(line) - 2 else len(pixels)
        slope = (line[node + 1] - line[node]) / step
        start = line[node] - slope * node * step
        for i in range(first, after):
            pixels[i] -= start + slope * i
        first = after


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
