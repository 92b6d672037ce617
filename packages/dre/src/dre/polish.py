"""The best Sersic profile of one object at any parameters, from a start near by.

Levenberg (1944) - Marquardt (1963) steps in the coordinates of `dre.kernels.fourier`, with flux and sky solved exactly
at each. The variance is ``rms^2 + model / gain`` with the model of the step before: the light of the data themselves
would bias the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .kernels.normal import flux_and_sky, normal_equations, weigh
from .pixels import Pixels
from .render import CellRenderer, Profile

#: Bounds of rho, eta1, eta2, ln n, x, y: q down to 0.05, n within 0.3-8, the centre within 8 px of the middle.
LONGEST = 3.0
BOUNDS = np.array(
    [(-4.0, 6.0), (-LONGEST, LONGEST), (-LONGEST, LONGEST), (np.log(0.3), np.log(8.0)), (-8.0, 8.0), (-8.0, 8.0)]
)
CAPS = np.array([0.5, 0.5, 0.5, 0.4, 1.0, 1.0])
"""Largest change of each coordinate in one step."""

NEAR = 3e-3
"""A step that lowers chi-square by less than this is the last: it ends within some 0.01 standard errors of the minimum
(0.05 where S/N is 15)."""

WORST = 1e7
"""Damping at which there is no way down any more."""


@dataclass(frozen=True, eq=False, slots=True)
class Solution:
    """Where the steps ended.

    Attributes
    ----------
    coordinates : ndarray of float64, shape (6,)
        rho, eta1, eta2, ln n, x, y.
    flux, sky : float
        In units of `Pixels.unit`.
    chi2 : float
    information : ndarray of float64, shape (8, 8)
        Inverse covariance of the coordinates, flux and sky for noise that is not correlated.
    rows : ndarray of float64, shape (8, cells)
        Derivatives of the model to the same.
    weight : ndarray of float64, shape (cells,)
        Inverse variance of each cell.
    bound : ndarray of bool, shape (6,)
        Coordinates that ended on a bound.
    steps : int
    converged : bool
    """

    coordinates: NDArray[np.float64]
    flux: float
    sky: float
    chi2: float
    information: NDArray[np.float64]
    rows: NDArray[np.float64]
    weight: NDArray[np.float64]
    bound: NDArray[np.bool_]
    steps: int
    converged: bool


@dataclass(slots=True)
class _State:
    """The model at one point: its pictures, and the best flux and sky under given weights."""

    point: NDArray[np.float64]
    pictures: NDArray[np.float64]  # (7, cells): unit flux, and derivatives
    flux: float = 0.0
    sky: float = 0.0
    chi2: float = np.inf

    @classmethod
    def drawn(cls, renderer: CellRenderer, point: NDArray[np.float64], pixels: Pixels) -> _State:
        """Draw the model at a point, in the cells of the object."""
        return cls(point, renderer.draw(point, pixels.label, pixels.area, derivatives=True))

    def moved(self, renderer: CellRenderer, point: NDArray[np.float64], pixels: Pixels) -> _State:
        """Draw the model at a point so near that the derivatives are the same."""
        picture = renderer.draw(point, pixels.label, pixels.area)
        return _State(point, np.concatenate([picture, self.pictures[1:]]))

    def solve(self, pixels: Pixels, weight: NDArray[np.float64]) -> None:
        """Solve flux and sky, and the chi-square that they leave."""
        self.flux, self.sky, self.chi2 = flux_and_sky(self.pictures[0], pixels.data, weight, pixels.area)

    def rows(self, area: NDArray[np.float64]) -> NDArray[np.float64]:
        """Derivatives of the model to the six coordinates, flux and sky; shape (8, cells)."""
        rows = np.empty((8, len(area)))
        np.multiply(self.pictures[1:], self.flux, out=rows[:6])
        rows[6], rows[7] = self.pictures[0], area
        return rows


def polish(
    pixels: Pixels, renderer: CellRenderer, start: Profile, *, fixed_index: bool = False, limit: int = 40
) -> Solution | None:
    """Find the profile of least chi-square near a start.

    Parameters
    ----------
    pixels : Pixels
        The object.
    renderer : CellRenderer
        PSF at its place, for its box.
    start : Profile
        First guess; its flux is not used.
    fixed_index : bool
        Keep the Sersic index of the start.
    limit : int
        Most steps.

    Returns
    -------
    Solution or None
        None where not even the start has a positive flux.
    """
    state = _State.drawn(renderer, _bounded(start.coordinates()), pixels)
    weight = 1.0 / pixels.variance
    state.solve(pixels, weight)
    if not np.isfinite(state.chi2):
        return None
    matrix, vector = np.empty((8, 8)), np.empty(8)
    damping, steps, converged = 1e-3, 0, False
    while True:
        weigh(state.pictures[0], state.flux, pixels.gain, pixels.variance, weight)
        state.solve(pixels, weight)
        rows = state.rows(pixels.area)
        normal_equations(rows, pixels.data - state.flux * rows[6] - state.sky * rows[7], weight, matrix, vector)
        free = _free(state.point, vector, fixed_index)
        if converged or steps >= limit or damping > WORST:
            place = (state.point, state.flux, state.sky, state.chi2)
            return Solution(*place, matrix, rows, weight, ~free[:6], steps, converged)
        state, damping, steps, converged = _advance(
            state, renderer, pixels, weight, _Equations(matrix, vector, free), damping, steps, limit
        )


class _Equations(NamedTuple):
    matrix: NDArray[np.float64]
    vector: NDArray[np.float64]
    free: NDArray[np.bool_]


def _advance(
    state: _State, renderer: CellRenderer, pixels: Pixels, weight: NDArray, equations: _Equations, damping: float,
    steps: int, limit: int,
) -> tuple[_State, float, int, bool]:  # fmt: skip
    """Take one step that lowers chi-square under these weights, damping it until it does."""
    while steps < limit and damping <= WORST:
        step = _step(*equations, damping)
        promised = float(step @ equations.vector)
        near = promised < NEAR
        if near:
            step = _step(*equations, 0.0)
        point = _bounded(state.point + np.clip(step[:6], -CAPS, CAPS))
        trial = state.moved(renderer, point, pixels) if near else _State.drawn(renderer, point, pixels)
        trial.solve(pixels, weight)
        steps += 1
        if near and np.isfinite(trial.chi2):
            return trial, damping, steps, True
        if trial.chi2 <= state.chi2:
            return trial, max(damping / 10, 1e-9), steps, False
        damping = damping * 10 + 1e-4
    return state, damping, steps, False


def _free(point: NDArray[np.float64], slope: NDArray[np.float64], fixed_index: bool) -> NDArray[np.bool_]:
    """Coordinates that may move: not fixed, and not on a bound which the slope pushes them against."""
    free = np.ones(8, bool)
    low, high = BOUNDS.T
    free[:6] = ~(((point <= low) & (slope[:6] < 0)) | ((point >= high) & (slope[:6] > 0)))
    free[3] &= not fixed_index
    return free


def _step(information: NDArray, slope: NDArray, free: NDArray, damping: float) -> NDArray[np.float64]:
    """Damped Gauss-Newton step of the free coordinates."""
    scale = np.where(free, np.sqrt(np.maximum(np.diag(information), 1e-300)), 1.0)
    own = information / np.outer(scale, scale)
    own[~free] = own[:, ~free] = 0.0
    own[np.diag_indices(8)] = np.where(free, 1.0 + damping + 1e-12, 1.0)
    return np.linalg.solve(own, np.where(free, slope, 0.0) / scale) / scale


def _bounded(point: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move a point inside the bounds; too long an ellipse is made rounder at its angle."""
    point = np.clip(point, *BOUNDS.T)
    eta = float(np.hypot(point[1], point[2]))
    if eta > LONGEST:
        point[1:3] *= LONGEST / eta
    return point
