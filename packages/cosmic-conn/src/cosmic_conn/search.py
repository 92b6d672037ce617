"""The network's map of an image of any size, strip by strip.

Tiles overlap by twice the reach of the network, or a little more than that reach where its answers depend on the
whole tile, and are blended; every pixel is searched, to the last row and column.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cosmic_conn.kernels.tiling import blend_weights, fitting_side, padded, tile_starts
from cosmic_conn.sky import Plane, Sky

if TYPE_CHECKING:
    from cosmic_conn.cores import Cores
    from cosmic_conn.engine import Engine

__all__ = ["probability_rows"]

Array = npt.NDArray[np.float32]

_PIXELS = 1 << 19  # of the rows that are made ready, or handed on, together


def probability_rows(plane: Plane, sky: Sky, engine: Engine | Cores, tile: int) -> Iterator[tuple[int, Array]]:
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
    architecture = engine.card.architecture
    multiple = architecture.multiple
    height, width = plane.shape
    halo = padded(architecture.reach, multiple)
    margin = halo // 2 if engine.depends_on_tile else halo
    tile = padded(max(tile, 2 * halo + multiple), multiple)
    (tops, tall), (lefts, wide) = (_axis(n, tile, halo, multiple) for n in (height, width))
    down = blend_weights(padded(height, multiple), tops, tall, halo, margin)
    across = blend_weights(padded(width, multiple), lefts, wide, halo, margin)
    carried = np.zeros((tall, padded(width, multiple)), dtype=np.float32)
    for index, top in enumerate(tops):
        _search(engine, _strip(plane, sky, engine, top, tall), lefts, wide, down[index], across, carried)
        stop = tops[index + 1] if index + 1 < len(tops) else height
        for start in range(top, stop, _rows_together(width)):
            last = min(start + _rows_together(width), stop)
            yield start, carried[start - top : last - top, :width].copy()
        kept = max(tall - (stop - top), 0)
        carried[:kept] = carried[tall - kept :]
        carried[kept:] = 0


def _axis(length: int, tile: int, halo: int, multiple: int) -> tuple[list[int], int]:
    """Return the starts and the side of the tiles of one axis."""
    full = padded(length, multiple)
    side = fitting_side(full, tile, halo, multiple)
    return tile_starts(full, side, halo, multiple), side


def _rows_together(width: int) -> int:
    """Return how many rows are handed on, or made ready, together."""
    return max(_PIXELS // width, 1)


def _strip(plane: Plane, sky: Sky, engine: Engine | Cores, top: int, tall: int) -> Array:
    """Return normalised rows; beyond the last row and column of the image these are repeated."""
    height, width = plane.shape
    front = engine.card.front
    last = min(top + tall, height)
    strip = np.empty((tall, padded(width, engine.card.architecture.multiple)), dtype=np.float32)
    for start in range(top, last, _rows_together(width)):
        stop = min(start + _rows_together(width), last)
        strip[start - top : stop - top, :width] = sky.normalised(plane, start, stop, front.knee)
    strip[last - top :, :width] = strip[last - top - 1, :width]
    strip[:, width:] = strip[:, width - 1 : width]
    if front.scale != 1:
        strip *= np.float32(front.scale)
    return strip


def _search(
    engine: Engine | Cores, shown: Array, lefts: list[int], wide: int, down: Array, across: Array, found: Array
) -> None:
    """Add the blended answers of one row of tiles to those of the row above."""
    for first in range(0, len(lefts), engine.together):
        part = slice(first, first + engine.together)
        answers = engine.probabilities(np.stack([shown[:, left : left + wide] for left in lefts[part]]))
        for answer, left, weight in zip(answers, lefts[part], across[part], strict=True):
            answer *= weight
            answer *= down[:, None]
            found[:, left : left + wide] += answer
