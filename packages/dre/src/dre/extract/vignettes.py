"""Small images around sources, as in SExtractor's VIGNET column."""

from __future__ import annotations

import numpy as np

BLANK = np.float32(-1e30)
"""Value of pixels that are outside the image, blank or of another source."""


def vignettes(
    image: np.ndarray, segmentation: np.ndarray, x: np.ndarray, y: np.ndarray, *, size: int, blank: np.ndarray
) -> np.ndarray:
    """Cut a square around each source, other sources blanked.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
        Background-subtracted image [ADU].
    segmentation : ndarray of int, shape (ny, nx)
        Source k of the lists has number k + 1.
    x, y : ndarray, shape (n,)
        0-based positions [pixel]; the cut is centred on the nearest pixel.
    size : int
        Side of a cut [pixel], odd.
    blank : ndarray of bool, shape (ny, nx)
        Pixels without data.

    Returns
    -------
    ndarray of float32, shape (n, size, size)
        Blanked pixels hold -1e30.
    """
    half = size // 2
    padded = np.pad(np.where(blank, BLANK, image).astype(np.float32), half, constant_values=BLANK)
    labels = np.pad(segmentation, half)
    out = np.empty((len(x), size, size), np.float32)
    for k, (column, row) in enumerate(zip(np.rint(x).astype(int), np.rint(y).astype(int), strict=True)):
        window = np.s_[row : row + size, column : column + size]
        other = (labels[window] != 0) & (labels[window] != k + 1)
        out[k] = np.where(other, BLANK, padded[window])
    return out
