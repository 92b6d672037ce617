"""The best Sersic profile of one object at any parameters, from a start near by, in one band or several at once.

Levenberg (1944) - Marquardt (1963) steps in the coordinates of `dre.kernels.fourier`, with flux and sky solved exactly
at each. The variance is ``rms^2 + model / gain`` with the model of the step before: the light of the data themselves
would bias the weights. Bands share the shape and the centre; each has its own flux and sky.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .kernels.normal import add_normal_equations, flux_and_sky, reweigh
from .kernels.steps import damped_step, free_parameters, moved
from .pixels import Pixels
from .render import CellRenderer, Profile

#: Bounds of rho, eta1, eta2, ln n, x, y: q down to 0.05, n within 0.3-8, the centre within 8 px of the middle.
LONGEST = 3.0
BOUNDS = np.array(
    [(-4.0, 6.0), (-LONGEST, LONGEST), (-LONGEST, LONGEST), (np.log(0.3), np.log(8.0)), (-8.0, 8.0), (-8.0, 8.0)]
)
_LOW, _HIGH = np.ascontiguousarray(BOUNDS.T)
CAPS = np.array([0.5, 0.5, 0.5, 0.4, 1.0, 1.0])
"""Largest change of each coordinate in one step."""

NEAR = 3e-3
"""A step that lowers chi-square by less than this is the last: it ends within some 0.01 standard errors of the minimum
(0.05 where S/N is 15)."""

BENT, LEFT = 3.0, 3e-6
"""So is one on whose way derivatives change so little that it leaves less than `LEFT` of chi-square to the next: if it
lowers it by g, at most g (BENT times its largest change of a coordinate)^2."""

WORST = 1e7
"""Damping at which there is no way down any more."""


class View(NamedTuple):
    """One object as one band shows it.

    Attributes
    ----------
    pixels : Pixels
    renderer : CellRenderer
        PSF at its place, for its box.
    offset : (float, float)
        From the middle of this stamp to that of the first band's, (x, y) px.
    """

    pixels: Pixels
    renderer: CellRenderer
    offset: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """What the best profile is in one band.

    Attributes
    ----------
    flux, sky : float
        In units of `Pixels.unit`.
    chi2 : float
    rows : ndarray of float64, shape (8, cells)
        Derivatives of the model to the six coordinates, this flux and this sky.
    weight : ndarray of float64, shape (cells,)
        Inverse variance of each cell.
    """

    flux: float
    sky: float
    chi2: float
    rows: NDArray[np.float64]
    weight: NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Solution:
    """Where the steps ended.

    Attributes
    ----------
    coordinates : ndarray of float64, shape (6,)
        rho, eta1, eta2, ln n, x, y; the centre from the middle of the first band's stamp.
    parts : tuple of Part
        One a band.
    information : ndarray of float64, shape (6 + 2 bands,) * 2
        Inverse covariance of the coordinates, and flux and sky of each band, for noise that is not correlated.
    bound : ndarray of bool, shape (6,)
        Coordinates that ended on a bound.
    steps : int
    converged : bool
    """

    coordinates: NDArray[np.float64]
    parts: tuple[Part, ...]
    information: NDArray[np.float64]
    bound: NDArray[np.bool_]
    steps: int
    converged: bool


@dataclass(slots=True)
class _BandState:
    """The model at one point in one band: its pictures, and the best flux and sky under given weights."""

    view: View
    pictures: NDArray[np.float64]  # (7, cells): unit flux, and derivatives
    flux: float = 0.0
    sky: float = 0.0
    chi2: float = np.inf

    @classmethod
    def drawn(cls, view: View, point: NDArray[np.float64]) -> _BandState:
        """Draw the model at a point, in the cells of the object."""
        return cls(view, _draw(view, point, derivatives=True))

    def moved(self, point: NDArray[np.float64]) -> _BandState:
        """Draw the model at a point so near that the derivatives are the same."""
        return _BandState(self.view, np.concatenate([_draw(self.view, point), self.pictures[1:]]))

    def solve(self, weight: NDArray[np.float64]) -> None:
        """Solve flux and sky, and the chi-square that they leave."""
        pixels = self.view.pixels
        self.flux, self.sky, self.chi2 = flux_and_sky(self.pictures[0], pixels.data, weight, pixels.area)

    def weigh(self, weight: NDArray[np.float64]) -> None:
        """Fill the weights with the variance of this model's photons, and solve again."""
        own = self.view.pixels
        self.flux, self.sky, self.chi2 = reweigh(
            self.pictures[0], self.flux, own.gain, own.variance, own.data, own.area, weight
        )

    def part(self, weight: NDArray[np.float64]) -> Part:
        """Return what the model is under these weights."""
        rows = np.empty((8, self.pictures.shape[1]))
        np.multiply(self.pictures[1:], self.flux, out=rows[:6])
        rows[6], rows[7] = self.pictures[0], self.view.pixels.area
        return Part(self.flux, self.sky, self.chi2, rows, weight)


