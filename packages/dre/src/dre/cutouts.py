"""Select galaxies of a catalogue and cut a square around each: pixels, mask and noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from astropy.table import Table
from scipy import ndimage

from dre.config import STAMP_SIZE
from dre.kernels.segments import others_pixels, own_pixels
from dre.stamp import Stamp

DILATIONS = 4
"""Pixels by which a source's segment is grown."""

CENTROIDS = ("com", "1dg", "2dg")
"""Centroids on offer: centre of mass, two 1-D Gaussians, one 2-D Gaussian."""


@dataclass(frozen=True)
class Selection:
    """Which sources are cut.

    Parameters
    ----------
    margin : float
        Sources nearer than this to an edge are left out [pixel].
    max_stellarity : float
        Sources of CLASS_STAR at or above this are left out.
    filters : sequence of (str, float, float)
        Column, lower and upper bound (both exclusive).
    """

    margin: float = 80
    max_stellarity: float = 0.5
    filters: Sequence[tuple[str, float, float]] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Catalogue columns that the selection reads."""
        return ("X_IMAGE", "Y_IMAGE", "CLASS_STAR", *(name for name, _, _ in self.filters))

    def rows(self, catalogue: Table, shape: tuple[int, int]) -> np.ndarray:
        """Return which rows of the catalogue of an image of this shape (ny, nx) are kept.

        Returns
        -------
        ndarray of bool, shape (n,)
        """
        ny, nx = shape
        x, y = np.asarray(catalogue["X_IMAGE"], float), np.asarray(catalogue["Y_IMAGE"], float)
        keep = (x > self.margin) & (x < nx - self.margin) & (y > self.margin) & (y < ny - self.margin)
        keep &= np.asarray(catalogue["CLASS_STAR"], float) < self.max_stellarity
        for name, low, high in self.filters:
            values = np.asarray(catalogue[name], float)
            keep &= (values > low) & (values < high)
        return keep


def window(x: float, y: float, shape: tuple[int, int], size: int = STAMP_SIZE) -> tuple[slice, slice] | None:
    """Return the slices (rows, columns) of the square around a 0-based position, or None if it leaves the image.

    For an even `size` the position lands between size/2 - 1 and size/2 of the cut, 63 to 64 for 128.
    """
    left, bottom = int(np.ceil(x - size / 2)), int(np.ceil(y - size / 2))
    if left < 0 or bottom < 0 or left + size > shape[1] or bottom + size > shape[0]:
        return None
    return slice(bottom, bottom + size), slice(left, left + size)


def place_of(source: Table.Row, image: np.ndarray) -> tuple[slice, slice] | None:
    """Return the square of a source, or None if it leaves the image or holds a pixel without data."""
    place = window(float(source["X_IMAGE"]) - 1, float(source["Y_IMAGE"]) - 1, image.shape)
    return place if place is not None and np.isfinite(image[place]).all() else None


def clean_mask(segments: np.ndarray, number: int) -> np.ndarray:
    """Return the pixels that belong to the source at the centre of a cut.

    The source's segment and the central 4x4 pixels are joined; what is 4-connected to the centre is kept, its holes
    are filled, and it is grown by 4 pixels (cross-shaped element).

    Parameters
    ----------
    segments : ndarray of int, shape (size, size)
        Cut of the segmentation map.
    number : int
        Number of the source.

    Returns
    -------
    ndarray of bool, shape (size, size)
    """
    return own_pixels(np.ascontiguousarray(segments, np.int32), number, DILATIONS)


def neighbour_map(segments: np.ndarray, number: int) -> np.ndarray:
    """Return the NUMBER of the other source that each pixel belongs to, or 0.

    Segments of others are grown by 4 pixels (cross-shaped element), but not into the segment of source `number`.
    """
    return others_pixels(np.ascontiguousarray(segments, np.int32), number, DILATIONS)


def cut(
    source: Table.Row,
    image: np.ndarray,
    subtracted: np.ndarray,
    segmentation: np.ndarray,
    rms: np.ndarray,
    *,
    centroid: str | None = None,
    neighbours: bool = True,
) -> Stamp | None:
    """Cut one source.

    Parameters
    ----------
    source : Row
        Columns X_IMAGE, Y_IMAGE (1-based) [pixel], NUMBER, EXT_NUMBER.
    image : ndarray, shape (ny, nx)
        The original image: a source with a pixel that is not finite in its square is refused.
    subtracted, segmentation, rms : ndarray, shape (ny, nx)
        Image minus background, segmentation map, background noise.
    centroid : {'com', '1dg', '2dg'}, optional
        Recentre the cut on this centroid by a sub-pixel shift (cubic for pixels and noise).
    neighbours : bool
        Whether to say which pixels belong to other sources.

    Returns
    -------
    Stamp or None
        None if the square leaves the image or holds a pixel without data.
    """
    place = place_of(source, image)
    if place is None:
        return None
    number, extension = int(source["NUMBER"]), int(source["EXT_NUMBER"])
    pixels = subtracted[place].astype(np.float32)
    noise = rms[place].astype(np.float32)
    mask = clean_mask(segmentation[place], number)
    others = neighbour_map(segmentation[place], number) if neighbours else None
    flags = int(source["FLAGS"]) if "FLAGS" in source.colnames else 0
    x, y = float(source["X_IMAGE"]), float(source["Y_IMAGE"])
    stamp = Stamp(stamp_name(extension, number), pixels, mask, noise, extension, number, x, y, others, flags)
    return stamp if centroid is None else recentred(stamp, centroid)


def stamp_name(extension: int, number: int) -> str:
    """Return the name EE_NNNN of a source: two digits of its extension, four of its number."""
    return f"{extension:02d}_{number:04d}"


def recentred(stamp: Stamp, centroid: str) -> Stamp:
    """Shift a cut so that its centroid falls on its centre.

    Parameters
    ----------
    stamp : Stamp
        A cut.
    centroid : {'com', '1dg', '2dg'}
        Centre of mass, two 1-D Gaussians or a 2-D Gaussian, of the pixels in the mask.

    Returns
    -------
    Stamp
        Pixels and noise moved by a cubic spline, the mask by whole pixels; unchanged if the centroid is more than 4
        pixels off the centre, where it is not trusted.
    """
    from photutils import centroids

    find = {"com": centroids.centroid_com, "1dg": centroids.centroid_1dg, "2dg": centroids.centroid_2dg}[centroid]
    middle = (stamp.obj.shape[0] - 1) / 2
    x, y = find(np.where(stamp.mask, stamp.obj, 0))
    shift = (middle - y, middle - x)
    if not np.all(np.abs(shift) < 4):
        return stamp
    return replace(
        stamp,
        obj=ndimage.shift(stamp.obj, shift, order=3, mode="nearest"),
        rms=ndimage.shift(stamp.rms, shift, order=3, mode="nearest"),
        mask=ndimage.shift(stamp.mask.astype(np.uint8), shift, order=0).astype(bool),
        neighbours=None
        if stamp.neighbours is None
        else ndimage.shift(stamp.neighbours, shift, order=0, mode="nearest"),
    )
