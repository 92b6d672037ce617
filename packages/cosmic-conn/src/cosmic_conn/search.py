"""The network's map of an image of any size, strip by strip.

Tiles overlap by twice the reach of the network, or a little more than that reach where its answers depend on the
whole tile, and are blended; every pixel is searched, to the last row and column.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from cosmic_conn.engine import Engine
from cosmic_conn.kernels.tiling import blend_weights, fitting_side, padded, tile_starts
from cosmic_conn.sky import Plane, Sky

__all__ = ["probability_rows"]

Array = npt.NDArray[np.float32]

_TOGETHER = 32  # tiles side by side that are given to the network at a time


def probability_rows(plane: Plane, sky: Sky, engine: Engine, tile: int) -> Iterator[tuple[int, Array]]:
    """Yield the probability of a cosmic ray in each pixel, as strips of rows from the first to the last.

    Parameters
    ----------
    plane, sky
        The image and its measured sky.
    engine
        The network.
    tile
        Largest side of the tiles [pixel]; they are made as much smaller as the image allows without more of them.

    Yields
    ------
    start : int
        First row of the strip.
    probability : ndarray of float32, shape (rows, width)
    """
    architecture = engine.network.architecture
    multiple = architecture.multiple
    height, width = plane.shape
    halo = padded(architecture.reach, multiple)
    margin = halo // 2 if engine.depends_on_tile else halo
    tile = padded(max(tile, 2 * halo + multiple), multiple)
    (tops, tall), (lefts, wide) = (_axis(n, tile, halo, multiple) for n in (height, width))
    down = blend_weights(padded(height, multiple), tops, tall, halo, margin)
    across = blend_weights(padded(width, multiple), lefts, wide, halo, margin)
    carried = np.zeros((tall, width), dtype=np.float32)
    for index, top in enumerate(tops):
        shown = _strip(plane, sky, engine, top, tall)
        strip = _across(engine, shown, lefts, wide, across)[:, :width]
        carried += strip * down[index][:, None]
        stop = tops[index + 1] if index + 1 < len(tops) else height
        yield top, carried[: stop - top].copy()
        carried[: tall - (stop - top)] = carried[stop - top :] if stop - top < tall else 0
        carried[tall - (stop - top) :] = 0


def _axis(length: int, tile: int, halo: int, multiple: int) -> tuple[list[int], int]:
    """Return the starts and the side of the tiles of one axis."""
    full = padded(length, multiple)
    side = fitting_side(full, tile, halo, multiple)
    return tile_starts(full, side, halo, multiple), side


def _strip(plane: Plane, sky: Sky, engine: Engine, top: int, tall: int) -> Array:
    """Return normalised rows; beyond the last row and column of the image these are repeated."""
    height, width = plane.shape
    front = engine.card.front
    last = min(top + tall, height)
    rows = sky.normalised(plane, top, last, front.knee)
    wide = padded(width, engine.network.architecture.multiple)
    strip = np.pad(rows, ((0, tall - len(rows)), (0, wide - width)), mode="edge")
    return strip if front.scale == 1 else strip * np.float32(front.scale)


def _across(engine: Engine, shown: Array, lefts: list[int], wide: int, weights: Array) -> Array:
    """Return the blended map of one row of tiles."""
    found = np.zeros_like(shown)
    for first in range(0, len(lefts), _TOGETHER):
        part = slice(first, first + _TOGETHER)
        answers = engine.probabilities(np.stack([shown[:, left : left + wide] for left in lefts[part]]))
        for answer, left, weight in zip(answers, lefts[part], weights[part], strict=True):
            found[:, left : left + wide] += answer * weight
    return found