def _draw(view: View, point: NDArray[np.float64], *, derivatives: bool = False) -> NDArray[np.float64]:
    own = point.copy()
    own[4:] += view.offset
    return view.renderer.draw(own, view.pixels.label, view.pixels.area, derivatives=derivatives)


def _chi2(states: list[_BandState]) -> float:
    return sum(state.chi2 for state in states)


def polish(views: Sequence[View], start: Profile, *, fixed_index: bool = False, limit: int = 40) -> Solution | None:
    """Find the profile of least chi-square near a start.

    Parameters
    ----------
    views : sequence of View
        The object in each band.
    start : Profile
        First guess; its flux is not used.
    fixed_index : bool
        Keep the Sersic index of the start.
    limit : int
        Most steps.

    Returns
    -------
    Solution or None
        None where not even the start has a positive flux in every band.
    """
    point = moved(start.coordinates(), np.zeros(6), CAPS, _LOW, _HIGH, LONGEST)
    states = [_BandState.drawn(view, point) for view in views]
    weights = [1.0 / view.pixels.variance for view in views]
    for state, weight in zip(states, weights, strict=True):
        state.solve(weight)
    if not math.isfinite(_chi2(states)):
        return None
    damping, steps, converged = 1e-3, 0, False
    while True:
        for state, weight in zip(states, weights, strict=True):
            state.weigh(weight)
        matrix, vector = _equations(states, weights)
        free = free_parameters(point, vector, _LOW, _HIGH, fixed_index)
        if converged or steps >= limit or damping > WORST:
            found = tuple(state.part(weight) for state, weight in zip(states, weights, strict=True))
            return Solution(point, found, matrix, ~free[:6], steps, converged)
        equations = _Equations(matrix, vector, free)
        states, point, damping, steps, converged = _advance(states, point, weights, equations, damping, steps, limit)


def _equations(
    states: list[_BandState], weights: list[NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Matrix and vector of the normal equations of all bands together."""
    size = 6 + 2 * len(states)
    matrix, vector = np.zeros((size, size)), np.zeros(size)
    for k, (state, weight) in enumerate(zip(states, weights, strict=True)):
        own = state.view.pixels
        add_normal_equations(state.pictures, state.flux, state.sky, own.data, weight, own.area, k, matrix, vector)
    return matrix, vector


def places(band: int) -> NDArray[np.int64]:
    """Where the six coordinates, flux and sky of a band stand among the parameters of all bands."""
    return np.array([0, 1, 2, 3, 4, 5, 6 + 2 * band, 7 + 2 * band])


class _Equations(NamedTuple):
    matrix: NDArray[np.float64]
    vector: NDArray[np.float64]
    free: NDArray[np.bool_]


def _advance(
    states: list[_BandState], point: NDArray[np.float64], weights: list[NDArray], equations: _Equations, damping: float,
    steps: int, limit: int,
) -> tuple[list[_BandState], NDArray[np.float64], float, int, bool]:  # fmt: skip
    """Take one step that lowers chi-square under these weights, damping it until it does."""
    before = _chi2(states)
    while steps < limit and damping <= WORST:
        step = damped_step(*equations, 0.0)
        near = _is_last(step, equations.vector)
        if not near:
            step = damped_step(*equations, damping)
        there = moved(point, step, CAPS, _LOW, _HIGH, LONGEST)
        trial = [state.moved(there) if near else _BandState.drawn(state.view, there) for state in states]
        for state, weight in zip(trial, weights, strict=True):
            state.solve(weight)
        steps += 1
        if near and math.isfinite(_chi2(trial)):
            return trial, there, damping, steps, True
        if _chi2(trial) <= before:
            return trial, there, max(damping / 10, 1e-9), steps, False
        damping = damping * 10 + 1e-4
    return states, point, damping, steps, False


def _is_last(step: NDArray[np.float64], slope: NDArray[np.float64]) -> bool:
    """Whether a step that is not damped ends so near to the minimum that it needs no other after it."""
    lowered = float(step @ slope)
    return lowered < NEAR or lowered * (BENT * float(np.abs(step[:6]).max())) ** 2 < LEFT
