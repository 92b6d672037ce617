"""Every way in which a file is read here, as functions from a path to its whole content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from shared_io import fits, hdf5, provenance, stamps, table

__all__ = ["ALL", "CONTAINERS", "FITS", "HDF5", "TABLES", "Reader"]

Reader = Callable[[Path], Any]


def inspect(path: Path) -> Any:
    """Return all headers."""
    return fits.inspect(path)


def first_image(path: Path) -> Any:
    """Return the first image."""
    return fits.read_image(path)


def images(path: Path) -> Any:
    """Return all images."""
    return fits.read_images(path)


def all_hdus(path: Path) -> Any:
    """Return all HDUs, with what astropy makes of their data."""
    return [fits.read_hdu(path, info.index) for info in fits.inspect(path)]


def sums(path: Path) -> Any:
    """Return how many HDUs have verified checksums."""
    return fits.verify(path)


def one_table(path: Path) -> Any:
    """Return the table."""
    return table.read(path)


def in_batches(path: Path) -> Any:
    """Return the table in pieces."""
    return list(table.batches(path, 150))


def groups(path: Path) -> Any:
    """Return all groups, arrays and attributes of an HDF5 file."""
    with hdf5.reader(path) as file:
        found: list[Any] = [file.names, file.attrs()]
        for name in file.names:
            group = file.is_group(file.node(name))
            found += [file.attrs(name), file.arrays(name) if group else file.array(name)]
        return found


def cutouts(path: Path) -> Any:
    """Return the pixels, read as those of a small cut-out."""
    return stamps.read([path], on_error="raise").data


def origin(path: Path) -> Any:
    """Return the provenance."""
    return provenance.read(path)


FITS: tuple[Reader, ...] = (inspect, first_image, images, all_hdus, sums, cutouts, origin)
TABLES: tuple[Reader, ...] = (one_table, in_batches, origin)
HDF5: tuple[Reader, ...] = (groups, origin)
CONTAINERS: tuple[Reader, ...] = (inspect, groups, one_table, origin)
ALL: tuple[Reader, ...] = (inspect, first_image, images, all_hdus, sums, cutouts, one_table, in_batches, groups, origin)
