"""Cutting an image into overlapping tiles and weighing what comes back, so that no seam is left."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["blend_weights", "fitting_side", "padded", "tile_starts"]


def padded(length: int, multiple: int) -> int:
    """Return the smallest multiple of `multiple` that is not below `length`."""
    return -(-length // multiple) * multiple


def fitting_side(length: int, largest: int, halo: int, multiple: int) -> int:
    """Return the smallest side of tiles that cover an axis with as few tiles as the largest side needs.

    Parameters
    ----------
    length, largest
        Of the axis, and of the side; multiples of `multiple` [pixel].
    halo, multiple
        As for `tile_starts`.
    """
    if length <= largest:
        return length
    number = -(-(length - 2 * halo) // (largest - 2 * halo))
    side = padded(-(-(length + 2 * halo * (number - 1)) // number), multiple)
    return min(side, largest)


def tile_starts(length: int, side: int, halo: int, multiple: int) -> list[int]:
    """Return where the tiles of one axis begin.

    Parameters
    ----------
    length
        Of the axis, a multiple of `multiple` [pixel].
    side
        Of a tile, likewise [pixel].
    halo
        Neighbouring tiles overlap by twice this at least [pixel].
    multiple
        All tiles begin at multiples of this, so that the network's coarse grids are the same in all.

    Returns
    -------
    list of int
        From 0; the last tile ends with the axis. Just ``[0]`` where one tile holds the axis.
    """
    if length <= side:
        return [0]
    step = (side - 2 * halo) // multiple * multiple
    if step < 1:
        raise ValueError(f"tiles of {side} pixels are too small for an overlap of {halo} on each side")
    return [*range(0, length - side, step), length - side]


def blend_weights(length: int, starts: list[int], side: int, halo: int, margin: int) -> npt.NDArray[np.float32]:
    """Return the weight of each tile at each of its places along one axis; those of all tiles add up to 1 everywhere.

    Parameters
    ----------
    length, starts, side, halo
        As for `tile_starts`.
    margin
        How near to an end of a tile inside the image its answers are not used at all [pixel]; below `halo`, or equal
        to it: then tiles change over within two pixels.

    Returns
    -------
    ndarray of float32, shape (tiles, side)
        Rising along a straight line from `margin` to ``2 halo - margin`` behind an end inside the image.
    """
    side = min(side, length)
    place = np.arange(side) + 0.5
    width = max(2 * (halo - margin), 1)
    weights = np.ones((len(starts), side))
    for weight, start in zip(weights, starts, strict=True):
        if start > 0:
            weight *= np.clip((place - margin) / width, 0, 1)
        if start + side < length:
            weight *= np.clip((side - place - margin) / width, 0, 1)
    total = np.zeros(length)
    for weight, start in zip(weights, starts, strict=True):
        total[start : start + side] += weight
    shares = [w / total[s : s + side] for w, s in zip(weights, starts, strict=True)]
    return np.array(shares, dtype=np.float32)
