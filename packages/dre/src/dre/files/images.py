"""Sky images: the 2-D extensions of a FITS file, and the images that go with one another by name."""

from __future__ import annotations

import glob
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shared_io import fits, locate
from shared_io.errors import InputNotFound, SchemaMismatch

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from astropy.wcs import WCS
    from shared_io.fits import Image

log = logging.getLogger(__name__)


def read_extensions(path: Path) -> list[Image]:
    """Read every 2-D image of a file, in order; a file without any raises SchemaMismatch."""
    images = fits.read_images(path)
    if not images:
        raise SchemaMismatch("no 2-D image in this file", path=path, hint="give a FITS image")
    return images


def system_of(header: Header, image: str) -> WCS | None:
    """Return the world coordinates that a header describes; None, and a warning, if they cannot be used."""
    from astropy.wcs import WCS

    try:
        with fits.quiet():
            return WCS(header)
    except (ValueError, TypeError, KeyError) as error:
        why = str(error).strip().splitlines()[-1]
        log.warning("%s: no sky positions, the header's world coordinates cannot be used: %s", image, why)
        return None


def read_matching(path: Path, shapes: Sequence[tuple[int, int]]) -> list[Image]:
    """Read check images, weights or flags, and check that they have these shapes, one for one.

    Raises
    ------
    SchemaMismatch
        If their number or a shape differs.
    """
    # SExtractor copies the sky image's checksums into its check images, where they are wrong; ours are right
    ours = "PROVKEY" in fits.inspect(path, verify=False)[0].header
    images = fits.read_images(path, verify=ours)
    found = [image.data.shape for image in images]
    if found != list(shapes):
        raise SchemaMismatch(
            f"images of {_sizes(found)} do not match the sky image's {_sizes(shapes)}", path=path,
            hint="was it made from another image? remove it and run the step before again",
        )  # fmt: skip
    return images


def _sizes(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join("x".join(str(n) for n in shape[::-1]) for shape in shapes)


def companion(folder: Path, name: str, suffix: str) -> Path:
    """Return NAME_SUFFIX.fits (or .fz, .gz, ...) of a folder of weights or flags; raise InputNotFound if absent."""
    if folder.is_dir():
        for path in locate.files([folder]):
            if locate.stem(path) == f"{name}_{suffix}":
                return path
    raise InputNotFound(f"no {name}_{suffix}.fits there", path=folder, hint=f"each image needs its _{suffix} image")


def beginning(folder: Path, name: str) -> Path:
    """Return the only file of a folder whose name begins with `name`; raise InputNotFound if there is not one."""
    paths = sorted(folder.glob(f"{glob.escape(name)}*")) if folder.is_dir() else []
    exact = [path for path in paths if locate.stem(path) == name]
    if len(exact or paths) != 1:
        raise InputNotFound(f"{len(paths)} files begin with {name}", path=folder, hint="there must be exactly one")
    return (exact or paths)[0]


def pair(detection: Sequence[Path], measurement: Sequence[Path], separator: str) -> list[tuple[Path, Path]]:
    """Pair detection and measurement images whose names agree: in full, else up to the last or first `separator`.

    Parameters
    ----------
    detection, measurement : sequence of pathlib.Path
        Images of the two folders.
    separator : str
        What divides the common part of a name from the band.

    Returns
    -------
    list of (pathlib.Path, pathlib.Path)
        One pair for each measurement image.

    Raises
    ------
    SchemaMismatch
        If a measurement image fits no detection image, or more than one.
    """
    pairs = []
    for target in measurement:
        keys = _keys(locate.stem(target), separator)
        matches = [[path for path in detection if _keys(locate.stem(path), separator)[k] == keys[k]] for k in range(3)]
        candidates = next((found for found in matches if found), [])
        if len(candidates) != 1:
            raise SchemaMismatch(
                f"{len(candidates)} detection images go with it by name", path=target,
                hint="rename the images or choose another --sep",
            )  # fmt: skip
        pairs.append((candidates[0], target))
    return pairs


def _keys(name: str, separator: str) -> tuple[str, str, str]:
    """The name, its part before the last separator, its part before the first."""
    return (name, name.rsplit(separator, 1)[0], name.split(separator, 1)[0]) if separator else (name, name, name)
