"""The map that Cosmic-CoNN 0.6 gives for an image, with its tiling and its preprocessing.

For comparison, and for pipelines that want its very numbers: tiles side by side, each with its own median subtracted,
NaN set to zero, no noise, no masks, and up to 15 rows and columns at the end that are never searched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from cosmic_conn.cores import Cores
    from cosmic_conn.engine import Engine

__all__ = ["parity_probability"]

_CUT = 16  # tiles are cut to multiples of this [pixel]


def parity_probability(
    pixels: npt.NDArray[np.generic], engine: Engine | Cores, crop: int = 1024
) -> npt.NDArray[np.float32]:
    """Return the probability map as Cosmic-CoNN makes it.

    Parameters
    ----------
    pixels : ndarray, shape (height, width)
        Any real type.
    engine
        A published network, in float32.
    crop
        Side of the tiles [pixel]; 0 for the whole image at once.

    Returns
    -------
    ndarray of float32
        0 where it does not search.
    """
    height, width = pixels.shape
    crop = crop or max(height, width)
    found = np.zeros((height, width), dtype=np.float32)
    for top in range(0, height, crop):
        for left in range(0, width, crop):
            tile = pixels[top : top + crop, left : left + crop].astype(np.float32)
            tall, wide = (n // _CUT * _CUT for n in tile.shape)
            if not (tall and wide):
                continue
            tile = np.nan_to_num(tile, nan=0.0, posinf=np.inf, neginf=-np.inf)
            tile -= np.sort(tile, axis=None)[(tile.size - 1) // 2]  # the lower of the two middle pixels
            found[top : top + tall, left : left + wide] = engine.probabilities(tile[None, :tall, :wide])[0]
    return found
