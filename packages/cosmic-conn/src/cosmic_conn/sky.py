"""An image as the detectors see it: any pixels in, background and noise measured, rows of normalised pixels out.

Rows are read as they are needed, so that a memory-mapped image of any size needs little memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cosmic_conn.kernels.background import (
    blended,
    interpolate_grid,
    mesh_edges,
    mesh_places,
    mesh_row,
    smooth_grid,
)
from cosmic_conn.kernels.front import fill_bad, soft_clip, to_float32

if TYPE_CHECKING:
    from shared_io.fits import Rows

__all__ = ["MESH", "Plane", "Sky"]

MESH = 32
"""Side of a background mesh [pixel]."""

_FILL_REACH = 2  # rows around that fill_bad looks at


@dataclass(frozen=True)
class Plane:
    """A two-dimensional image with what is known of its pixels.

    Attributes
    ----------
    pixels : ndarray or Rows, shape (height, width)
        Any real type and byte order; may be memory-mapped. Never changed.
    mask : ndarray of bool or Rows, or None
        Pixels without a value (not zero), besides NaN and infinite ones.
    saturation : float or None
        Pixels at or above this level hold no count [units of the pixels].
    """

    pixels: npt.NDArray[Any] | Rows
    mask: npt.NDArray[np.bool_] | Rows | None = None
    saturation: float | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width [pixel]."""
        height, width = self.pixels.shape
        return height, width

    def rows(self, start: int, stop: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Return rows as float32 (saturated ones cut off at the level), and which pixels have no value."""
        values, bad = to_float32(self.pixels[start:stop])
        if self.mask is not None:
            bad |= self.mask[start:stop] != 0
        if self.saturation is not None:
            np.minimum(values, np.float32(self.saturation), out=values)
        return values, bad

    def saturated(self, start: int, stop: int) -> npt.NDArray[np.bool_]:
        """Return which pixels of some rows are at or above the saturation level; +inf is."""
        with np.errstate(invalid="ignore"):
            found = self.pixels[start:stop] == np.inf
            if self.saturation is not None:
                found |= np.asarray(self.pixels[start:stop] >= np.asarray(self.saturation))
        return np.asarray(found)


@dataclass(frozen=True)
class Sky:
    """Background and noise of a plane on a grid of meshes.

    Attributes
    ----------
    level, noise : ndarray of float32, shape (meshes along y, meshes along x)
        Background, and standard deviation of a pixel of empty sky [units of the pixels]; the noise is above zero.
    shape
        Of the plane [pixel].
    """

    level: npt.NDArray[np.float32]
    noise: npt.NDArray[np.float32]
    shape: tuple[int, int]

    @classmethod
    def measure(cls, plane: Plane, mesh: int = MESH) -> Sky:
        """Measure the sky of a plane, one row of meshes after the other."""
        height, width = plane.shape
        tall, wide = min(mesh, height), min(mesh, width)
        strips = [mesh_row(*plane.rows(y, y + tall), wide) for y in mesh_edges(height, tall)]
        level, noise = (smooth_grid(np.stack(grids)) for grids in zip(*strips, strict=True))
        usual = np.median(noise[noise > 0]) if (noise > 0).any() else np.float32(1)
        # A mesh of constant pixels (an unexposed strip, overscan filled with zeros) has no noise of its own.
        return cls(level, np.where(noise > 0, noise, usual).astype(np.float32), plane.shape)

    def _side(self, axis: int) -> int:
        """Side of a mesh along an axis [pixel]."""
        return self.shape[axis] if self.level.shape[axis] == 1 else MESH

    def rows(self, start: int, stop: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return background and noise of some rows, each of shape (stop - start, width)."""
        height, width = self.shape
        low, high, weight = mesh_places(mesh_edges(height, self._side(0)), self._side(0), np.arange(start, stop))
        needed = slice(low.min(), high.max() + 1)  # all meshes of a large plane at the width of its pixels are too many
        starts, positions = mesh_edges(width, self._side(1)), np.arange(width)
        level, noise = (
            blended(
                np.ascontiguousarray(interpolate_grid(grid[needed].T, starts, self._side(1), positions).T),
                low - needed.start, high - needed.start, weight,
            )
            for grid in (self.level, self.noise)
        )  # fmt: skip
        return level, noise

    def normalised(self, plane: Plane, start: int, stop: int, knee: float) -> npt.NDArray[np.float32]:
        """Return some rows in units of the noise: background subtracted, soft-clipped, bad pixels filled.

        Parameters
        ----------
        plane
            The plane that was measured.
        start, stop
            The rows; they may reach beyond neither end.
        knee
            Where the compression begins [noise].
        """
        first, last = max(start - _FILL_REACH, 0), min(stop + _FILL_REACH, self.shape[0])
        values, bad = plane.rows(first, last)
        level, noise = self.rows(first, last)
        values -= level
        values /= noise
        values = fill_bad(soft_clip(values, knee), bad)
        return values[start - first : stop - first]
