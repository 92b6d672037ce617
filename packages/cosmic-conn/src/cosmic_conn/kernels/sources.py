"""Pixels of stars and galaxies: ellipses from a catalogue, grown by what is connected to their peaks.

For each source and frame: an ellipse of twice its second moments; a window that is half as large again as the box of
its pixels; in it, the pixels that are connected to the brightest one and stand out from the window's background (what
is outside the ellipse) by two sigma, 1.4826 times the median absolute deviation. That is the definition of Cosmic-CoNN
(Xu et al. 2023, ApJ 942, 73, section 3), whose program builds full frames for each source; nothing in it reaches
beyond the window, so here nothing else is touched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import label

from cosmic_conn.kernels.masks import EIGHT, grow

__all__ = ["Shapes", "source_masks"]

Mask = npt.NDArray[np.bool_]

_RADII = 2.0  # of the ellipse
_MARGIN = 0.25  # of the window, in units of the box
_CLEAR = 2.0  # sigma above the background
_GROWN = 2  # pixels that the mask of a frame is grown by


@dataclass(frozen=True)
class Shapes:
    """Sources, each attribute of shape (n,).

    Attributes
    ----------
    x, y
        Centres [pixel].
    a, b, theta
        Root mean square along the axes [pixel], and the direction of the first [rad].
    left, right, bottom, top
        Box of the pixels of the source, both ends inside [pixel].
    """

    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    a: npt.NDArray[np.float64]
    b: npt.NDArray[np.float64]
    theta: npt.NDArray[np.float64]
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    bottom: npt.NDArray[np.int64]
    top: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.x)


def source_masks(frames: npt.NDArray[np.float32], shapes: Shapes) -> Mask:
    """Return the pixels of sources in each frame.

    Parameters
    ----------
    frames : ndarray of float32, shape (N, height, width)
        With their skies at 0.
    shapes
        The sources, found on the median of all frames.

    Returns
    -------
    ndarray of bool, shape (N, height, width)
    """
    import sep

    found = np.zeros(frames.shape, dtype=bool)
    sep.mask_ellipse(found[0], shapes.x, shapes.y, shapes.a, shapes.b, shapes.theta, r=_RADII)
    found[1:] = found[0]
    for index in range(len(shapes)):
        rows, columns = _window(shapes, index, frames.shape[1:])
        _flood(frames[:, rows, columns], _ellipse(shapes, index, rows, columns), found[:, rows, columns])
    return np.stack([grow(mask, _GROWN) for mask in found])


def _window(shapes: Shapes, index: int, shape: tuple[int, ...]) -> tuple[slice, slice]:
    return (
        _span(int(shapes.bottom[index]), int(shapes.top[index]), shape[0]),
        _span(int(shapes.left[index]), int(shapes.right[index]), shape[1]),
    )


def _span(first: int, last: int, length: int) -> slice:
    margin = int((last - first) * _MARGIN)
    return slice(max(first - margin, 0), min(last + margin, length))


def _ellipse(shapes: Shapes, index: int, rows: slice, columns: slice) -> Mask:
    import sep

    inside = np.zeros((rows.stop - rows.start, columns.stop - columns.start), dtype=bool)
    one = slice(index, index + 1)
    x, y = shapes.x[one] - columns.start, shapes.y[one] - rows.start
    sep.mask_ellipse(inside, x, y, shapes.a[one], shapes.b[one], shapes.theta[one], r=_RADII)
    return inside


def _flood(windows: npt.NDArray[np.float32], ellipse: Mask, found: Mask) -> None:
    """Add what is connected to the brightest pixel and stands out; nothing where no background is left."""
    background = windows[:, ~ellipse]
    if not background.size:
        return
    levels = np.median(background, axis=1)
    uppers = levels + _CLEAR * 1.4826 * np.median(np.abs(background - levels[:, None]), axis=1)
    for window, upper, mask in zip(windows, uppers, found, strict=True):
        brightest = window.argmax()
        peak = window.flat[brightest]
        if peak > upper:
            depth = peak - upper  # measured from the peak, so that rounding is that of a flood with a tolerance
            labels, _ = label(window >= peak - depth, EIGHT)
            mask |= labels == labels.flat[brightest]
