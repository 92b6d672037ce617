"""Masks: growing them, counting what is in them, packing probabilities into bytes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = [
    "EIGHT",
    "SATURATED_REACH",
    "ObjectSizes",
    "around_saturated",
    "from_bytes",
    "grow",
    "object_sizes",
    "size_counts",
    "to_bytes",
]

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


class ObjectSizes:
    """Counts the pixels of the 8-connected objects of a mask that comes in strips."""

    def __init__(self) -> None:
        self._sizes: list[npt.NDArray[np.int64]] = []
        self._pairs: list[npt.NDArray[np.int64]] = []
        self._above: npt.NDArray[np.int64] | None = None  # numbers of the objects in the last row, from 1
        self._total = 0

    def add(self, mask: npt.NDArray[np.bool_]) -> None:
        """Add the rows that follow; what touches across their border is one object."""
        from scipy.ndimage import label

        labels, number = label(mask, EIGHT)
        self._sizes.append(np.bincount(labels.ravel(), minlength=number + 1)[1:])
        first, last = (np.where(row > 0, row + np.int64(self._total), 0) for row in (labels[0], labels[-1]))
        above = np.zeros_like(first) if self._above is None else self._above
        self._pairs += [_both(above, first), _both(above[1:], first[:-1]), _both(above[:-1], first[1:])]
        self._above, self._total = last, self._total + number

    def sizes(self) -> npt.NDArray[np.int64]:
        """Return the number of pixels of each object."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        if not self._total:
            return np.empty(0, dtype=np.int64)
        one, other = np.concatenate(self._pairs, axis=1) - 1
        touching = coo_array((np.ones(len(one), dtype=bool), (one, other)), shape=(self._total, self._total))
        _, objects = connected_components(touching, directed=False)
        found = np.zeros(objects.max() + 1, dtype=np.int64)
        np.add.at(found, objects, np.concatenate(self._sizes))
        return found


def size_counts(sizes: npt.NDArray[np.int64]) -> dict[str, int]:
    """Return the number of objects by size: of 1, 2 to 4, 5 to 20 and more pixels."""
    return {
        "1": int((sizes == 1).sum()),
        "2-4": int(((sizes > 1) & (sizes < 5)).sum()),
        "5-20": int(((sizes > 4) & (sizes < 21)).sum()),
        ">20": int((sizes > 20).sum()),
    }


def object_sizes(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return the number of pixels of each 8-connected object of a whole mask, which is labelled in strips."""
    found = ObjectSizes()
    for start in range(0, len(mask), _STRIP):
        found.add(mask[start : start + _STRIP])
    return found.sizes()


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
