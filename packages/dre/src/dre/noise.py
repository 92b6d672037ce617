"""How the noise of an image is correlated between pixels (drizzled and resampled images: always)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .kernels.correlated import REACH, lag_sums
from .pixels import quiet
from .stamp import Stamp

_CLIP = 3.5
_SURE, _LEAST = 4.0, 0.02
_NEAR = 17
"""Side of the square whose mean is taken from each pixel, px: halos and what is left of the sky are no noise."""


def _white() -> NDArray[np.float64]:
    return np.ones((1, 1))


@dataclass(frozen=True, eq=False, slots=True)
class NoiseCorrelation:
    """Correlation of the background noise with itself.

    Attributes
    ----------
    values : ndarray of float64, shape (odd, odd)
        Correlation at each separation (dy, dx); the centre is 1.
    pairs : int
        Pairs of pixels that it was measured on; 0: taken for white.
    """

    values: NDArray[np.float64] = field(default_factory=_white)
    pairs: int = 0

    @property
    def white(self) -> bool:
        """Whether no pixel depends on another."""
        return self.values.size == 1

    def without_peaks(self, stamp: Stamp) -> Stamp:
        """Return the stamp without those neighbours that are no more than peaks of its correlated noise.

        A neighbour is one where its pixels add up to four standard deviations of such a sum. To leave out the peaks
        that a detection made for white noise takes for sources would leave a sky that is too dark.
        """
        if self.white or stamp.neighbours is None or not stamp.neighbours.any() or not _is_whole(stamp):
            return stamp
        good = np.isfinite(stamp.obj) & np.isfinite(stamp.rms) & (stamp.neighbours != 0)
        numbers, place = np.unique(stamp.neighbours[good], return_inverse=True)
        light = np.bincount(place, stamp.obj[good], len(numbers))
        variance = np.bincount(place, stamp.rms[good].astype(float) ** 2, len(numbers)) * float(self.values.sum())
        peaks = numbers[light < _SURE * np.sqrt(variance)]
        return replace(stamp, neighbours=np.where(np.isin(stamp.neighbours, peaks), 0, stamp.neighbours))

    @classmethod
    def measured(cls, stamps: Iterable[Stamp]) -> NoiseCorrelation:
        """Measure it on the pixels of stamps that show no source, about their mean near by.

        Correlations that are not above four standard errors, or below 0.02, are set to zero: faint light makes such.
        Where it is not white it is measured again with the peaks that were taken for neighbours.

        Parameters
        ----------
        stamps : iterable of Stamp
        """
        stamps = list(stamps)
        first = cls._without_neighbours(stamps)
        return first if first.white else cls._without_neighbours(first.without_peaks(stamp) for stamp in stamps)

    @classmethod
    def _without_neighbours(cls, stamps: Iterable[Stamp]) -> NoiseCorrelation:
        products, pairs = np.zeros((2 * REACH + 1,) * 2), np.zeros((2 * REACH + 1,) * 2)
        for stamp in stamps:
            found = _about_mean(stamp)
            if found is not None:
                own = lag_sums(*found)
                products, pairs = products + own[0], pairs + own[1]
        if not (pairs > 0).all() or not products[REACH, REACH] > 0:
            return cls()
        values = _as_of_true_mean(products / pairs)
        values /= values[REACH, REACH]
        values[np.abs(values) < np.maximum(_SURE / np.sqrt(pairs), _LEAST)] = 0.0
        if np.count_nonzero(values) == 1:
            return cls(pairs=int(pairs[REACH, REACH]))
        return cls(values, int(pairs[REACH, REACH]))


def _is_whole(stamp: Stamp) -> bool:
    """Whether its arrays have one shape."""
    others = (stamp.mask, stamp.rms) if stamp.neighbours is None else (stamp.mask, stamp.rms, stamp.neighbours)
    return all(one.shape == stamp.obj.shape for one in others)


def _about_mean(stamp: Stamp) -> tuple[NDArray[np.float64], NDArray[np.bool_]] | None:
    """Pixels of no source over their noise, without the mean near by, and which they are; None: there is no noise."""
    if not _is_whole(stamp):
        return None
    good = quiet(stamp)
    if np.count_nonzero(good) < 200:
        return None
    noise = np.where(good, stamp.obj, 0.0) / np.where(good, stamp.rms, 1.0)
    middle = float(np.median(noise[good]))
    spread = 1.4826 * float(np.median(np.abs(noise[good] - middle)))
    if not spread > 0:
        return None
    good &= np.abs(noise - middle) < _CLIP * spread
    share = ndimage.uniform_filter(good.astype(float), _NEAR, mode="constant")
    near = ndimage.uniform_filter(np.where(good, noise, 0.0), _NEAR, mode="constant")
    noise = noise - np.divide(near, share, out=np.zeros_like(near), where=good)
    return noise - float(noise[good].mean()), good


def _as_of_true_mean(products: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Mean products of deviations from the true mean, from those of deviations from the mean near by.

    The mean of :math:`m^2` pixels is made of the same noise: products at a separation :math:`\mathbf d` are too small
    by :math:`S D(\mathbf d) / m^2` with :math:`D = 2 - (1 - |d_x| / m) (1 - |d_y| / m)` and the sum :math:`S` of all.
    """
    away = 1 - np.abs(np.arange(-REACH, REACH + 1)) / _NEAR
    lost = (2 - np.outer(away, away)) / _NEAR**2
    return products + lost * float(products.sum()) / (1 - float(lost.sum()))
