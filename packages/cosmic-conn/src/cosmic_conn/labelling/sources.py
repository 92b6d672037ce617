"""Stars and galaxies in a stack of frames, found on their median."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cosmic_conn.kernels.sources import Shapes

__all__ = ["CROWDED", "find_shapes"]

CROWDED = 3000
"""Sources beyond which Cosmic-CoNN gave a stack up."""

_MESH, _SMOOTHED = 32, 3  # of the background: side of a mesh [pixel], and of the median filter [meshes]
_THRESHOLD, _SMALLEST = 3.5, 9  # standard deviations, and pixels of a source
_TRUNCATED = 8  # flag of sources from which something is wrong with their pixels
_HELD, _LEAST = 0.1, 1000  # of all pixels, and pixels: with less sep crashes on images of a few of them
_SHARP = 1.0  # full width at half maximum of what is no source [pixel]


def find_shapes(median: npt.NDArray[np.float32], *, frugal: bool = False) -> Shapes:
    """Return the sources of a median frame, as SExtractor (here its library, sep) finds them.

    Parameters
    ----------
    median : ndarray of float32, shape (height, width)
    frugal
        Whether sep may hold a tenth of the pixels only, as in Cosmic-CoNN, and not all of them.

    Raises
    ------
    ValueError
        When sep gives up, as it does where there are too many sources for that.
    """
    import sep

    image = np.ascontiguousarray(median, dtype=np.float32)
    sep.set_extract_pixstack(max(int(image.size * _HELD) if frugal else image.size, _LEAST))
    try:
        background = sep.Background(image, bw=_MESH, bh=_MESH, fw=_SMOOTHED, fh=_SMOOTHED)
        table = sep.extract(image - background.back(), _THRESHOLD, err=background.globalrms, minarea=_SMALLEST)
    except Exception as error:  # sep raises the bare class
        raise ValueError(f"the sources cannot be found: {error}") from error
    wide = 2 * np.sqrt(np.log(2) * (table["a"] ** 2 + table["b"] ** 2)) > _SHARP
    known = np.all([np.isfinite(table[name]) for name in ("x", "y", "a", "b", "theta")], axis=0)
    table = table[wide & known & (table["flag"] < _TRUNCATED)]
    boxes = (table[name].astype(np.int64) for name in ("xmin", "xmax", "ymin", "ymax"))
    return Shapes(table["x"], table["y"], table["a"], table["b"], table["theta"], *boxes)
