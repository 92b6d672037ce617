"""The start of a fit, found anywhere in parameter space: a coarse grid of models against one object."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .grid import GridAxes
from .kernels.between import best_between
from .kernels.linear import coarse_to_fine, linear_scan
from .kernels.superpixels import cells, search_beside, search_cells
from .pixels import Pixels
from .psf import PSFModel
from .render import CellRenderer, Profile

#: Half-light radii of 0.5 to 63 px, all angles, seven indices: 7,056 models, from which any profile is reached.
SEARCH = GridAxes(
    log_r=tuple(-0.3 + 0.15 * k for k in range(15)),
    angle=tuple(15.0 * k for k in range(12)),
    q=(0.1, 0.25, 0.4, 0.6, 0.8, 1.0),
    n=(0.5, 0.8, 1.3, 2.0, 3.0, 4.5, 6.5),
)

_RIM = 8.0
"""The search looks this far beyond twice the radius of the mask, px; the fit itself uses the whole stamp."""

_SMALL = 1024
"""A grid of at most so many models is compared with as a whole."""

_ASIDE = 1.5
"""A start is at most so far from the middle of the stamp along each axis, px."""

_NOTHING = 1e-18
"""Fractions of the flux below this are set to 0: processors are slow with numbers of which the square is subnormal."""

_PER_INDEX, _LEADERS = 4, 12
"""Coarse models of each index around which all are tried; then those around the leaders, until none is better."""


@dataclass(frozen=True, eq=False, slots=True)
class SearchGrid:
    """Models of a grid through one PSF, in the coarser cells of `dre.kernels.superpixels`.

    Attributes
    ----------
    axes : GridAxes
    models : ndarray of float32, shape (count, cells)
        Unit flux, centred in the box; row k is the model at that position of the axes' shape.
    area : ndarray of float64, shape (cells,)
        Pixels in each cell.
    """

    axes: GridAxes
    models: NDArray[np.float32] = field(repr=False)
    area: NDArray[np.float64] = field(repr=False)

    @classmethod
    def build(cls, axes: GridAxes, psf: PSFModel, place: tuple[float, float] | None = None) -> SearchGrid:
        """Draw every model through the PSF at a place of the image.

        Parameters
        ----------
        axes : GridAxes
            The grid; its flux is not used.
        psf : PSFModel
        place : (float, float), optional
            One-based X_IMAGE, Y_IMAGE.
        """
        renderer = CellRenderer.through(psf, axes.box, place)
        label, fine = cells(axes.box)
        group, area = search_cells(axes.box)
        models = np.empty((*axes.shape, len(area)), np.float32)
        for (i, n), (j, q), (k, angle) in itertools.product(*map(enumerate, (axes.n, axes.q, axes.angle))):
            twin = _twin(axes, q, angle, k)
            if twin is not None:
                models[i, j, k] = models[i, j, twin]
                continue
            for m, log_r in enumerate(axes.log_r):
                drawn = renderer.draw(Profile(10**log_r, q, angle, n).coordinates(), label, fine)[0]
                models[i, j, k, m] = np.bincount(group, drawn, len(area))
        models[np.abs(models) < _NOTHING] = 0.0
        return cls(axes, models.reshape(axes.count, -1), area)

    @staticmethod
    def room(axes: GridAxes) -> tuple[tuple[int, int], NDArray[np.float64]]:
        """Return the shape of `models` and the `area` of a grid with these axes."""
        area = search_cells(axes.box)[1]
        return (axes.count, len(area)), area

    def best(self, pixels: Pixels) -> tuple[int, float] | None:
        """Return the model of least chi-square, coarse to fine, and by how much it lowers that of sky alone.

        Parameters
        ----------
        pixels : Pixels
            The object, of the size of the grid's box.

        Returns
        -------
        index, gain : int, float
            None where no model has a positive flux.
        """
        data, weight = self.reached(pixels)
        if not (weight > 0).any():
            return None
        if len(self.models) <= _SMALL:
            gains = self._all(data, weight)
            top = int(np.argmax(gains))
        else:
            shape = np.array(self.axes.shape)
            area = self.area[: len(data)]
            coarse = coarse_models(self.axes.shape)
            top, gains = coarse_to_fine(self.models, coarse, shape, data, weight, area, _PER_INDEX, _LEADERS)
        return (top, float(gains[top])) if np.isfinite(gains[top]) else None

    def _all(self, data: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
        return linear_scan(self.models, np.arange(len(self.models)), data, weight, self.area[: len(data)])[0]

    def reached(self, pixels: Pixels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Data and weights of the cells, which are in order of distance, to twice the radius of the mask and a rim."""
        data, weight = pixels.completed(search_cells(self.axes.box)[0], self.area)
        radius = 2 * np.sqrt(pixels.area[pixels.inside].sum() / np.pi) + _RIM
        count = int(np.searchsorted(np.cumsum(self.area), np.pi * radius**2))
        return data[:count], weight[:count]

    def exhaustive(self, pixels: Pixels) -> int:
        """Return the model of least chi-square after comparing with all of them."""
        return int(np.argmax(self._all(*self.reached(pixels))))

    def start(self, pixels: Pixels, index: int) -> Profile:
        """Return the profile at the best place between a model and those beside it, and around its centre."""
        data, weight = self.reached(pixels)
        shape = self.axes.shape
        here = tuple(int(k) for k in np.unravel_index(index, shape))
        sides = _sides(self.axes, here)
        lower, upper = index + (sides - here) * np.cumprod((1, *shape[:0:-1]))[::-1]
        place = best_between(
            self.models, index, lower, upper, data, weight, self.area, *search_beside(self.axes.box), _ASIDE
        )
        ends = tuple(int(sides[int(t > 0), k]) for k, t in enumerate(place[:4]))
        n, q, angle, log_r = self.axes.values(here)  # type: ignore[arg-type]
        to_n, to_q, to_angle, to_log_r = self.axes.values(ends)  # type: ignore[arg-type]
        by_n, by_q, by_angle, by_log_r = np.abs(place[:4]).tolist()
        r_e, turn = 10 ** (log_r + by_log_r * (to_log_r - log_r)), (to_angle - angle + 90) % 180 - 90
        return Profile(
            r_e, q * (to_q / q) ** by_q, (angle + by_angle * turn) % 180, n * (to_n / n) ** by_n, 1.0,
            *place[4:].tolist(),
        )  # fmt: skip

    def profile(self, index: int) -> Profile:
        """Return the profile of a model."""
        i, j, k, m = (int(value) for value in np.unravel_index(index, self.axes.shape))
        n, q, angle, log_r = self.axes.values((i, j, k, m))
        return Profile(10**log_r, q, angle, n)


