"""Sharp edges: the Laplacian of van Dokkum (2001, PASP 113, 1420), evaluated where it can matter only.

L.A.Cosmic doubles the pixels, takes the Laplacian, cuts off what is negative and averages back (his equations 4-7).
With each pixel doubled, that is the mean over a pixel's four corners of ``max(0, 2 I - I_v - I_h)``, I_v and I_h being
the neighbours above or below and left or right at that corner. Half of it over the noise is the significance S (eq.
11). The 5x5 median of S (eq. 13) and the fine structure F, a 3x3 median minus its 7x7 median (eq. 14), are computed at
the few pixels that pass the first cut, not everywhere.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["laplacian", "sharp_pixels", "without_excess"]

Array = npt.NDArray[np.float32]


def laplacian(image: Array) -> Array:
    """Return the mean over the four corners of each pixel of ``max(0, 2 I - I_v - I_h)``; edges are repeated."""
    around = np.pad(image, 1, mode="edge")
    up, down = image - around[:-2, 1:-1], image - around[2:, 1:-1]
    left, right = image - around[1:-1, :-2], image - around[1:-1, 2:]
    total = np.zeros_like(image)
    for vertical in (up, down):
        for horizontal in (left, right):
            total += np.maximum(vertical + horizontal, 0)
    return total / np.float32(4)


def sharp_pixels(
    image: Array, noise_charge: float, *, clip: float, contrast: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Array]:
    """Return pixels that stand out sharply and are not the middle of a star.

    Parameters
    ----------
    image : ndarray of float32, shape (height, width)
        Pixels above the sky in units of its noise; at least 4 pixels a side.
    noise_charge
        Noise of the sky [e-]: what a unit of `image` stands for, for the Poisson noise of bright pixels.
    clip
        Least significance.
    contrast
        Least ratio of the significance to the fine structure, which tells cosmic rays from well-sampled stars.

    Returns
    -------
    y, x : ndarray of int
        Where they are.
    significance : ndarray of float32
        Of each.
    """
    sharp = laplacian(image) / np.float32(2)
    y, x = np.nonzero(sharp > clip)  # the noise is 1 at least
    found = np.zeros(len(y), dtype=bool)
    significance = np.zeros(len(y), dtype=np.float32)
    for part in np.array_split(np.arange(len(y)), max(1, -(-len(y) // 2**14))):
        if len(part):
            found[part], significance[part] = _judged(image, sharp, y[part], x[part], noise_charge, clip, contrast)
    return y[found], x[found], significance[found]


def without_excess(
    image: Array, mask: npt.NDArray[np.bool_], noise_charge: float, least: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return pixels of a mask that do not stand out from the unmasked pixels around them.

    Particles only add charge: a pixel that holds no more than its neighbours is one that the mask spilled over. What
    counts as standing out is the noise, or the scatter of these neighbours where a galaxy or the wing of a star makes
    that larger.

    Parameters
    ----------
    image, noise_charge
        As for `sharp_pixels`.
    mask : ndarray of bool, shape (height, width)
    least
        Excess over the median of the unmasked pixels in the 5x5 around that a pixel needs, in units of the larger of
        its noise and their scatter (the distance of their quartiles over 1.349).

    Returns
    -------
    y, x : ndarray of int
        Where there is less. Pixels without an unmasked neighbour are not among them.
    """
    y, x = np.nonzero(mask)
    spilled = np.zeros(len(y), dtype=bool)
    known = np.where(mask, np.float32(np.inf), image)
    for part in np.array_split(np.arange(len(y)), max(1, -(-len(y) // 2**16))):
        near = np.sort(_windows(known, y[part], x[part], 2).reshape(len(part), 25), axis=1)
        last = np.maximum(np.isfinite(near).sum(axis=1) - 1, 0)
        any_known = np.isfinite(near[:, 0])
        near[~any_known] = 0
        lower, middle, upper = (near[np.arange(len(part)), last * quarter // 4] for quarter in (1, 2, 3))
        noise = np.sqrt(1 + np.maximum(middle, 0) / noise_charge)
        scatter = (upper - lower) / np.float32(1.349)
        spilled[part] = any_known & (image[y[part], x[part]] - middle < least * np.maximum(noise, scatter))
    return y[spilled], x[spilled]


def _judged(
    image: Array,
    sharp: Array,
    y: npt.NDArray[np.int64],
    x: npt.NDArray[np.int64],
    noise_charge: float,
    clip: float,
    contrast: float,
) -> tuple[npt.NDArray[np.bool_], Array]:
    near = np.median(_windows(image, y, x, 2), axis=(1, 2))
    noise = np.sqrt(1 + np.maximum(near, 0) / noise_charge)
    smooth = np.median(_windows(sharp, y, x, 2), axis=(1, 2))
    significance = ((sharp[y, x] - smooth) / noise).astype(np.float32)
    wide = _windows(image, y, x, 4)
    medians = np.median(np.lib.stride_tricks.sliding_window_view(wide, (3, 3), axis=(1, 2)), axis=(3, 4))
    fine = np.maximum((medians[:, 3, 3] - np.median(medians, axis=(1, 2))) / noise, 0.01)
    return (significance > clip) & (significance > contrast * fine), significance


def _windows(image: Array, y: npt.NDArray[np.int64], x: npt.NDArray[np.int64], reach: int) -> Array:
    """Return the square around each pixel, rows and columns beyond the edge being those at it."""
    step = np.arange(-reach, reach + 1)
    rows = np.clip(y[:, None] + step, 0, image.shape[0] - 1)
    columns = np.clip(x[:, None] + step, 0, image.shape[1] - 1)
    return image[rows[:, :, None], columns[:, None, :]]
