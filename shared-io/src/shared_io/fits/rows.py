"""Images read by rows: one that is stored plainly never lies in memory as a whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from shared_io.errors import CorruptInput, SchemaMismatch
from shared_io.fits.checksum import check_total, ones_sum
from shared_io.fits.read import DTYPES, as_meant, image_of, is_plain, pieces, plain_header
from shared_io.fits.select import Selector, first_image, select
from shared_io.fits.stream import Stream, open_stream
from shared_io.fits.structure import Block, walk

if TYPE_CHECKING:
    from astropy.io.fits import Header

__all__ = ["Rows", "open_image"]


@dataclass(frozen=True, eq=False)
class Rows:
    """A two-dimensional image of which rows are read as they are asked for: ``rows[10:20]``.

    Attributes
    ----------
    shape
        Height and width [pixel].
    dtype
        Of the pixels, BSCALE and BZERO applied, in the byte order of the machine.
    header
        The header of its HDU.
    name, index
        Of its HDU.
    """

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    header: Header
    name: str
    index: int
    _read: Callable[[int, int], npt.NDArray[Any]]

    def __getitem__(self, rows: slice) -> npt.NDArray[Any]:
        """Return some rows, one after the other, shape (n, width)."""
        start, stop, step = rows.indices(self.shape[0])
        if step != 1:
            raise ValueError("rows are read one after the other")
        return self._read(start, max(start, stop))

    @property
    def size(self) -> int:
        """Number of pixels."""
        return self.shape[0] * self.shape[1]


@contextmanager
def open_image(path: str | os.PathLike[str], hdu: Selector | None = None, *, verify: bool = True) -> Iterator[Rows]:
    """Open an image to read it by rows.

    Parameters
    ----------
    path, hdu, verify
        As for `read_image`; what is verified is verified before the first row is given.

    Raises
    ------
    SharedIOError
        As `read_image`; SchemaMismatch too when the image is not two-dimensional.

    Notes
    -----
    Pixels that are compressed, or scaled by other than whole types, are read at once.
    """
    with open_stream(path) as stream:
        blocks = walk(stream, path)
        block = first_image(blocks, path) if hdu is None else select(blocks, hdu, path)
        if len(block.shape) != 2 or block.kind not in ("image", "compressed"):
            shape = " x ".join(map(str, block.shape)) or "no pixels"
            raise SchemaMismatch(f"not an image of rows but {shape}", path=path, hdu=block.place)
        if not is_plain(block) or 0 in block.shape:
            image = image_of(stream, block, path, verify_sums=verify)
            data = image.data
            yield Rows(block.shape, data.dtype, image.header, block.name, block.index, lambda a, b: data[a:b])
            return
        if verify:
            check_total(partial(_total, stream, block, path), block, path)
        dtype = as_meant(np.empty(0, DTYPES[block.bitpix]), block).dtype
        read = partial(_rows, stream, block, path)
        yield Rows(block.shape, dtype, plain_header(block, path), block.name, block.index, read)


def _total(stream: Stream, block: Block, path: str | os.PathLike[str]) -> int:
    total = 0
    for data in pieces(stream, block, path):
        total = ones_sum(data, total)
    return total


def _rows(stream: Stream, block: Block, path: str | os.PathLike[str], start: int, stop: int) -> npt.NDArray[Any]:
    width = block.shape[1]
    data = np.empty((stop - start, width), DTYPES[block.bitpix])
    raw = data.reshape(-1).view(np.uint8)
    if raw.size and stream.fill(block.offset + start * width * data.itemsize, raw) < raw.size:
        raise CorruptInput("the file shrinks while it is read", path=path, hdu=block.place)
    if np.little_endian and data.itemsize > 1:
        data.byteswap(inplace=True)
    return as_meant(data, block)
