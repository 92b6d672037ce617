"""One object's pixels as the fit takes them: in units of their noise, neighbours left out, in cells."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .kernels.superpixels import cells, complete, sum_cells
from .stamp import Stamp

_STANDING, _GROWN = 4.5, 2
_EVERY = 17


@dataclass(frozen=True, eq=False, slots=True)
class Pixels:
    """Cells of pixels of one object.

    Attributes
    ----------
    label : ndarray of int32, shape (box * box,)
        Cell of each pixel; -1: not used.
    data : ndarray of float64, shape (cells,)
        Sum of the image over the used pixels of each cell, over `unit`.
    variance : ndarray of float64, shape (cells,)
        Variance of its background noise, over `unit` squared; inf: no pixel of the cell is used.
    photons : ndarray of float64, shape (cells,)
        A first guess of the variance of the object's own photons, from the smoothed image.
    area : ndarray of float64, shape (cells,)
        Number of used pixels.
    inside : ndarray of bool, shape (cells,)
        Cells of which half or more of the used pixels are in the object's mask.
    gain : float
        Electrons in one `unit`; inf: no photon noise.
    unit : float
        Median background noise of every 17th pixel, in the unit of the image.
    """

    label: NDArray[np.int32]
    data: NDArray[np.float64]
    variance: NDArray[np.float64]
    photons: NDArray[np.float64]
    area: NDArray[np.float64]
    inside: NDArray[np.bool_]
    gain: float
    unit: float

    @classmethod
    def of(cls, stamp: Stamp, gain: float = np.inf) -> Pixels:
        """Prepare a stamp.

        Parameters
        ----------
        stamp : Stamp
        gain : float
            Electrons in one unit of the image; inf: the noise does not grow with the light.

        Raises
        ------
        ValueError
            Fewer than 32 pixels with a value and a noise; the message says why.
        """
        used = usable(stamp)
        if np.count_nonzero(used) < 32:
            raise ValueError("fewer than 32 pixels have a value and a noise and no neighbour on them")
        unit = _typical(stamp.rms, used)
        whole, areas = cells(len(used))
        label, sums = np.empty(len(whole), np.int32), np.zeros((len(areas), 5))
        sum_cells(stamp.obj, stamp.rms, stamp.mask, used, whole, unit, label, sums)
        data, variance, photons, area, inside = np.ascontiguousarray(sums.T)
        variance[area == 0] = np.inf
        photons /= gain * unit
        return cls(label, data, variance, photons, area, (inside > 0) & (inside >= 0.5 * area), gain * unit, unit)

    @property
    def count(self) -> int:
        """Number of pixels used."""
        return int(self.area.sum())

    @property
    def cell_count(self) -> int:
        """Number of cells with a pixel that is used: terms of chi-square."""
        return int(np.count_nonzero(self.area))

    def completed(
        self, group: NDArray[np.int32], whole: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return data and weights of coarser cells as if all their pixels were used, for models drawn once for all.

        A cell of which less than half is missing takes the mean of the rest for it; the others have no weight.
        """
        data, weight = np.empty((2, len(whole)))
        complete(group, whole, self.data, self.variance + self.photons, self.area, data, weight)
        return data, weight


def _typical(rms: NDArray[np.floating], used: NDArray[np.bool_]) -> float:
    """Median of some pixels; of an even number the upper one."""
    some = rms.ravel()[::_EVERY][used.ravel()[::_EVERY]]
    if not some.size:
        some = rms[used]
    return float(np.partition(some, some.size // 2)[some.size // 2])


def usable(stamp: Stamp) -> NDArray[np.bool_]:
    """Pixels with a value, a noise, and no light of a neighbour.

    Where the stamp does not say which pixels are a neighbour's (any picture, cuts made by the predecessor), those are
    taken for it that `_strangers` finds.
    """
    with np.errstate(invalid="ignore"):
        good = np.isfinite(stamp.obj) & np.isfinite(stamp.rms) & (stamp.rms > 0)
    return good & (~_strangers(stamp, good) if stamp.neighbours is None else stamp.neighbours == 0)


def _strangers(stamp: Stamp, good: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels outside the mask that stand out of the object's own light, and 2 pixels around them.

    Its own light at a pixel is that at the opposite side of its centre, or the median at that distance if there is
    more: a galaxy is symmetric, and a neighbour is not. After smoothing over 3 x 3 pixels a neighbour has 4.5 standard
    deviations (of what noise, correlated or not, makes of the difference of two sides) and half of that light more.
    """
    outside = good & ~stamp.mask
    if not outside.any():
        return outside
    ratio = np.divide(stamp.obj, stamp.rms, out=np.zeros(good.shape), where=good, casting="unsafe")
    light = ndimage.uniform_filter(np.where(good, ratio - np.median(ratio[outside]), 0.0), 3)
    if not (light[outside] > _STANDING / 3).any():
        return np.zeros_like(good)
    centre = ndimage.center_of_mass(np.where(stamp.mask, light.clip(0.0), 0.0) + 1e-9)  # of no light: the middle
    opposite = _opposite(light, good, centre)
    both = outside & np.isfinite(opposite)
    spread = 1.4826 / math.sqrt(2) * float(np.median(np.abs(light - opposite)[both])) if both.any() else 0.0
    own = np.fmax(np.fmax(opposite, _ring(light, good, centre)), 0.0)
    bright = (light - own > np.maximum(_STANDING * max(spread, 1 / 3), 0.5 * own)) & outside
    return ndimage.binary_dilation(bright, iterations=_GROWN) & ~stamp.mask


def _opposite(light: NDArray[np.float64], good: NDArray[np.bool_], centre: tuple[float, ...]) -> NDArray[np.float64]:
    """Light of the pixels at the opposite side of a centre; NaN: there is none."""
    y, x = np.ogrid[: len(light), : light.shape[1]]
    there_y, there_x = round(2 * centre[0]) - y, round(2 * centre[1]) - x
    inside = (there_y >= 0) & (there_y < len(light)) & (there_x >= 0) & (there_x < len(light))
    there = np.where(inside, there_y, 0), np.where(inside, there_x, 0)
    return np.where(inside & good[there], light[there], np.nan)


def _ring(light: NDArray[np.float64], good: NDArray[np.bool_], centre: tuple[float, ...]) -> NDArray[np.float64]:
    """Median of all light at the distance of each pixel from a centre."""
    y, x = np.ogrid[: len(light), : light.shape[1]]
    ring = np.hypot(y - centre[0], x - centre[1]).astype(np.int32) // 2
    some = slice(None, None, 2), slice(None, None, 2)  # smoothed light has no finer detail
    known = np.unique(ring[some][good[some]])
    profile = np.zeros(ring.max() + 1)
    profile[known] = ndimage.median(light[some], np.where(good[some], ring[some], -1), known)
    return profile[ring]


def quiet(stamp: Stamp) -> NDArray[np.bool_]:
    """Pixels with a value and a noise that belong to no source, and lie outside twice the radius of the mask."""
    reach = max(math.sqrt(np.count_nonzero(stamp.mask) / math.pi), _GROWN)
    return usable(stamp) & (ndimage.distance_transform_edt(~stamp.mask) > reach)
