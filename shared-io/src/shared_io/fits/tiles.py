"""Tiles of compressed images: none may become larger than the image says."""

from __future__ import annotations

import math
import os
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from shared_io.errors import CorruptInput
from shared_io.fits.structure import Block

__all__ = ["check_tile", "tile_bytes"]

_SMALL = 2**14  # bytes in gzip, which cannot become more than 16 MiB
_MOST = 1032  # times, by which gzip can expand at best


def tile_bytes(block: Block) -> int:
    """Return the most bytes that a tile can have."""
    ndim = len(block.shape)
    axes = [int(block.cards[f"ZNAXIS{i}"].partition("/")[0]) for i in range(1, ndim + 1)]
    stated = (block.cards.get(f"ZTILE{i}", str(axes[0] if i == 1 else 1)).partition("/")[0] for i in range(1, ndim + 1))
    return 8 * math.prod(map(int, stated))


def check_tile(data: npt.NDArray[np.uint8], cap: int, block: Block, path: str | os.PathLike[str]) -> None:
    """Refuse a tile in gzip that would expand beyond `cap` bytes.

    Parameters
    ----------
    data
        The compressed tile.
    cap
        What `tile_bytes` says.
    block, path
        For messages.

    Raises
    ------
    CorruptInput
        When there is more in it than there can be.
    """
    if data.size <= _SMALL or data.size * _MOST <= cap or data[:2].tobytes() != b"\x1f\x8b":
        return
    left: Any = data.tobytes()
    total = 0
    try:
        while left[:2] == b"\x1f\x8b":
            inflate = zlib.decompressobj(wbits=31)
            while left and not inflate.eof and total <= cap:
                total += len(inflate.decompress(left, 2**20))
                left = inflate.unconsumed_tail
            left = inflate.unused_data if total <= cap else b""
    except zlib.error as error:
        raise CorruptInput(f"a tile is damaged ({error})", path=path, hdu=block.place) from error
    if total > cap:
        raise CorruptInput("a tile expands to more than the image has", path=path, hdu=block.place)
