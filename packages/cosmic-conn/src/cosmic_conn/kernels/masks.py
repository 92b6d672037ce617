"""Masks: growing them, counting what is in them, packing probabilities into bytes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["EIGHT", "SATURATED_REACH", "around_saturated", "from_bytes", "grow", "object_sizes", "to_bytes"]

EIGHT = np.ones((3, 3), dtype=bool)
"""Neighbours of a pixel, corners included."""

_STRIP = 256  # rows that are worked on together
_STAR = 9  # saturated pixels from which a group of them is a star
_BESIDE = 2  # how far around it nothing is believed [pixel]

SATURATED_REACH = _BESIDE + _STAR - 1
"""How far around a pixel `around_saturated` looks [pixel]: of a group of nine, all are within eight of each."""

_STEPS = 250  # of a probability in a byte: 0.004 each


def grow(mask: npt.NDArray[np.bool_], pixels: int) -> npt.NDArray[np.bool_]:
    """Return a mask grown by so many pixels in all eight directions, first along the rows, then along the columns."""
    if pixels < 1:
        return mask
    wide = mask.copy()
    for step in range(1, min(pixels, mask.shape[1] - 1) + 1):
        wide[:, step:] |= mask[:, :-step]
        wide[:, :-step] |= mask[:, step:]
    found = wide.copy()
    for step in range(1, min(pixels, mask.shape[0] - 1) + 1):
        found[step:] |= wide[:-step]
        found[:-step] |= wide[step:]
    return found


def around_saturated(saturated: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the saturated pixels, and what is within two pixels of a group of nine or more of them.

    Charge that bled out of a star ends in pixels that are not full and look sharp; a cosmic ray that saturates does
    so in a few pixels only. The answer for a pixel depends on nothing beyond `SATURATED_REACH` pixels around it.
    """
    if not saturated.any():
        return saturated
    from scipy.ndimage import label

    labels, _ = label(saturated, EIGHT)
    large = np.bincount(labels.ravel()) >= _STAR
    large[0] = False
    return saturated | grow(large[labels], _BESIDE)


def object_sizes(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return the number of pixels of each 8-connected object of a mask.

    It is labelled in strips; what touches across their borders is then one object.
    """
    from scipy.ndimage import label
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    sizes, pairs, total = [], [np.empty((2, 0), dtype=np.int64)], 0
    above = np.zeros(mask.shape[1], dtype=np.int64)  # numbers of the objects in the last row, from 1
    for start in range(0, len(mask), _STRIP):
        labels, number = label(mask[start : start + _STRIP], EIGHT)
        sizes.append(np.bincount(labels.ravel(), minlength=number + 1)[1:])
        first, last = (np.where(row > 0, row + np.int64(total), 0) for row in (labels[0], labels[-1]))
        pairs += [_both(above, first), _both(above[1:], first[:-1]), _both(above[:-1], first[1:])]
        above, total = last, total + number
    if not total:
        return np.empty(0, dtype=np.int64)
    one, other = np.concatenate(pairs, axis=1) - 1
    touching = coo_array((np.ones(len(one), dtype=bool), (one, other)), shape=(total, total))
    _, objects = connected_components(touching, directed=False)
    found = np.zeros(objects.max() + 1, dtype=np.int64)
    np.add.at(found, objects, np.concatenate(sizes))
    return found


def _both(one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the numbers that face each other, where neither is 0, shape (2, n)."""
    facing = (one > 0) & (other > 0)
    return np.stack([one[facing], other[facing]])


def to_bytes(probability: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return probabilities as bytes, 0.004 a step."""
    packed = np.empty(probability.shape, dtype=np.uint8)
    for start in range(0, len(probability), _STRIP):
        packed[start : start + _STRIP] = np.rint(probability[start : start + _STRIP] * _STEPS)
    return packed


def from_bytes(packed: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return the probabilities that bytes stand for."""
    return packed.astype(np.float32) / np.float32(_STEPS)