def _sides(axes: GridAxes, here: Sequence[int]) -> NDArray[np.int64]:
    """Positions before and after one on each axis, shape (2, 4); itself where there is none. Angles are a circle."""
    sides = np.array([(max(k - 1, 0), min(k + 1, size - 1)) for k, size in zip(here, axes.shape, strict=True)]).T
    angles = axes.angle
    turns = sorted(((angle - angles[here[2]]) % 180.0, k) for k, angle in enumerate(angles))
    others = [k for turn, k in turns if turn > 0]
    sides[:, 2] = (others[-1], others[0]) if len(others) > 1 else here[2]
    return sides


def _twin(axes: GridAxes, q: float, angle: float, k: int) -> int | None:
    """An earlier angle with the same picture: any for a circle, 180 degrees before for an ellipse."""
    same = [m for m in range(k) if q == 1.0 or (angle - axes.angle[m]) % 180.0 == 0.0]
    return same[0] if same else None


@lru_cache(maxsize=8)
def coarse_models(shape: tuple[int, int, int, int]) -> NDArray[np.int64]:
    """Every second model of each axis and the last of each; of the angles, which are a circle, every second."""
    axes = [np.unique(np.append(np.arange(0, size, 2), size - 1)) for size in shape]
    axes[2] = np.arange(0, shape[2], 2)
    return np.ravel_multi_index(np.meshgrid(*axes, indexing="ij"), shape).ravel()
