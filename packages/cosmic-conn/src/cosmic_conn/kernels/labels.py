"""From a map of signal-to-noise ratios to the pixels of cosmic rays: two thresholds, growing, and the smallest size."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation, binary_propagation, find_objects, label, uniform_filter

from cosmic_conn.kernels.masks import EIGHT

__all__ = ["border_mask", "connected", "outliers", "reached", "split_small", "supported", "unusual"]

Mask = npt.NDArray[np.bool_]

_MANY = 5.0  # standard deviations of the number of objects
_LONG = 1 / 3  # of the shorter side of a frame
_THIN = 0.1  # ratio of the spreads of pixels across and along a line


def reached(high: Mask, low: Mask, firm: Mask, steps: int) -> Mask:
    """Return `high`, and what is reached from it in so many steps, each a pixel in any of eight directions.

    The first step may lead to any pixel of `low`, the others over pixels of `firm` only. With one step this is
    dilation and intersection; with more, noise that is only near a cosmic ray is not taken for a part of it.
    """
    inside = np.asarray(high & low)
    if steps < 1:
        return inside
    beside = binary_dilation(inside, EIGHT, mask=low)
    return np.asarray(beside if steps < 2 else binary_dilation(beside, EIGHT, iterations=steps - 1, mask=firm))


def supported(snr: npt.NDArray[np.float32], high: Mask) -> npt.NDArray[np.float32]:
    """Return the signal-to-noise ratio of each pixel together with its eight neighbours, those of `high` left out."""
    rest = np.where(high, np.float32(0), snr)
    total = uniform_filter(rest, 3) * 9
    count = uniform_filter((~high).astype(np.float32), 3) * 9
    return np.asarray(total / np.sqrt(np.maximum(count, 1)))


def connected(high: Mask, low: Mask) -> Mask:
    """Return the 8-connected objects of `low` that hold a pixel of `high`."""
    return np.asarray(binary_propagation(high & low, EIGHT, mask=low))


def split_small(mask: Mask, size: int, counted: Mask | None = None) -> tuple[Mask, Mask]:
    """Return the 8-connected objects of at least so many pixels, and the rest.

    Where it is given, neighbours in `counted` of an object of two pixels or more add to its size, and are in neither
    result; a single pixel stays single.
    """
    whole = mask
    if counted is not None:
        several, _ = split_small(mask, 2)
        whole = mask | (binary_dilation(several, EIGHT) & counted)
    labels, _ = label(whole, EIGHT)
    large = np.bincount(labels.ravel()) >= size
    large[0] = False
    kept = large[labels] & mask
    return np.asarray(kept), np.asarray(mask & ~kept)


def border_mask(shape: tuple[int, int], width: int) -> Mask:
    """Return True for the pixels within `width` of an edge."""
    found = np.ones(shape, dtype=bool)
    if width * 2 < min(shape):
        found[width : shape[0] - width, width : shape[1] - width] = False
    return found


def outliers(counts: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Tell which frames have far more pixels of cosmic rays than the others.

    A frame's share c of all pixels is too large beyond min(2 mean, mean + 2 std) of the shares (Xu et al. 2023, ApJ
    942, 73). Of three frames that is 2/3; of two, none can be.

    Parameters
    ----------
    counts : array_like, shape (N,)
        Pixels of cosmic rays in each frame.
    """
    pixels = np.asarray(counts, dtype=np.float64)
    if not pixels.sum():
        return np.zeros(len(pixels), dtype=bool)
    share = pixels / pixels.sum()
    return np.asarray(share > min(2 * share.mean(), share.mean() + 2 * share.std()))


def unusual(masks: Mask, sources: Mask) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Tell which frames have more objects than chance allows, and which have one that no particle leaves.

    Where there are few cosmic rays, one long track makes a frame an outlier in pixels. So that alone is not enough.

    Parameters
    ----------
    masks : ndarray of bool, shape (N, height, width)
        Cosmic rays.
    sources : ndarray of bool, same shape
        Pixels of sources, which may cut a trail into pieces.

    Returns
    -------
    many : ndarray of bool, shape (N,)
        Five standard deviations (Poisson) more objects than in the other frames, as where one is badly aligned.
    trail : ndarray of bool, shape (N,)
        A straight object as long as a third of the frame, as a satellite leaves it.
    """
    numbers, trail = np.zeros(len(masks)), np.zeros(len(masks), dtype=bool)
    least = min(masks.shape[1:]) * _LONG
    for index, mask in enumerate(masks):
        numbers[index] = label(mask, EIGHT)[1]
        joined = np.where(mask, label(mask | sources[index], EIGHT)[0], 0)
        for number, box in enumerate(find_objects(joined), 1):
            if box is not None and max(side.stop - side.start for side in box) > least:
                trail[index] |= _straight(joined[box] == number, least)
    others = (numbers.sum() - numbers) / (len(masks) - 1)
    return np.asarray(numbers - others > _MANY * np.sqrt(others + 1)), trail


def _straight(mask: Mask, least: float) -> bool:
    """Tell whether pixels lie along a line, for so long at least, without large gaps."""
    places = np.argwhere(mask).T.astype(np.float64)
    minor, major = np.sqrt(np.maximum(np.linalg.eigvalsh(np.cov(places)), 0))
    length = np.sqrt(12) * major  # of a line with this spread
    return bool(length > least and minor < _THIN * major and places.shape[1] > length / 3)
