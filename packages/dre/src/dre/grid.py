"""Grids of Sersic models: their axes, the pictures, and the pictures as seen through a PSF."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .kernels import chi2, convolution, sersic


def axis(start: float, step: float, count: int) -> tuple[float, ...]:
    """Evenly spaced values, without the dust of binary fractions."""
    return tuple(round(start + step * k, 10) for k in range(count))


#: Where the models are accurate: radii of 0.1 to 300 px.
RANGES = {"log_r": (-1.0, 2.477), "angle": (-360.0, 360.0), "q": (0.05, 1.0), "n": (0.3, 8.0)}


@dataclass(frozen=True, slots=True)
class GridAxes:
    """Values at which a grid holds models, to ten decimals.

    Attributes
    ----------
    log_r : tuple of float
        log10 of the semi-major half-light radius, px.
    angle : tuple of float
        Position angle, degrees counter-clockwise from +x.
    q : tuple of float
        Axis ratio.
    n : tuple of float
        Sersic index.
    box : int
        Side of the pictures, px.
    flux : float
        Flux to infinity of every model.
    """

    log_r: tuple[float, ...] = axis(-0.70, 0.12, 21)
    angle: tuple[float, ...] = axis(0.0, 15.0, 13)
    q: tuple[float, ...] = axis(0.1, 0.1, 10)
    n: tuple[float, ...] = (4.0,)
    box: int = 128
    flux: float = 1e5

    def __post_init__(self) -> None:
        for name in ("log_r", "angle", "q", "n"):
            values = tuple(round(float(value), 10) for value in getattr(self, name))
            if not values or any(b <= a for a, b in pairwise(values)):
                raise ValueError(f"axis {name} = {values}: must hold one value or more, in increasing order")
            low, high = RANGES[name]
            wrong = [value for value in values if not low <= value <= high]
            if wrong:
                raise ValueError(f"{name} = {wrong[0]:g} on its axis: must be within {low:g} to {high:g}")
            object.__setattr__(self, name, values)
        if self.box < 1:
            raise ValueError(f"box = {self.box}: must be at least 1 px")
        for q in self.q:
            for n in self.n:
                sersic.check_ranges(self.box, 10.0 ** np.array(self.log_r), q, n, self.flux)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Number of values of n, q, angle and log_r: the shape of a chi cube."""
        return len(self.n), len(self.q), len(self.angle), len(self.log_r)

    @property
    def count(self) -> int:
        """Number of models."""
        return int(np.prod(self.shape))

    def values(self, index: tuple[int, int, int, int]) -> tuple[float, float, float, float]:
        """Sersic index, axis ratio, angle and log r of one model."""
        i, j, k, m = index
        return self.n[i], self.q[j], self.angle[k], self.log_r[m]


#: The predecessor's grid: 2,730 de Vaucouleurs models of 128 x 128 px.
CLASSIC = GridAxes()


@dataclass(frozen=True, eq=False, slots=True)
class ModelGrid:
    """Unconvolved models.

    Attributes
    ----------
    axes : GridAxes
    models : ndarray of float32, shape (n, q, angle, r, box, box)
    """

    axes: GridAxes
    models: NDArray[np.float32]

    def __post_init__(self) -> None:
        expected = (*self.axes.shape, self.axes.box, self.axes.box)
        if self.models.shape != expected:
            raise ValueError(f"models have shape {self.models.shape}, the axes need {expected}")

    @classmethod
    def generate(cls, axes: GridAxes = CLASSIC) -> ModelGrid:
        """Integrate every model of `axes` over the pixels, centred in the box."""
        radii = 10.0 ** np.array(axes.log_r)
        return cls(axes, sersic.sersic_cube(axes.n, axes.q, axes.angle, radii, axes.box, flux=axes.flux))

    def convolve(self, psf: NDArray) -> ConvolvedGrid:
        """Convolve every model with one PSF.

        Parameters
        ----------
        psf : ndarray, shape (side, side)
            PSF in image pixels with odd sides, centred in its central pixel.

        Returns
        -------
        ConvolvedGrid

        Raises
        ------
        ValueError
            A PSF that is not square, not odd or not finite.
        """
        spectrum = convolution.psf_spectrum(psf, self.axes.box)
        return self._blocked(lambda part: convolution.convolve_same(part, psf, spectrum))

    def unconvolved(self) -> ConvolvedGrid:
        """Return the models as they are, in the layout that the fit reads."""
        return self._blocked(lambda part: part)

    def _blocked(self, change: Callable[[NDArray], NDArray]) -> ConvolvedGrid:
        box = self.axes.box
        flat = self.models.reshape(-1, box, box)
        blocks = chi2.empty_blocks(len(flat), box * box)
        for first in range(0, len(flat), chi2.PART):
            chi2.pack_part(blocks, first, change(flat[first : first + chi2.PART]))
        return ConvolvedGrid(self.axes, blocks)

    def digest(self) -> str:
        """SHA-256 of axes and models, hexadecimal: the same for the same content, wherever it came from."""
        total = hashlib.sha256(repr(self.axes).encode())
        total.update(np.ascontiguousarray(self.models, "<f4").reshape(-1).view(np.uint8).data)
        return total.hexdigest()


@dataclass(frozen=True, eq=False, slots=True)
class ConvolvedGrid:
    """Models convolved with one PSF, stored for the scan.

    Attributes
    ----------
    axes : GridAxes
    blocks : ndarray of float32, shape (ceil(models / 64), box * box, 64)
        Layout of `dre.kernels.chi2.pack`.
    """

    axes: GridAxes
    blocks: NDArray[np.float32] = field(repr=False)

    @staticmethod
    def room(axes: GridAxes) -> tuple[int, int, int]:
        """Shape of `blocks` of a grid with these axes."""
        return -(-axes.count // chi2.LANES), axes.box**2, chi2.LANES

    def image(self, index: tuple[int, int, int, int]) -> NDArray[np.float32]:
        """Picture of one model, shape (box, box)."""
        k = int(np.ravel_multi_index(index, self.axes.shape))
        return chi2.unpack(self.blocks, k).reshape(self.axes.box, self.axes.box)
