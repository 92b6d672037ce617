"""Lomb-Scargle screens of many stars at once, as far as they share exposures.

Sources of a survey's quadrant are measured in the same exposures, at times that differ by seconds (the light's way to
the Sun).  Times are rounded to ticks of 1/64 of the shortest period, half a minute at 48 / d, which a screen does not
notice; equal ticks share one column of :func:`scope.kernels.shared_exposures.shared_lomb_scargle`.  Ticks and the
screen's frequencies depend on the star alone, and the sums are exact: so does its screen.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache

import numpy as np
from threadpoolctl import ThreadpoolController

from scope.kernels.shared_exposures import BLOCK, MOST_POINTS, shared_lomb_scargle, whole_weights
from scope.periods.series import Band, Series

SAMPLES = 4
"""Frequencies of a screen in the width of a peak: at worst it loses 5 % of a peak's height."""

_TICKS = 64  # in the shortest period
_CLASSES = 8  # of baselines in a factor of two
CURVES, POWERS = 64, 16_000_000
"""Most curves of a batch, and powers."""


@dataclass(frozen=True)
class Screened:
    """The Lomb-Scargle screen of one star.

    Parameters
    ----------
    power : ndarray of float32, (n,)
        Power at the frequencies 0, df, 2 df, ...
    df : float
        Step [1/d].
    """

    power: np.ndarray
    df: float


@dataclass(frozen=True)
class Shared:
    """Stars that share exposures.

    Parameters
    ----------
    rows : list of int
        Their indices, s of them.
    t : ndarray of float64, (m,)
        Times of all exposures [d].
    df : float
        Step of the screen [1/d].
    size : int
        Its frequencies: 0, df, 2 df, ...
    weights, products : ndarray of float32, (s, m)
        Whole numbers (:func:`scope.kernels.shared_exposures.whole_weights`), zero where a star has no point.
    scales : ndarray of float64, (s,)
        Scale of each row of products.
    """

    rows: list[int]
    t: np.ndarray
    df: float
    size: int
    weights: np.ndarray
    products: np.ndarray
    scales: np.ndarray


@dataclass
class _Batch:
    rows: list[int]
    ticks: np.ndarray


def one_thread() -> AbstractContextManager[object]:
    """Return a context in which matrix products take one thread: theirs are too small for more."""
    return _controller().limit(limits=1, user_api="blas")


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def can_be_screened(series: Series) -> bool:
    """Tell whether a star has few enough points."""
    return len(series.merged.t) <= MOST_POINTS


def together(
    stars: Sequence[Series], max_freq: float, *, curves: int = CURVES, powers: int = POWERS
) -> Iterator[Shared]:
    """Put stars together that share exposures.

    Parameters
    ----------
    stars : sequence of Series
        In any order.
    max_freq : float
        Highest frequency [1/d].
    curves, powers : int
        Most curves of a batch, and powers.
    """
    ticks = [np.rint((star.origin + star.merged.t) * (_TICKS * max_freq)) for star in stars]
    steps = [_step(star.baseline) for star in stars]
    for batch in _batches(ticks, steps, max_freq, curves, powers):
        df = steps[batch.rows[0]]
        columns = _columns(batch, [stars[k].merged for k in batch.rows], [ticks[k] for k in batch.rows])
        yield Shared(batch.rows, batch.ticks / (_TICKS * max_freq), df, int(max_freq / df) + 1, *columns)


def screens(stars: Sequence[Series], max_freq: float) -> Iterator[tuple[int, Screened]]:
    """Screen stars, those that share exposures together.

    Parameters
    ----------
    stars : sequence of Series
        In any order.
    max_freq : float
        Highest frequency [1/d].

    Yields
    ------
    int, Screened
        Index of a star, and its screen; batch by batch.
    """
    room = np.empty(0, np.float32)
    for batch in together(stars, max_freq):
        shape = (-(-batch.size // BLOCK), len(batch.rows), BLOCK)
        if room.size < np.prod(shape):
            room = np.empty(np.prod(shape), np.float32)
        power = room[: np.prod(shape)].reshape(shape)
        main = threading.current_thread() is threading.main_thread()
        with one_thread() if main else nullcontext():  # other threads have one each by now
            shared_lomb_scargle(batch.t, batch.weights, batch.products, batch.scales, batch.df, power)
        for row, k in enumerate(batch.rows):
            yield k, Screened(power[:, row].flatten()[: batch.size], batch.df)


def _columns(
    batch: _Batch, bands: Sequence[Band], ticks: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return weights, products and scales of a batch's curves, in the columns of its ticks."""
    weights, products = np.zeros((2, len(bands), len(batch.ticks)), np.float32)
    scales = np.ones(len(bands))
    for row, (band, mine) in enumerate(zip(bands, ticks, strict=True)):
        where = np.searchsorted(batch.ticks, mine)
        whole, product, scales[row] = whole_weights(band.mag, band.weight)
        np.add.at(weights[row], where, whole)
        np.add.at(products[row], where, product)
    return weights, products, scales


def _step(baseline: float) -> float:
    """Return the step of a screen [1/d]: that of the next of the baselines 2**(k/8), so that many stars share it."""
    return 1.0 / (SAMPLES * 2.0 ** (np.ceil(_CLASSES * np.log2(baseline)) / _CLASSES))


def _batches(
    ticks: Sequence[np.ndarray], steps: Sequence[float], max_freq: float, curves: int, powers: int
) -> list[_Batch]:
    """Put stars together that share a step and at least half of their ticks."""
    full: list[_Batch] = []
    filling: dict[float, list[_Batch]] = {}
    for k, (mine, step) in enumerate(zip(ticks, steps, strict=True)):
        mine = np.unique(mine)
        others = filling.setdefault(step, [])
        for batch in others:
            joined = np.union1d(batch.ticks, mine)
            if 2 * (len(joined) - len(batch.ticks)) <= len(mine) and len(joined) <= 2 * len(mine):
                batch.rows.append(k)
                batch.ticks = joined
                break
        else:
            batch = _Batch([k], mine)
            others.append(batch)
        if len(batch.rows) >= min(curves, max(1, int(powers * step / max_freq))):
            full.append(batch)
            others[:] = [other for other in others if other is not batch]
    return full + [batch for others in filling.values() for batch in others]
