"""One object cut out of an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, slots=True)
class Stamp:
    """Cut-out of one object: what the fit works on.

    Attributes
    ----------
    name : str
        ``EE_NNNN``: extension number and object number.
    obj : ndarray of float, shape (box, box)
        Background-subtracted image; NaN pixels are not used.
    mask : ndarray of bool, shape (box, box)
        Pixels that belong to the object.
    rms : ndarray of float, shape (box, box)
        Standard deviation of the background noise, in the unit of `obj`.
    ext_number, number : int
        SExtractor's EXT_NUMBER and NUMBER.
    x, y : float or None
        One-based position in the image, as X_IMAGE and Y_IMAGE.
    neighbours : ndarray of int, shape (box, box), or None
        NUMBER of another source that a pixel belongs to, 0 for none; None: not known.
    flags : int
        SExtractor's FLAGS.
    """

    name: str
    obj: NDArray[np.floating]
    mask: NDArray[np.bool_]
    rms: NDArray[np.floating]
    ext_number: int = 0
    number: int = 0
    x: float | None = None
    y: float | None = None
    neighbours: NDArray[np.integer] | None = None
    flags: int = 0
