"""Which of many candidate periods is the star's.

Every candidate, with its simple multiples, is judged by the evidence of a damped Fourier series in each band
(:mod:`scope.kernels.evidence`), of which there are two: few harmonics that fall off fast, for pulsations, and
many that fall off slowly, for eclipses.  The priors pay for harmonics, so P is kept against 2 P unless the
odd and even cycles differ, and a smooth curve against its alias unless the alias explains more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scope.kernels.distinct import first_apart
from scope.kernels.evidence import evidence
from scope.periods.series import Series

RATIOS = (1.0, 0.5, 2.0, 1 / 3, 3.0)
"""A candidate frequency is tried times each of these."""


@dataclass(frozen=True)
class Shape:
    """A prior on light-curve shapes: see :func:`scope.kernels.evidence.evidence`.

    Parameters
    ----------
    harmonics : int
        Largest number of harmonics.
    slope, ridge : float
        Fall of their prior variance.
    cost : float
        Taken off twice the log evidence: what the choice of this shape costs.
    """

    harmonics: int
    slope: float
    ridge: float
    cost: float = 0.0


SMOOTH = Shape(8, 2.0, 0.5)
ECLIPSING = Shape(20, 1.0, 1.0, 10.0)


@dataclass(frozen=True)
class Judgement:
    """Candidates in falling order of merit.

    Parameters
    ----------
    frequencies : ndarray of float64, (m,)
        Refined frequencies [1/d].
    merit : ndarray of float64, (m,)
        Twice the log evidence over a constant star, with a prior equal in each octave of frequency.
    """

    frequencies: np.ndarray
    merit: np.ndarray


def merit(series: Series, frequencies: np.ndarray, *shapes: Shape) -> np.ndarray:
    """Return twice the log evidence of the best of some shapes, summed over bands, for each frequency.

    The smooth shape takes the best number of harmonics, the eclipsing one all of them.

    Returns
    -------
    ndarray of float64, (m,)
    """
    harmonics = np.array([shape.harmonics for shape in shapes])
    slopes, ridges = np.array([shape.slope for shape in shapes]), np.array([shape.ridge for shape in shapes])
    total = np.zeros((len(shapes), len(frequencies), harmonics.max()))
    for band in series.bands:
        total += evidence(band.t, band.mag, band.weight, frequencies, harmonics, slopes, ridges)
    each = []
    for shape, values in zip(shapes, total, strict=True):
        own = values[:, : shape.harmonics]
        each.append((own[:, -1] if shape.cost else own.max(axis=1)) - shape.cost)
    return np.max(each, axis=0)


def judge(series: Series, candidates: np.ndarray, *, fmin: float, fmax: float, kept: int = 60) -> Judgement:
    """Judge candidate frequencies and their simple multiples.

    Parameters
    ----------
    series : Series
        The star.
    candidates : ndarray of float64
        Peaks of the screens [1/d].
    fmin, fmax : float
        Frequencies outside are not considered [1/d].
    kept : int
        Candidates that reach the second, fine round.

    Returns
    -------
    Judgement
    """
    step = 1.0 / max(series.baseline, 1e-9)
    tried = np.unique(np.concatenate([candidates * ratio for ratio in RATIOS]))
    tried = tried[(tried >= fmin) & (tried <= fmax)]
    coarse = _best_near(series, tried, np.linspace(-0.1, 0.1, 5) * step, (SMOOTH,))
    order = np.argsort(-coarse[1], kind="stable")[:kept]
    survivors = np.sort(np.union1d(tried[order], candidates[: kept // 4]))
    fine = _best_near(series, survivors, np.linspace(-0.12, 0.12, 13) * step, (SMOOTH, ECLIPSING))
    frequencies, merits = _distinct(*fine, 0.5 * step)
    return Judgement(frequencies, merits)


def widen(series: Series, judged: Judgement, more: np.ndarray, *, kept: int = 4) -> Judgement:
    """Judge more frequencies [1/d] beside those already judged; the best `kept` of them reach the fine round."""
    if not len(more):
        return judged
    step = 1.0 / series.baseline
    centres, coarse = _best_near(series, more, np.linspace(-0.3, 0.3, 7) * step, (SMOOTH,))
    survivors = centres[np.argsort(-coarse, kind="stable")[:kept]]
    frequencies, merits = _best_near(series, survivors, np.linspace(-0.12, 0.12, 13) * step, (SMOOTH, ECLIPSING))
    joined = np.concatenate([judged.frequencies, frequencies]), np.concatenate([judged.merit, merits])
    return Judgement(*_distinct(*joined, 0.5 * step))


def _best_near(
    series: Series, centres: np.ndarray, offsets: np.ndarray, shapes: tuple[Shape, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the best frequency near each centre, and its merit."""
    around = np.maximum(centres[:, None] + offsets, 1e-9)
    value = merit(series, around.ravel(), *shapes)
    value = value.reshape(around.shape) - 2 * np.log(around)
    best = value.argmax(axis=1)
    rows = np.arange(len(centres))
    return around[rows, best], value[rows, best]


def _distinct(frequencies: np.ndarray, merits: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Order by merit and drop those within `width` of a better one."""
    ranked = np.argsort(-merits, kind="stable")
    chosen = ranked[first_apart(frequencies[ranked], width, len(ranked))]
    return frequencies[chosen], merits[chosen]
