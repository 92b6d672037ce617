"""Galaxies as an image shows them: Sersic profiles through the PSF at their place, at any parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .kernels import fourier
from .kernels.copies import bin_without_copies, copies, subtract_copies
from .kernels.hankel import HIGHEST, LOWEST, transform_of
from .kernels.outskirts import law_of, outskirts
from .kernels.superpixels import core_of, outer_cells
from .psf import PSFModel, centre_of


class Profile(NamedTuple):
    """A Sersic profile: semi-major half-light radius (px), axis ratio, angle (deg from +x), index, flux, centre.

    The centre is from the middle of the stamp, px.
    """

    r_e: float
    q: float
    angle: float
    n: float
    flux: float = 1.0
    x: float = 0.0
    y: float = 0.0

    def coordinates(self) -> NDArray[np.float64]:
        """Return rho, eta1, eta2, ln n, x, y: see `dre.kernels.fourier`."""
        eta, turn = -math.log(self.q), math.radians(2 * self.angle)
        rho = math.log(self.r_e) - eta / 2
        return np.array([rho, eta * math.cos(turn), eta * math.sin(turn), math.log(self.n), self.x, self.y])

    @classmethod
    def at(cls, coordinates: NDArray[np.float64], flux: float) -> Profile:
        """Return the profile with these coordinates."""
        rho, eta1, eta2, log_n, x, y = (float(value) for value in coordinates)
        eta = math.hypot(eta1, eta2)
        angle = math.degrees(0.5 * math.atan2(eta2, eta1)) % 180.0
        return cls(math.exp(rho + eta / 2), math.exp(-eta), angle, math.exp(log_n), flux, x, y)


class Shape(NamedTuple):
    """What the kernels need of the first four coordinates.

    Attributes
    ----------
    log_n : float
        ln of the Sersic index.
    matrix, slopes, law, transform : ndarray
        `dre.kernels.fourier.shape_matrix`, `dre.kernels.outskirts.law_of`, `dre.kernels.hankel.transform_of`.
    """

    log_n: float
    matrix: NDArray[np.float64]
    slopes: NDArray[np.float64]
    law: NDArray[np.float64]
    transform: NDArray[np.float64]

    @classmethod
    def of(cls, coordinates: NDArray[np.float64]) -> Shape:
        """Take the shape of a profile; an index outside those that can be drawn is the nearest that can."""
        rho, eta1, eta2, log_n = (float(value) for value in coordinates[:4])
        matrix, slopes = fourier.shape_matrix(rho, eta1, eta2)
        transform = transform_of(min(max(math.exp(log_n), LOWEST), HIGHEST))
        return cls(log_n, matrix, slopes, law_of(matrix, log_n), transform)


@dataclass(frozen=True, eq=False, slots=True)
class Renderer:
    """Draws profiles through one PSF.

    Attributes
    ----------
    box : int
        Side of the pictures, px.
    zones, shifts : ndarray
        Transform of the PSF: `dre.kernels.fourier.transfer`.
    """

    box: int
    zones: NDArray[np.complex128] = field(repr=False)
    shifts: NDArray[np.float64] = field(repr=False)

    @classmethod
    def through(cls, psf: PSFModel, box: int, place: tuple[float, float] | None = None) -> Renderer:
        """Make the renderer of a place of an image.

        Parameters
        ----------
        psf : PSFModel
            PSF of the image.
        box : int
            Side of the pictures, px.
        place : (float, float), optional
            One-based X_IMAGE, Y_IMAGE; default where the polynomial is zero.

        Raises
        ------
        ValueError
            A PSF that is not finite, has no light, or is not centred.
        """
        table = psf.table(place)
        reach = int(table.shape[0] * psf.sampling)
        length = period(box, reach)
        return cls(box, *fourier.transfer(table, psf.sampling, centre_of(table), length, pixel=psf.without_pixel))

    def draw(self, coordinates: NDArray[np.float64], *, derivatives: bool = False) -> NDArray[np.floating]:
        """Draw a profile of unit flux, and its derivatives to the coordinates; shape (1 or 7, box, box)."""
        x, y = float(coordinates[4]), float(coordinates[5])
        drawn, nodes = self.periodic(Shape.of(coordinates), x, y, derivatives=derivatives)
        subtract_copies(drawn, nodes)
        return drawn[:, :, : self.box]

    def periodic(
        self, shape: Shape, x: float, y: float, *, derivatives: bool
    ) -> tuple[NDArray[np.floating], NDArray[np.float64]]:
        """Draw a profile of unit flux with its copies, in the first columns; and their light: `dre.kernels.copies`."""
        drawn = fourier.pictures(
            shape.matrix, shape.slopes, x, y, shape.transform, self.zones, self.shifts, self.box,
            derivatives=derivatives,
        )  # fmt: skip
        period = self.zones.shape[1]
        return drawn, copies(len(drawn), shape.law, shape.slopes, shape.log_n, x, y, self.box, period)

    def image(self, profile: Profile) -> NDArray[np.float64]:
        """Draw a profile with its flux, shape (box, box)."""
        return profile.flux * self.draw(profile.coordinates())[0]


@dataclass(frozen=True, eq=False, slots=True)
class CellRenderer:
    """Draws profiles in the cells of `dre.kernels.superpixels`: through the PSF in the core, as they are outside.

    Attributes
    ----------
    box : int
        Side of the stamp, px.
    core : Renderer
        Of the square of `dre.kernels.superpixels.core_of`.
    reach : float
        Standard deviation of a cell of 4 x 4 pixels and the PSF together, along an axis, px.
    """

    box: int
    core: Renderer
    reach: float

    @classmethod
    def through(cls, psf: PSFModel, box: int, place: tuple[float, float] | None = None) -> CellRenderer:
        """Make the renderer of a place of an image; parameters as in `Renderer.through`."""
        core = Renderer.through(psf, core_of(box)[1], place)
        return cls(box, core, math.sqrt(16 / 12 + spread(core)))

    def draw(
        self, coordinates: NDArray[np.float64], label: NDArray[np.int32], area: NDArray[np.float64], *,
        derivatives: bool = False,
    ) -> NDArray[np.float64]:  # fmt: skip
        """Draw a profile of unit flux, and its derivatives to the coordinates.

        Parameters
        ----------
        coordinates : ndarray of float64, shape (6,)
            The centre from the middle of the box.
        label, area : ndarray
            Cell of each pixel of the box (-1: not used), and the number of used pixels of each cell.
        derivatives : bool

        Returns
        -------
        ndarray of float64, shape (1 or 7, cells)
        """
        shape, x, y = Shape.of(coordinates), float(coordinates[4]), float(coordinates[5])
        first, side = core_of(self.box)
        offset = (self.box - 1) / 2 - first - (side - 1) / 2
        out = np.empty((7 if derivatives else 1, len(area)))
        drawn, nodes = self.core.periodic(shape, x + offset, y + offset, derivatives=derivatives)
        own = np.ascontiguousarray(label.reshape(self.box, self.box)[first : first + side, first : first + side])
        bin_without_copies(drawn, nodes, own, out)
        if side < self.box:
            place, right, up = outer_cells(self.box)
            outskirts(shape.law, shape.slopes, right - x, up - y, self.reach, place, area, out)
        return out


def spread(renderer: Renderer) -> float:
    """Variance of the PSF along an axis, px^2, from its transform at periods of some 30 px: without faint wings."""
    length = renderer.zones.shape[1]
    k = max(round(0.2 * length / (2 * math.pi)), 1)
    zone = renderer.zones[int(np.argmin(np.abs(renderer.shifts).sum(1)))]
    power = float(np.log(np.abs(zone[0, k]) * np.abs(zone[k, 0])))
    return max(-power / (2 * math.pi * k / length) ** 2, 0.0)


def period(box: int, reach: int) -> int:
    """Side of the periodic picture: room for half the PSF on each side, even, fast to transform."""
    from scipy.fft import next_fast_len

    length = box + min(max(reach, box // 4), box // 2)
    while True:
        length = int(next_fast_len(length, real=True))
        if length % 2 == 0:
            return length
        length += 1
