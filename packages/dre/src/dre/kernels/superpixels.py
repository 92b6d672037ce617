"""Coarser pixels away from the centre: 1 x 1 in the central 32, 2 x 2 to 64, 4 x 4 beyond, in order of distance.

A model of a galaxy is smooth far from its centre, so that sums over cells there lose little of what a comparison with
data needs: of the 16,384 pixels of a 128 x 128 stamp 2,560 cells are left, and for a first search, which may take twice
as coarse ones (1 x 1 in the central 16, up to 8 x 8), 832.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled

_CORE, _MIDDLE = 32, 64
_SEARCHED = 16


@lru_cache(maxsize=8)
def cells(box: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Which cell each pixel of a square belongs to.

    Parameters
    ----------
    box : int
        Side of the square, px.

    Returns
    -------
    label : ndarray of int32, shape (box * box,)
        Cell of each pixel, counted from the centre outwards.
    area : ndarray of float64, shape (cells,)
        Pixels in each cell.
    """
    return _cells(box, (_CORE, _MIDDLE))


@lru_cache(maxsize=8)
def search_cells(box: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Which coarser cell each cell of `cells` belongs to.

    Returns
    -------
    group : ndarray of int32, shape (cells,)
        Coarser cell of each, counted from the centre outwards.
    area : ndarray of float64, shape (coarser cells,)
        Pixels in each coarser cell.
    """
    fine, coarse = cells(box)[0], _cells(box, (_SEARCHED, 2 * _SEARCHED, 4 * _SEARCHED))
    group = np.empty(fine.max() + 1, np.int32)
    group[fine] = coarse[0]
    return group, coarse[1]


def _cells(box: int, sides: tuple[int, ...]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Cells of 1 x 1 pixel within the first of some squares around the middle, twice as wide in each next."""
    first = (box - min(box, _CORE)) // 2
    y, x = np.mgrid[:box, :box] - first
    size = np.full((box, box), 2 ** len(sides))
    for k, side in reversed(list(enumerate(sides))):
        size[_within(y, x, (min(box, _CORE) - side) // 2, side)] = 2**k
    key = (size * 4096 + y // size + 1024) * 4096 + x // size + 1024
    _, label = np.unique(key.ravel(), return_inverse=True)
    area = np.bincount(label).astype(float)
    distance = np.bincount(label, np.hypot(y - (_CORE - 1) / 2, x - (_CORE - 1) / 2).ravel()) / area
    rank = np.empty(len(area), np.int32)
    rank[np.argsort(distance, kind="stable")] = np.arange(len(area))
    ranked = rank[label]
    return ranked, np.bincount(ranked).astype(float)


def _within(y: NDArray, x: NDArray, start: int, side: int) -> NDArray[np.bool_]:
    return (y >= start) & (y < start + side) & (x >= start) & (x < start + side)


def core_of(box: int) -> tuple[int, int]:
    """First row and side of the square outside which all cells are 4 x 4."""
    side = min(box, _MIDDLE)
    return ((box - min(box, _CORE)) // 2 - (_MIDDLE - _CORE) // 2, side) if box > _MIDDLE else (0, side)


@lru_cache(maxsize=8)
def search_beside(box: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Cells of the search beside each other.

    Returns
    -------
    beside : ndarray of int64, shape (4, coarser cells)
        The cell to the right, to the left, above and below each; at the edge of the box the cell itself.
    apart : ndarray of float64, shape (2, coarser cells)
        From the middle of the left one to that of the right along x, and of the lower one to the upper along y, px.
    """
    group, area = search_cells(box)
    label = group[cells(box)[0]]
    y, x = np.mgrid[:box, :box]
    middle = np.array([np.bincount(label, axis.ravel()) / area for axis in (x, y)])
    step = (np.sqrt(area) + 1) / 2
    beside = np.empty((4, len(area)), np.int64)
    for k, (right, up) in enumerate(((1, 0), (-1, 0), (0, 1), (0, -1))):
        column, row = (np.rint(middle + step * [[right], [up]]).clip(0, box - 1)).astype(int)
        beside[k] = label[row * box + column]
    apart = np.array([middle[k][beside[2 * k]] - middle[k][beside[2 * k + 1]] for k in range(2)])
    return beside, np.maximum(apart, 1.0)


@lru_cache(maxsize=8)
def outer_cells(box: int) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Cells outside the square of `core_of`, and the (x, y) of their middles from the middle of the box."""
    label, area = cells(box)
    first, side = core_of(box)
    y, x = np.mgrid[:box, :box]
    outside = ~(_within(y, x, first, side))
    place = np.unique(label[outside.ravel()])
    middle = (box - 1) / 2
    centre_x, centre_y = (np.bincount(label, axis.ravel() - middle) / area for axis in (x, y))
    return place.astype(np.int64), centre_x[place], centre_y[place]


@compiled()
def fill_pixels(values: NDArray, label: NDArray, out: NDArray) -> None:
    """Give each pixel the value of its cell: values (k, cells) into out (k, box, box); 0 where the label is -1."""
    box = out.shape[2]
    for k in range(len(values)):
        row = values[k]
        for y in range(out.shape[1]):
            for x in range(box):
                cell = label[y * box + x]
                out[k, y, x] = row[cell] if cell >= 0 else 0.0


@compiled(fused=True)
def sum_cells(
    image: NDArray, rms: NDArray, mask: NDArray, used: NDArray, whole: NDArray, unit: float, label: NDArray,
    sums: NDArray,
) -> None:  # fmt: skip
    """Add up the used pixels of each cell.

    Parameters
    ----------
    image, rms : ndarray, shape (box, box)
        Pixels and their noise; of those that are not used the values do not matter.
    mask, used : ndarray of bool, shape (box, box)
    whole : ndarray of int32, shape (box * box,)
        Cell of each pixel.
    unit : float
        What image and noise are divided by.
    label : ndarray of int32, shape (box * box,)
        Filled with the cell of each used pixel, -1 for the others.
    sums : ndarray of float64, shape (cells, 5)
        Added to: image, variance, light smoothed over 3 x 3 used pixels where it is positive, pixels, and those in the
        mask.
    """
    box = len(image)
    data, column, light = np.zeros((box + 2, box + 2)), np.empty(box + 2), np.empty(box)
    for y in range(box):
        for x in range(box):
            data[y + 1, x + 1] = np.float64(image[y, x]) / unit if used[y, x] else 0.0
    for y in range(box):
        for x in range(box + 2):
            column[x] = data[y, x] + data[y + 1, x] + data[y + 2, x]
        for x in range(box):
            light[x] = max((column[x] + column[x + 1] + column[x + 2]) / 9.0, 0.0)
        for x in range(box):
            cell = whole[y * box + x] if used[y, x] else -1
            label[y * box + x] = cell
            if cell >= 0:
                noise, own = np.float64(rms[y, x]) / unit, sums[cell]
                own[0] += data[y + 1, x + 1]
                own[1] += noise * noise
                own[2] += light[x]
                own[3] += 1.0
                own[4] += 1.0 if mask[y, x] else 0.0


@compiled(fused=True)
def complete(
    group: NDArray, whole: NDArray, data: NDArray, variance: NDArray, area: NDArray, out: NDArray, weight: NDArray
) -> None:
    """Fill data and weights of coarser cells as if all their pixels were used.

    Parameters
    ----------
    group : ndarray of int32, shape (cells,)
        Coarser cell of each cell.
    whole : ndarray of float64, shape (coarser cells,)
        Pixels of each coarser cell.
    data, variance, area : ndarray of float64, shape (cells,)
        Sums over used pixels, and how many they are; where there are none the variance does not matter.
    out, weight : ndarray of float64, shape (coarser cells,)
        A cell of which less than half is missing takes the mean of the rest for it; the others have no weight.
    """
    noise, used = np.zeros(len(whole)), np.zeros(len(whole))
    out[:] = 0.0
    for k in range(len(group)):
        if area[k] > 0.0:
            out[group[k]] += data[k]
            noise[group[k]] += variance[k]
            used[group[k]] += area[k]
    for k in range(len(whole)):
        scale = whole[k] / used[k] if used[k] > 0.5 * whole[k] else 0.0
        out[k] *= scale
        weight[k] = 1.0 / (noise[k] * scale * scale) if scale > 0.0 else 0.0
