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
        Background-subtracted image; NaN pixels are not used, nor those that a masked array masks.
    mask : ndarray of bool, shape (box, box)
        Pixels that belong to the object.
    rms : ndarray of float, shape (box, box), or float
        Standard deviation of the background noise, in the unit of `obj`; pixels where it is not positive are not used.
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

    def __post_init__(self) -> None:
        """Take the arrays as the kernels need them, whatever the byte order, layout or kind that a file gives."""
        obj = _native(self.obj)
        rms = np.full(obj.shape, self.rms, float) if np.ndim(self.rms) == 0 else _native(self.rms)
        others = None if self.neighbours is None else _native(self.neighbours)
        mask = np.ascontiguousarray(self.mask, dtype=bool)
        for name, value in (("obj", obj), ("mask", mask), ("rms", rms), ("neighbours", others)):
            object.__setattr__(self, name, value)


def _native(values: NDArray) -> NDArray:
    """Array in the byte order of the machine, row by row; NaN where it is masked."""
    plain = np.ma.filled(values.astype(float), np.nan) if np.ma.isMaskedArray(values) else np.asarray(values)
    return np.ascontiguousarray(plain, dtype=plain.dtype.newbyteorder("="))
