"""The way for everything else: any file that `shared_io.fits` reads, and every refusal with its reason."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from shared_io.errors import CorruptInput, SchemaMismatch
from shared_io.fits.checksum import check_sums
from shared_io.fits.read import image_of, load, quiet, translated
from shared_io.fits.select import Selector, select
from shared_io.fits.stream import Stream, open_stream
from shared_io.fits.structure import Block, walk
from shared_io.stamps.cards import Value

if TYPE_CHECKING:
    from astropy.io.fits import Header

__all__ = ["read"]


def read(
    path: str | os.PathLike[str], hdu: Selector | list[Selector] | None, keys: Sequence[str]
) -> tuple[npt.NDArray[Any], list[Value]]:
    """Read the pixels and the cards of one file.

    Parameters
    ----------
    path
        The file.
    hdu
        One HDU, several to be stacked, or None for the first image of two or three axes.
    keys
        The cards wanted: of the HDUs read, in their order, else of the primary header.

    Raises
    ------
    SharedIOError
        When the file cannot be trusted or does not hold what is wanted.
    """
    with open_stream(path) as stream:
        blocks = walk(stream, path)
        wanted = hdu if isinstance(hdu, list) else [hdu]
        chosen = [_first(blocks, path) if h is None else select(blocks, h, path) for h in wanted]
        images = [image_of(stream, block, path, verify_sums=True) for block in chosen]
        headers = [(image.header, block) for image, block in zip(images, chosen, strict=True)]
        if keys and blocks[0] not in chosen:
            headers.append((_primary(stream, blocks[0], path), blocks[0]))
    for block, image in zip(chosen, images, strict=True):
        if image.data.ndim not in (2, 3):
            raise SchemaMismatch(
                f"an image of shape {image.data.shape}, not (ny, nx) or (planes, ny, nx)",
                path=path,
                hdu=block.place,
            )
    values = [_value(headers, key, path) for key in keys]
    return _stacked([image.data for image in images], chosen, path, several=isinstance(hdu, list)), values


def _first(blocks: Sequence[Block], path: str | os.PathLike[str]) -> Block:
    for block in blocks:
        if block.kind in ("image", "compressed") and len(block.shape) in (2, 3) and 0 not in block.shape:
            return block
    raise SchemaMismatch("there is no image of two or three axes", path=path)


def _primary(stream: Stream, block: Block, path: str | os.PathLike[str]) -> Header:
    """Return the primary header, verified."""
    from astropy.io.fits import Header

    check_sums(load(stream, block, path), block, path)
    with translated(path, block), quiet():
        return Header.fromstring(block.header)


def _value(headers: Sequence[tuple[Header, Block]], key: str, path: str | os.PathLike[str]) -> Value:
    for header, block in headers:
        with translated(path, block), quiet():
            if key not in header:
                continue
            value = header[key]
            if value is not None and not isinstance(value, bool | int | float | complex | str):
                raise CorruptInput(f"the card {key} has no plain value", path=path, hdu=block.place)
            return value
    return None


def _stacked(
    planes: Sequence[npt.NDArray[Any]],
    chosen: Sequence[Block],
    path: str | os.PathLike[str],
    *,
    several: bool,
) -> npt.NDArray[Any]:
    """Return one array: that of the one HDU, or those of several behind one another."""
    if not several:
        return planes[0]
    for plane, block in zip(planes, chosen, strict=True):
        if plane.shape[-2:] != planes[0].shape[-2:]:
            raise SchemaMismatch(
                f"{_size(plane)} pixels, but {_size(planes[0])} in HDU {chosen[0].place}",
                path=path,
                hdu=block.place,
            )
    return np.concatenate([plane.reshape(-1, *plane.shape[-2:]) for plane in planes])


def _size(plane: npt.NDArray[Any]) -> str:
    return " x ".join(map(str, plane.shape[-2:]))
