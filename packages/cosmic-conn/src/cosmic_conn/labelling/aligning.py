"""Frames brought onto the grid of pixels of one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from astropy.wcs import WCS

__all__ = ["align", "reference_of"]

_TOUCHED = 1e-3  # share of unknown pixels from which a pixel is not known


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
        0 where a frame does not reach, its median where a pixel of it has no value.
    valid : ndarray of bool, shape (height, width)
        Where all frames have one.
    """
    middle = reference_of(len(frames))
    shape = frames[middle].shape
    found, valid = np.empty((len(frames), *shape), dtype=np.float32), np.ones(shape, dtype=bool)
    for index, (frame, system) in enumerate(zip(frames, systems, strict=True)):
        known = np.isfinite(frame)
        filled = frame if known.all() else np.where(known, frame, np.median(frame[known]) if known.any() else 0)
        if index != middle:
            filled, known = _moved(filled, known, system, systems[middle], shape, order)
        found[index] = filled
        valid &= known
    return found, valid


def _moved(
    frame: npt.NDArray[np.float32],
    known: npt.NDArray[np.bool_],
    own: WCS,
    other: WCS,
    shape: tuple[int, ...],
    order: str,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Return a frame on another grid, 0 beyond its edges, and where none but known pixels went into it."""
    from reproject import reproject_interp

    planes = frame[None] if known.all() else np.stack([frame, (~known).astype(np.float32)])
    moved, inside = reproject_interp((planes, own), other, shape_out=shape, order=order, roundtrip_coords=False)
    moved = np.where(inside > 0, moved, 0).astype(np.float32)
    return moved[0], (inside[0] > 0) & (moved[1:] <= _TOUCHED).all(axis=0)
