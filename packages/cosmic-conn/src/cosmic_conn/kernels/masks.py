"""Masks: growing them, counting what is in them, packing probabilities into bytes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["EIGHT", "around_saturated", "from_bytes", "grow", "object_sizes", "to_bytes"]

EIGHT = np.ones((3, 3), dtype=bool)
"""Neighbours of a pixel, corners included."""

_STAR = 9  # saturated pixels from which a group of them is a star
_BESIDE = 2  # how far around it nothing is believed [pixel]
_STEPS = 250  # of a probability in a byte: 0.004 each


def grow(mask: npt.NDArray[np.bool_], pixels: int) -> npt.NDArray[np.bool_]:
    """Return a mask grown by so many pixels in all eight directions."""
    from scipy.ndimage import binary_dilation

    return mask if pixels < 1 else np.asarray(binary_dilation(mask, EIGHT, iterations=pixels))


def around_saturated(saturated: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the saturated pixels, and what is within two pixels of a group of nine or more of them.

    Charge that bled out of a star ends in pixels that are not full and look sharp; a cosmic ray that saturates does
    so in a few pixels only.
    """
    if not saturated.any():
        return saturated
    from scipy.ndimage import label

    labels, _ = label(saturated, EIGHT)
    large = np.bincount(labels.ravel()) >= _STAR
    large[0] = False
    return saturated | grow(large[labels], _BESIDE)


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
    return packed.astype(np.float32) / np.float32(_STEPS)
