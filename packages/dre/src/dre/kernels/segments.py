"""Pixels of the sources on a cut of a segmentation map; "connected" and "steps" are along rows and columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled

CENTRAL = 2
"""Half the side of the block in the middle that belongs to the source in any case, px."""


@compiled()
def own_pixels(segments: NDArray[np.int32], number: int, steps: int) -> NDArray[np.bool_]:
    """Return the pixels of the source in the middle.

    Its segment and the central block are joined; what is connected to the middle is kept, holes are filled, and the
    whole is grown.

    Parameters
    ----------
    segments : ndarray of int32, shape (ny, nx)
        NUMBER of the source of each pixel, 0: none.
    number : int
        Of the source.
    steps : int
        By which it is grown, px.
    """
    rows, columns = segments.shape
    middle = rows // 2, columns // 2
    own = segments == number
    own[max(middle[0] - CENTRAL, 0) : middle[0] + CENTRAL, max(middle[1] - CENTRAL, 0) : middle[1] + CENTRAL] = True
    mask = np.zeros((rows, columns), np.bool_)
    todo = np.empty((rows * columns, 2), np.int32)
    mask[middle] = True
    todo[0] = middle
    _flood(own, mask, todo, 1)
    _fill_holes(mask, todo)
    _grow(mask, todo, steps)
    return mask


@compiled()
def _flood(allowed: NDArray[np.bool_], reached: NDArray[np.bool_], todo: NDArray[np.int32], count: int) -> None:
    """Reach all allowed pixels that are connected to the first `count` of `todo`."""
    rows, columns = allowed.shape
    while count:
        count -= 1
        y, x = todo[count]
        for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
            v, u = y + dy, x + dx
            if 0 <= v < rows and 0 <= u < columns and allowed[v, u] and not reached[v, u]:
                reached[v, u] = True
                todo[count, 0], todo[count, 1] = v, u
                count += 1


@compiled()
def _fill_holes(mask: NDArray[np.bool_], todo: NDArray[np.int32]) -> None:
    """Add what is enclosed: the rest of the bounding box that cannot be reached from around it."""
    rows, columns = mask.shape
    bottom, top, left, right = rows, -1, columns, -1
    for y in range(rows):
        for x in range(columns):
            if mask[y, x]:
                bottom, top, left, right = min(bottom, y), y, min(left, x), max(right, x)
    box = mask[bottom : top + 1, left : right + 1]
    free, outside, count = ~box, np.zeros(box.shape, np.bool_), 0
    for y in range(box.shape[0]):
        for x in range(box.shape[1]):
            edge = y == 0 or x == 0 or y == box.shape[0] - 1 or x == box.shape[1] - 1
            if edge and free[y, x]:
                outside[y, x] = True
                todo[count, 0], todo[count, 1] = y, x
                count += 1
    _flood(free, outside, todo, count)
    box[:] = ~outside


@compiled()
def _grow(mask: NDArray[np.bool_], todo: NDArray[np.int32], steps: int) -> None:
    """Add what is at most so many steps away; each round begins at what the one before has added."""
    rows, columns = mask.shape
    first, last = 0, 0
    for y in range(rows):
        for x in range(columns):
            if mask[y, x]:
                todo[last, 0], todo[last, 1] = y, x
                last += 1
    for _ in range(steps):
        end = last
        for k in range(first, end):
            for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                v, u = todo[k, 0] + dy, todo[k, 1] + dx
                if 0 <= v < rows and 0 <= u < columns and not mask[v, u]:
                    mask[v, u] = True
                    todo[last, 0], todo[last, 1] = v, u
                    last += 1
        first = end


@compiled()
def others_pixels(segments: NDArray[np.int32], number: int, steps: int) -> NDArray[np.int32]:
    """Return the NUMBER of the other source that each pixel belongs to, or 0.

    Segments of others are grown, the larger NUMBER over the smaller, but not into the segment of source `number`.

    Parameters
    ----------
    segments, number, steps
        As for `own_pixels`.
    """
    rows, columns = segments.shape
    values = np.zeros((rows + 2, columns + 2), np.int32)
    anything = False
    for y in range(rows):
        for x in range(columns):
            other = segments[y, x] != number and segments[y, x] != 0
            values[y + 1, x + 1] = segments[y, x] if other else 0
            anything |= other
    if anything:
        grown = values.copy()
        for _ in range(steps):
            for y in range(1, rows + 1):
                for x in range(1, columns + 1):
                    aside = max(values[y, x - 1], values[y, x + 1])
                    grown[y, x] = max(max(values[y - 1, x], values[y + 1, x]), max(aside, values[y, x]))
            values, grown = grown, values
        for y in range(rows):
            for x in range(columns):
                if segments[y, x] == number:
                    values[y + 1, x + 1] = 0
    return values[1:-1, 1:-1].copy()
