"""Reading frames: the science images of a file, and what its headers tell of the camera."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from shared_io import fits
from shared_io.errors import SchemaMismatch

from cosmic_conn.detection import SMALLEST, Camera

__all__ = ["BITS_MASK", "SCIENCE", "ScienceImage", "camera_of", "read_science", "saturation_of"]

SCIENCE = "SCI"
"""Name of the extensions that are searched."""

BITS_MASK = "BPM"
"""Name of the extension of bad pixels: what is not zero there has no value."""

_GAIN = ("GAIN",)
_READ_NOISE = ("RDNOISE", "READNOIS", "READNOISE", "RON")
_SATURATION = ("SATURATE", "SATLEVEL")
_MOST_SATURATED = 0.05  # share of pixels from which the header's level is not believed


@dataclass(frozen=True)
class ScienceImage:
    """An image to search.

    Attributes
    ----------
    pixels : ndarray, shape (height, width)
    mask : ndarray of bool or None
        Bad pixels.
    header : Header
        Of its HDU, with what only the primary header has.
    index, name, version
        Its HDU.
    """

    pixels: npt.NDArray[Any]
    mask: npt.NDArray[np.bool_] | None
    header: Any
    index: int
    name: str
    version: int


def read_science(
    path: str | os.PathLike[str], extension: str = SCIENCE, bad_pixels: str = BITS_MASK
) -> Iterator[ScienceImage]:
    """Read the images of a file that are to be searched, one after the other.

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
        Read when it is asked for, so that no more than one needs to be held.

    Raises
    ------
    SharedIOError
        When the file is damaged, or has no such image.
    """
    infos = fits.inspect(path)
    chosen = [info.index for info in infos if info.name == extension.strip().upper() and info.shape]
    if not chosen and extension.upper() == SCIENCE:
        chosen = [fits.read_image(path).index]
    if not chosen:
        chosen = [fits.read_image(path, extension).index]
    masks = {info.ver: info.index for info in infos if info.name == bad_pixels.strip().upper() and bad_pixels}
    for index in chosen:
        yield _science(path, index, infos, masks, alone=len(chosen) == 1)


def _science(
    path: str | os.PathLike[str], index: int, infos: tuple[fits.HDUInfo, ...], masks: dict[int, int], *, alone: bool
) -> ScienceImage:
    info = infos[index]
    image = fits.read_image(path, index)
    pixels = image.data
    if pixels.ndim != 2 or min(pixels.shape) < SMALLEST:
        shape = " x ".join(map(str, pixels.shape))
        raise SchemaMismatch(f"an image of {shape} pixels; two sides of {SMALLEST} at least", path=path, hdu=info.name)
    where = masks.get(info.ver, next(iter(masks.values())) if masks and alone else None)
    bad = None
    if where is not None:
        bad = fits.read_image(path, where).data != 0
        if bad.shape != pixels.shape:
            raise SchemaMismatch("the extension of bad pixels has another shape", path=path, hdu=infos[where].name)
    header = image.header.copy()
    header.extend(infos[0].header, unique=True, bottom=True, strip=True)
    return ScienceImage(pixels, bad, header, index, info.name, info.ver)


def camera_of(image: ScienceImage, given: Camera) -> Camera:
    """Return what is known of the camera: what is given, else what the header says.

    The header's saturation level is not believed where more than a twentieth of the pixels would be saturated.
    """
    gain = given.gain or _number(image.header, _GAIN)
    noise = given.read_noise if given.read_noise is not None else _number(image.header, _READ_NOISE)
    saturation = given.saturation
    return Camera(gain, noise, saturation_of(image.pixels, image.header) if saturation is None else saturation)


def saturation_of(pixels: npt.NDArray[Any], header: Any) -> float | None:
    """Return the saturation level that a header names, unless more than a twentieth of the pixels would be beyond."""
    level = _number(header, _SATURATION)
    with np.errstate(invalid="ignore"):
        if level is not None and (pixels >= level).mean() > _MOST_SATURATED:
            return None
    return level


def _number(header: Any, keys: tuple[str, ...]) -> float | None:
    """Return the first of some cards that holds a number above zero."""
    for key in keys:
        value = header.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf"):
            return float(value)
    return None
