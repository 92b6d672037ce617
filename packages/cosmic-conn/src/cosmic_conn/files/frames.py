"""Reading frames: the science images of a file, and what its headers tell of the camera."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from shared_io import fits
from shared_io.errors import SchemaMismatch

from cosmic_conn.detection import SMALLEST, Camera

__all__ = ["BITS_MASK", "SCIENCE", "ScienceImage", "camera_of", "open_science", "read_science", "saturation_of"]

SCIENCE = "SCI"
"""Name of the extensions that are searched."""

BITS_MASK = "BPM"
"""Name of the extension of bad pixels: what is not zero there has no value."""

_GAIN = ("GAIN",)
_READ_NOISE = ("RDNOISE", "READNOIS", "READNOISE", "RON")
_SATURATION = ("SATURATE", "SATLEVEL")
_STRIP = 256  # rows that are looked at together
_MOST_SATURATED = 0.05  # share of pixels from which the header's level is not believed


@dataclass(frozen=True)
class ScienceImage:
    """An image to search.

    Attributes
    ----------
    pixels : ndarray or Rows, shape (height, width)
    mask : ndarray of bool or Rows, or None
        Bad pixels: not zero.
    header : Header
        Of its HDU, with what only the primary header has.
    index, name, version
        Its HDU.
    """

    pixels: npt.NDArray[Any] | fits.Rows
    mask: npt.NDArray[np.bool_] | fits.Rows | None
    header: Any
    index: int
    name: str
    version: int


def read_science(
    path: str | os.PathLike[str], extension: str = SCIENCE, bad_pixels: str = BITS_MASK
) -> Iterator[ScienceImage]:
    """Read the images of a file that are to be searched, one after the other; parameters and errors of `open_science`.

    Yields
    ------
    ScienceImage
        With arrays.
    """
    for image in open_science(path, extension, bad_pixels):
        yield replace(image, pixels=image.pixels[:], mask=None if image.mask is None else image.mask[:] != 0)


def open_science(
    path: str | os.PathLike[str], extension: str = SCIENCE, bad_pixels: str = BITS_MASK
) -> Iterator[ScienceImage]:
    """Open the images of a file that are to be searched, one after the other, to read them by rows.

    Parameters
    ----------
    path
        A FITS file.
    extension
        Name or index. With ``SCI`` and no HDU of that name: the first two-dimensional image.
    bad_pixels
        Name of extensions of bad pixels, used where it exists (with the same EXTVER, where there are several).

    Yields
    ------
    ScienceImage
        With `Rows`, which can be read until the next one is asked for.

    Raises
    ------
    SharedIOError
        When the file is damaged, or has no such image.
    """
    infos = fits.inspect(path)
    chosen: list[int | str | None] = [i.index for i in infos if i.name == extension.strip().upper() and i.shape]
    if not chosen:
        chosen = [None if extension.upper() == SCIENCE else extension]
    masks = {info.ver: info.index for info in infos if info.name == bad_pixels.strip().upper() and bad_pixels}
    for which in chosen:
        with ExitStack() as opened:
            yield _science(path, which, infos, masks, opened, alone=len(chosen) == 1)


def _science(
    path: str | os.PathLike[str], which: int | str | None, infos: tuple[fits.HDUInfo, ...], masks: dict[int, int],
    opened: ExitStack, *, alone: bool,
) -> ScienceImage:  # fmt: skip
    pixels = opened.enter_context(fits.open_image(path, which))
    info = infos[pixels.index]
    if min(pixels.shape) < SMALLEST:
        shape = " x ".join(map(str, pixels.shape))
        raise SchemaMismatch(f"an image of {shape} pixels; two sides of {SMALLEST} at least", path=path, hdu=info.name)
    where = masks.get(info.ver, next(iter(masks.values())) if masks and alone else None)
    bad = None
    if where is not None:
        bad = opened.enter_context(fits.open_image(path, where))
        if bad.shape != pixels.shape:
            raise SchemaMismatch("the extension of bad pixels has another shape", path=path, hdu=infos[where].name)
    header = pixels.header.copy()
    header.extend(infos[0].header, unique=True, bottom=True, strip=True)
    return ScienceImage(pixels, bad, header, pixels.index, info.name, info.ver)


def camera_of(image: ScienceImage, given: Camera) -> Camera:
    """Return what is known of the camera: what is given, else what the header says.

    The header's saturation level is not believed where more than a twentieth of the pixels would be saturated.
    """
    gain = given.gain or _number(image.header, _GAIN)
    noise = given.read_noise if given.read_noise is not None else _number(image.header, _READ_NOISE)
    saturation = given.saturation
    return Camera(gain, noise, saturation_of(image.pixels, image.header) if saturation is None else saturation)


def saturation_of(pixels: npt.NDArray[Any] | fits.Rows, header: Any) -> float | None:
    """Return the saturation level that a header names, unless more than a twentieth of the pixels would be beyond."""
    level = _number(header, _SATURATION)
    if level is None:
        return None
    with np.errstate(invalid="ignore"):
        strips = (pixels[start : start + _STRIP] for start in range(0, pixels.shape[0], _STRIP))
        beyond = sum(int((strip >= level).sum()) for strip in strips)
    return None if beyond / pixels.size > _MOST_SATURATED else level


def _number(header: Any, keys: tuple[str, ...]) -> float | None:
    """Return the first of some cards that holds a number above zero."""
    for key in keys:
        value = header.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf"):
            return float(value)
    return None
