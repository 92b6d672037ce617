"""Fit objects with the default statistic: chi-square with flux and sky free, and the shape at any value.

A grid of models finds the region of the best profile anywhere in parameter space; damped least squares with the model
drawn exactly, through the PSF at the object's place, end at the best profile itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .flags import GOOD, FitFlag
from .kernels.normal import quality
from .noise import NoiseCorrelation
from .ordered import in_order
from .pixels import Pixels
from .polish import BOUNDS, Part, Solution, View, polish
from .posterior import Estimate, beside_others, estimate
from .psf import PSFModel
from .render import CellRenderer, Profile, Renderer
from .search import SearchGrid
from .stamp import Stamp

LOW_SN = 10.0
"""Signal-to-noise ratio in the mask below which a fit is flagged."""

POOR = 1.5
"""Reduced chi-square in the mask above which a fit is flagged."""


@dataclass(frozen=True, eq=False, slots=True)
class ProfileFit:
    """Result of one object.

    Attributes
    ----------
    name, ext_number, number, x, y
        As in `Stamp`.
    box : int
        Side of the stamp, px.
    profile : Profile or None
        Best profile, its flux in the unit of the image; None: no fit.
    estimate : Estimate or None
        Its parameters with errors.
    sky : float
        Sky left in each pixel.
    chi2 : float
        Chi-square, a sum over cells of used pixels.
    pixels, cells : int
        How many pixels and cells they are.
    chi2_mask : float
        Reduced chi-square of the pixels in the mask alone.
    sn : float
        Signal over noise of the mask.
    gain : float
        Electrons in one unit of the image that the fit took.
    start : int
        Model of the search grid that the fit started from; -1: none.
    flag : FitFlag
        What is known to be wrong; 0 is good.
    reason : str
        Why there is no result; empty where there is one.
    """

    name: str
    ext_number: int
    number: int
    x: float | None
    y: float | None
    box: int
    profile: Profile | None = None
    estimate: Estimate | None = None
    sky: float = float("nan")
    chi2: float = float("nan")
    pixels: int = 0
    cells: int = 0
    chi2_mask: float = float("nan")
    sn: float = float("nan")
    gain: float = float("nan")
    start: int = -1
    flag: FitFlag = GOOD
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether there is a best profile."""
        return self.profile is not None

    @classmethod
    def of(cls, stamp: Stamp, **result: Any) -> ProfileFit:
        """Result of a stamp."""
        place = (stamp.name, stamp.ext_number, stamp.number, stamp.x, stamp.y)
        return cls(*place, stamp.obj.shape[0], **result)

    @property
    def middle(self) -> tuple[float, float]:
        """One-based position in the image of the middle of the stamp; (0, 0) where it is not known."""
        if self.x is None or self.y is None:
            return 0.0, 0.0
        middle_x, middle_y = (math.ceil(v - 1 - self.box / 2) + (self.box + 1) / 2 for v in (self.x, self.y))
        return middle_x, middle_y


@dataclass(frozen=True, eq=False, slots=True)
class Fitter:
    """What all objects of one image share.

    Attributes
    ----------
    grid : SearchGrid
        Models that the starts are sought among; if it has one Sersic index the index is held at that value.
    psf : PSFModel
        PSF of the image, evaluated at the place of each object.
    gain : float
        Electrons in one unit of the image; inf: the noise does not grow with the light.
    noise : NoiseCorrelation
        How the noise is correlated between pixels.
    """

    grid: SearchGrid
    psf: PSFModel
    gain: float = float("inf")
    noise: NoiseCorrelation = field(default_factory=NoiseCorrelation)

    def __post_init__(self) -> None:
        if not self.gain > 0:
            raise ValueError(f"gain = {self.gain}: must be positive")

    @property
    def fixed_index(self) -> bool:
        """Whether the Sersic index is held."""
        return len(self.grid.axes.n) == 1

    def renderer(self, stamp: Stamp) -> Renderer:
        """Return what draws profiles at the place of a stamp."""
        return _renderer(self.psf, self.grid.axes.box, self._place(stamp))

    def cells(self, stamp: Stamp) -> CellRenderer:
        """Return what draws profiles in the cells of a stamp."""
        return _cell_renderer(self.psf, self.grid.axes.box, self._place(stamp))

    def _place(self, stamp: Stamp) -> tuple[float, float] | None:
        """Where the PSF is evaluated; None where it is the same everywhere."""
        varies = len(self.psf.basis) > 1 and stamp.x is not None and stamp.y is not None
        return (stamp.x, stamp.y) if varies else None  # type: ignore[return-value]

    def fit(
        self, stamp: Stamp, start: Profile | None = None, begun: int | None = None, beside: Iterable[Profile] = ()
    ) -> ProfileFit:
        """Fit one object; never raises for what is wrong with the object.

        Parameters
        ----------
        stamp : Stamp
        start : Profile, optional
            Where to begin; default the best model of the grid.
        begun : int, optional
            The best model of the grid, where it is known already.
        beside : iterable of Profile
            Neighbours whose light was taken out of the stamp, their centres from its middle: the errors are those of a
            fit of all together.
        """
        wrong = what_is_wrong(stamp, self.grid.axes.box)
        if wrong:
            return ProfileFit.of(stamp, flag=wrong[0], reason=wrong[1])
        stamp = self.noise.without_peaks(stamp)
        try:
            pixels = Pixels.of(stamp, self.gain)
        except ValueError as error:
            return ProfileFit.of(stamp, flag=FitFlag.NO_DATA, reason=str(error))
        index = -1
        if start is None:
            best = self.grid.best(pixels) if begun is None else (begun, 0.0)
            if best is None:
                return ProfileFit.of(stamp, flag=FitFlag.NOT_POSITIVE, reason="no model has a positive flux")
            index, start = best[0], self.grid.start(pixels, best[0])
        solution = polish([View(pixels, self.cells(stamp))], start, fixed_index=self.fixed_index)
        if solution is None:
            return ProfileFit.of(stamp, flag=FitFlag.NOT_POSITIVE, reason="no model has a positive flux")
        rows = [self._rows(stamp, pixels, one) for one in beside]
        known = beside_others(solution, np.concatenate(rows)) if rows else solution
        found = estimate(known, [pixels], [self.noise], fixed_index=self.fixed_index)
        return self.result(stamp, pixels, solution, 0, found, index)

    def _rows(self, stamp: Stamp, pixels: Pixels, other: Profile) -> NDArray[np.float64]:
        """Derivatives of another object's model to its flux and its coordinates, in the cells of a stamp."""
        rows = self.cells(stamp).draw(other.coordinates(), pixels.label, pixels.area, derivatives=True)
        return np.delete(rows, 4, 0) if self.fixed_index else rows

    def result(
        self, stamp: Stamp, pixels: Pixels, solution: Solution, band: int, found: Estimate, start: int
    ) -> ProfileFit:
        """Return what a solution says of the object in one band."""
        part = solution.parts[band]
        r_e, q, angle, n = Profile.at(solution.coordinates, 1.0)[:4]
        flux, sky, x, y = (float(value) for value in found.values[4:])
        sn, reduced = _quality(pixels, part, self.noise)
        flag = _flags(stamp, solution, sn, reduced)
        return ProfileFit.of(
            stamp, profile=Profile(r_e, q, angle, n, flux, x, y), estimate=found, sky=sky, chi2=part.chi2,
            pixels=pixels.count, cells=pixels.cell_count, chi2_mask=reduced, sn=sn, gain=self.gain, start=start,
            flag=flag,
        )  # fmt: skip


