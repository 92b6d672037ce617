"""The sky under an image and its noise, from meshes of pixels.

Levels are medians of each mesh clipped on the bright side only (stars, galaxies and cosmic rays are bright), as in
SExtractor's background (Bertin & Arnouts 1996, A&AS 117, 393, section 3) without its mode estimator. The noise is that
of differences between neighbours, which gradients and galaxies do not inflate: for Gaussian noise the median of
``|x_i - x_(i+1)|`` is 0.6745 sqrt(2) sigma.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["blended", "interpolate_grid", "mesh_edges", "mesh_places", "mesh_row", "smooth_grid"]

Array = npt.NDArray[np.float32]

_CLIPS = 3
_KAPPA = 2.5


def mesh_edges(length: int, size: int) -> npt.NDArray[np.int64]:
    """Return where the meshes of one axis begin; the last one is shifted so that it ends with the axis.

    Parameters
    ----------
    length
        Pixels of the axis.
    size
        Side of a mesh [pixel], at most `length`.
    """
    return np.minimum(np.arange(0, length, size), length - size)


def mesh_row(rows: Array, bad: npt.NDArray[np.bool_], size: int) -> tuple[Array, Array]:
    """Return level and noise of the meshes along one strip of rows.

    Parameters
    ----------
    rows : ndarray of float32, shape (height, width)
        The pixels; what they hold where `bad` is True does not matter.
    bad : ndarray of bool, shape (height, width)
        Pixels to leave out.
    size
        Width of a mesh [pixel].

    Returns
    -------
    level, noise : ndarray of float32, shape (meshes,)
        NaN where a mesh has no good pixel (or no pair of them).
    """
    values = np.where(bad, np.float32(np.nan), rows)
    steps = np.abs(np.diff(values, axis=1, append=np.float32(np.nan)))
    starts = mesh_edges(rows.shape[1], size)
    picked = starts[:, None] + np.arange(size)
    level = _clipped_level(_flat(values, picked))
    noise = _difference_noise(_flat(steps, picked))
    return level, noise


def smooth_grid(grid: Array) -> Array:
    """Return the 3x3 median of a grid of meshes, NaN meshes filled from their neighbours (0 if there are none).

    Parameters
    ----------
    grid : ndarray of float32, shape (ny, nx)
    """
    from scipy.ndimage import distance_transform_edt

    known = np.isfinite(grid)
    if not known.any():
        return np.zeros_like(grid)
    if not known.all():
        nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
        grid = grid[tuple(nearest)]
    around = np.lib.stride_tricks.sliding_window_view(np.pad(grid, 1, mode="edge"), (3, 3))
    return np.median(around.reshape(*grid.shape, 9), axis=-1).astype(np.float32)


def interpolate_grid(grid: Array, starts: npt.NDArray[np.int64], size: int, positions: npt.NDArray[np.int64]) -> Array:
    """Return a grid interpolated linearly along its first axis, constant beyond the centres of the outer meshes.

    Parameters
    ----------
    grid : ndarray of float32, shape (meshes, ...)
    starts : ndarray of int
        From `mesh_edges`.
    size
        Side of a mesh [pixel].
    positions : ndarray of int
        Pixels at which the grid is wanted.

    Returns
    -------
    ndarray of float32, shape (len(positions), ...)
    """
    return blended(grid, *mesh_places(starts, size, positions))


def mesh_places(
    starts: npt.NDArray[np.int64], size: int, positions: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Array]:
    """Return between which meshes pixels of an axis lie, and the weight of the later one; as `interpolate_grid`."""
    centres = starts + (size - 1) / 2
    place = np.interp(positions, centres, np.arange(len(centres)))
    low = np.minimum(place.astype(np.int64), max(len(centres) - 2, 0))
    return low, np.minimum(low + 1, len(centres) - 1), (place - low).astype(np.float32)


def blended(grid: Array, low: npt.NDArray[np.int64], high: npt.NDArray[np.int64], weight: Array) -> Array:
    """Return the rows of a grid that lie between its rows `low` and `high`."""
    weight = weight.reshape(-1, *[1] * (grid.ndim - 1))
    return np.asarray(grid[low] * (1 - weight) + grid[high] * weight, dtype=np.float32)


def _flat(values: Array, picked: npt.NDArray[np.int64]) -> Array:
    """Return the pixels of each mesh, sorted, the NaN last: shape (meshes, pixels)."""
    meshes = values[:, picked].transpose(1, 0, 2).reshape(len(picked), -1)
    return np.sort(meshes, axis=1)


def _clipped_level(ordered: Array) -> Array:
    """Return the median of sorted rows after clipping at 2.5 sigma above it; sigma from the lower half."""
    lanes = np.arange(len(ordered))
    count = np.isfinite(ordered).sum(axis=1)
    step = _smallest(np.diff(ordered, axis=1))
    for _ in range(_CLIPS):
        last = np.maximum(count - 1, 0)
        middle = ordered[lanes, last // 2]
        sigma = np.maximum(middle - ordered[lanes, (last * 0.15866).astype(np.int64)], step)
        with np.errstate(invalid="ignore"):
            count = np.minimum(count, (ordered <= (middle + _KAPPA * sigma)[:, None]).sum(axis=1))
    return _grouped_median(ordered, count, step, folded=False)


def _difference_noise(ordered: Array) -> Array:
    count = np.isfinite(ordered).sum(axis=1)
    middle = _grouped_median(ordered, count, _smallest(ordered), folded=True)
    return middle * np.float32(1 / (0.67449 * np.sqrt(2)))


def _smallest(values: Array) -> Array:
    """Return the smallest value above zero of each row (0 where there is none): the step of digitised pixels."""
    found = np.where(values > 0, values, np.float32(np.inf)).min(axis=1, initial=np.inf)
    return np.where(np.isfinite(found), found, 0).astype(np.float32)


def _grouped_median(ordered: Array, count: npt.NDArray[np.int64], step: Array, *, folded: bool) -> Array:
    """Return the median of the first `count` values of sorted rows, NaN where that is none.

    Equal values are taken as spread evenly over one step of digitisation around them (over half a step above zero, if
    the values are `folded` there), so that the result is not digitised: the median of grouped data.
    """
    lanes = np.arange(len(ordered))
    middle = ordered[lanes, np.maximum(count - 1, 0) // 2]
    inside = np.arange(ordered.shape[1]) < count[:, None]
    below = ((ordered < middle[:, None]) & inside).sum(axis=1)
    equal = np.maximum(((ordered == middle[:, None]) & inside).sum(axis=1), 1)
    at_fold = (middle == 0) & folded
    width = np.where(at_fold, step / 2, step)
    share = (count / 2 - below) / equal
    found = middle + width * (share - np.where(at_fold, 0, 0.5))
    return np.where(count > 0, found, np.nan).astype(np.float32)
