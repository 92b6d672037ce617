"""Finding the HDU that a caller means."""

from __future__ import annotations

import os
from collections.abc import Sequence

from shared_io.errors import SchemaMismatch
from shared_io.fits.structure import Block

__all__ = ["Selector", "first_image", "select"]

Selector = int | str | tuple[str, int]


def select(blocks: Sequence[Block], hdu: Selector, path: str | os.PathLike[str]) -> Block:
    """Return the HDU meant by an index, a name, ``(name, version)`` or ``"name,version"``.

    A name is taken whatever the case of its letters. A name that several HDUs carry means the one of
    version 1, as in astropy, if there is exactly one; a text that is no name but a number is an index.

    Raises
    ------
    SchemaMismatch
        When there is no such HDU, or more than one.
    """
    if isinstance(hdu, int):
        if -len(blocks) <= hdu < len(blocks):
            return blocks[hdu]
        raise SchemaMismatch(f"there is no HDU {hdu}", path=path, hint=f"it has {_listing(blocks)}")
    name, version = hdu if isinstance(hdu, tuple) else (hdu, None)
    found = [b for b in blocks if b.name == name.strip().upper()]
    if not found and version is None:
        return _by_text(blocks, name, path)
    if version is not None:
        found = [b for b in found if b.ver == version]
    elif len(found) > 1:
        found = [b for b in found if b.ver == 1] or found
    if len(found) == 1:
        return found[0]
    if not found:
        raise _missing(blocks, hdu, path)
    raise SchemaMismatch(
        f"{len(found)} HDUs are called {name!r}{'' if version is None else f' with version {version}'}",
        path=path,
        hint=f"choose one by its index: {', '.join(str(b.index) for b in found[:20])}",
    )


def first_image(blocks: Sequence[Block], path: str | os.PathLike[str]) -> Block:
    """Return the first HDU that holds a two-dimensional image.

    Raises
    ------
    SchemaMismatch
        When there is none.
    """
    for block in blocks:
        if is_image(block):
            return block
    raise SchemaMismatch("there is no two-dimensional image", path=path, hint=f"it has {_listing(blocks)}")


def is_image(block: Block) -> bool:
    """Tell whether an HDU holds a two-dimensional image with at least one pixel."""
    return block.kind in ("image", "compressed") and len(block.shape) == 2 and 0 not in block.shape


def _by_text(blocks: Sequence[Block], text: str, path: str | os.PathLike[str]) -> Block:
    name, _, version = text.rpartition(",")
    if name and version.strip().isdigit():
        return select(blocks, (name, int(version)), path)
    if text.strip().isdigit():
        return select(blocks, int(text), path)
    raise _missing(blocks, text, path)


def _missing(blocks: Sequence[Block], hdu: Selector, path: str | os.PathLike[str]) -> SchemaMismatch:
    return SchemaMismatch(f"there is no HDU {hdu!r}", path=path, hint=f"it has {_listing(blocks)}")


def _listing(blocks: Sequence[Block]) -> str:
    shown = [f"{b.index}:{b.name or '-'}({b.kind} {'x'.join(map(str, b.shape)) or 'empty'})" for b in blocks[:12]]
    return ", ".join(shown) + (f", and {len(blocks) - 12} more" if len(blocks) > 12 else "")
