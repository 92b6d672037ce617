"""Masks: growing them, counting what is in them, packing probabilities into bytes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["EIGHT", "from_bytes", "grow", "object_sizes", "to_bytes"]

EIGHT = np.ones((3, 3), dtype=bool)
"""Neighbours of a pixel, corners included."""

_STEPS = 250  # of a probability in a byte: 0.004 each


def grow(mask: npt.NDArray[np.bool_], pixels: int) -> npt.NDArray[np.bool_]:
    """Return a mask grown by so many pixels in all eight directions."""
    from scipy.ndimage import binary_dilation

    return mask if pixels < 1 else np.asarray(binary_dilation(mask, EIGHT, iterations=pixels))


def object_sizes(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return the number of pixels of each 8-connected object of a mask."""
    from scipy.ndimage import label

    labels, _ = label(mask, EIGHT)
    return np.bincount(labels.ravel())[1:]


def to_bytes(probability: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return probabilities as bytes, 0.004 a step."""
    return np.asarray(np.rint(probability * _STEPS), dtype=np.uint8)


def from_bytes(packed: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return the probabilities that bytes stand for."""
    return packed.astype(np.float32) / _STEPS
