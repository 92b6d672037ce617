"""How the noise of an image is correlated between pixels (drizzled and resampled images: always)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .kernels.correlated import REACH, lag_sums
from .pixels import quiet
from .stamp import Stamp

_CLIP = 3.5
_SURE, _LEAST = 4.0, 0.02


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

    @classmethod
    def measured(cls, stamps: Iterable[Stamp]) -> NoiseCorrelation:
        """Measure it on the pixels of stamps that show no source.

        Correlations that are not above four standard errors, or below 0.02, are set to zero: faint light makes such.

        Parameters
        ----------
        stamps : iterable of Stamp
        """
        products, pairs = np.zeros((2 * REACH + 1,) * 2), np.zeros((2 * REACH + 1,) * 2)
        for stamp in stamps:
            good = quiet(stamp)
            if np.count_nonzero(good) < 200:
                continue
            noise = np.where(good, stamp.obj, 0.0) / np.where(good, stamp.rms, 1.0)
            middle = float(np.median(noise[good]))
            spread = 1.4826 * float(np.median(np.abs(noise[good] - middle)))
            good &= np.abs(noise - middle) < _CLIP * spread
            own = lag_sums(noise - float(noise[good].mean()), good)
            products, pairs = products + own[0], pairs + own[1]
        if not (pairs > 0).all() or not products[REACH, REACH] > 0:
            return cls()
        values = products / pairs / (products[REACH, REACH] / pairs[REACH, REACH])
        values[np.abs(values) < np.maximum(_SURE / np.sqrt(pairs), _LEAST)] = 0.0
        if np.count_nonzero(values) == 1:
            return cls(pairs=int(pairs[REACH, REACH]))
        return cls(values, int(pairs[REACH, REACH]))
