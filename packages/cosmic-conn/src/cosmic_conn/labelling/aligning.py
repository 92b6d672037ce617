"""Frames brought onto the grid of pixels of one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from astropy.wcs import WCS

__all__ = ["align", "reference_of"]


def reference_of(count: int) -> int:
    """Return which of so many frames the others are brought to: the one in the middle."""
    return count // 2


def align(
    frames: Sequence[npt.NDArray[np.float32]], systems: Sequence[WCS], order: str = "nearest-neighbor"
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Bring frames onto the grid of the one in the middle.

    Parameters
    ----------
    frames : sequence of ndarray of float32, shape (height, width)
        NaN where a pixel has no value.
    systems
        World coordinates of each.
    order
        Interpolation, as for `reproject.reproject_interp`; nearest-neighbour leaves pixels and noise as they are.

    Returns
    -------
    aligned : ndarray of float32, shape (N, height, width)
        0 where a frame has no value.
    valid : ndarray of bool, shape (height, width)
        Where all frames have one.
    """
    from reproject import reproject_interp

    middle = reference_of(len(frames))
    found = np.empty((len(frames), *frames[middle].shape), dtype=np.float32)
    for index, (frame, system) in enumerate(zip(frames, systems, strict=True)):
        if index == middle:
            found[index] = frame
            continue
        moved, footprint = reproject_interp(
            (frame, system), systems[middle], shape_out=frames[middle].shape, order=order, roundtrip_coords=False
        )
        found[index] = np.where(footprint > 0, moved, np.nan)
    valid = np.asarray(np.isfinite(found).all(axis=0))
    np.nan_to_num(found, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return found, valid