@lru_cache(maxsize=4)
def _renderer(psf: PSFModel, box: int, place: tuple[float, float] | None) -> Renderer:
    return Renderer.through(psf, box, place)


@lru_cache(maxsize=4)
def _cell_renderer(psf: PSFModel, box: int, place: tuple[float, float] | None) -> CellRenderer:
    return CellRenderer.through(psf, box, place)


class Starter(Protocol):
    """What compares many objects with a grid at once."""

    def begun(self, stamps: Iterable[Stamp], grid: SearchGrid, gain: float) -> Iterator[tuple[Stamp, int | None]]:
        """Pair each stamp with its best model."""


def fit_profiles(
    stamps: Iterable[Stamp], fitter: Fitter, *, workers: int = 1, accelerator: Starter | None = None
) -> Iterator[ProfileFit]:
    """Fit objects.

    Parameters
    ----------
    stamps : iterable of Stamp
        Objects; drawn from as the results are taken, so that memory stays flat.
    fitter : Fitter
        What they share.
    workers : int
        Threads; the results do not depend on it.
    accelerator : Starter, optional
        Finds the starts of many objects at once (`dre.device.Accelerator`).

    Yields
    ------
    ProfileFit
        In the order of the stamps. An object that cannot be fitted has a flag and a reason.
    """
    if accelerator is not None:
        pairs = accelerator.begun(stamps, fitter.grid, fitter.gain)
        return in_order(lambda pair: fitter.fit(pair[0], begun=pair[1]), pairs, workers)
    return in_order(fitter.fit, stamps, workers)


def what_is_wrong(stamp: Stamp, box: int) -> tuple[FitFlag, str] | None:
    """Say why a stamp cannot be fitted; None where nothing stands against it."""
    for what, array in (("image", stamp.obj), ("mask", stamp.mask), ("rms", stamp.rms)):
        if array.shape != (box, box):
            return FitFlag.SHAPE, f"the {what} has shape {array.shape}, the models ({box}, {box})"
    return None if stamp.mask.any() else (FitFlag.EMPTY_MASK, "the mask is empty")


def _quality(pixels: Pixels, part: Part, noise: NoiseCorrelation) -> tuple[float, float]:
    """Signal-to-noise ratio (the noise of a sum grows with its correlation) and reduced chi-square of the mask."""
    light, variance, chi2, count = quality(
        pixels.inside, part.rows[6], part.flux, part.sky, pixels.data, part.weight, pixels.area
    )
    if not count:
        return float("nan"), float("nan")
    together = max(float(noise.values.sum()), 1.0)
    return light / math.sqrt(variance * together), chi2 / count


def _flags(stamp: Stamp, solution: Solution, sn: float, reduced: float) -> FitFlag:
    flag = GOOD
    low, high = BOUNDS.T
    edge = (solution.coordinates <= low) | (solution.coordinates >= high)
    eta = float(np.hypot(*solution.coordinates[1:3]))
    if edge[[0, 3, 4, 5]].any() or eta > 0.999 * high[1]:
        flag |= FitFlag.GRID_EDGE
    if stamp.flags & 3 or (stamp.neighbours is not None and (stamp.neighbours[stamp.mask] != 0).any()):
        flag |= FitFlag.NEIGHBOURS
    if stamp.flags & 4:
        flag |= FitFlag.SATURATED
    if not sn >= LOW_SN:
        flag |= FitFlag.LOW_SN
    if not solution.converged:
        flag |= FitFlag.NOT_CONVERGED
    if reduced > POOR:
        flag |= FitFlag.POOR
    return flag
