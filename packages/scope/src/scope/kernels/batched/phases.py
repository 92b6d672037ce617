"""Phases as 32-bit integers that wrap by themselves: those of :mod:`scope.kernels.phases`, bit by bit."""

from __future__ import annotations

from typing import Any

import numpy as np

from scope.kernels.phases import RESEED

_TURN = 4294967296.0


def runs(indices: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return where the kernels of one star compute phases anew, and how far each sample is from there.

    Parameters
    ----------
    indices : ndarray of int64, (m,)
        Samples of a grid, ascending.

    Returns
    -------
    starts : ndarray of int64, (r,)
        Samples whose phases are computed in float64: the first of each run of neighbours, and every `RESEED`-th after.
    which : ndarray of int64, (m,)
        Which of them each sample goes on from.
    steps : ndarray of uint32, (m,)
        Samples from there.
    """
    ahead = np.arange(len(indices))
    first = np.flatnonzero(np.diff(indices, prepend=-2) != 1)
    place = ahead - np.repeat(first, np.diff(np.append(first, len(indices))))
    begins = place % RESEED == 0
    return indices[begins], np.cumsum(begins) - 1, (place % RESEED).astype(np.uint32)


def phases_of(xp: Any, t: Any, fmin: Any, df: Any, starts: Any, which: Any, steps: Any) -> Any:
    """Return the phases of all points at samples of each star's grid.

    Parameters
    ----------
    xp : module
        ``numpy``, ``cupy``.
    t : array of float64, (s, n)
        Times since the first of each star [d].
    fmin, df : array of float64, (s,)
        First frequency and step of each grid [1/d].
    starts : array of int64, (s, r)
        Samples whose phases are computed in float64.
    which : array of int64, (s, m)
        Which of them each sample goes on from.
    steps : array of uint32, (s, m)
        Samples from there.

    Returns
    -------
    array of uint32, (s, n, m)
        Phases [2**-32 turn].
    """
    frequency = fmin[:, None] + starts * df[:, None]
    seeds = _fixed(xp, t[:, :, None] * frequency[:, None, :])
    stars, points = xp.arange(t.shape[0])[:, None, None], xp.arange(t.shape[1])[None, :, None]
    phases = seeds[stars, points, which[:, None, :]]
    phases += _fixed(xp, t * df[:, None])[:, :, None] * steps[:, None, :]
    return phases


def grid_phases(xp: Any, t: Any, fmin: Any, df: Any, first: int, count: int) -> Any:
    """Return the phases of all points at the samples ``first`` to ``first + count - 1`` of each star's grid.

    Parameters
    ----------
    xp, t, fmin, df
        See :func:`phases_of`.
    first : int
        A multiple of `RESEED`.
    count : int
        Samples.

    Returns
    -------
    array of uint32, (s, n, count)
        Phases [2**-32 turn].
    """
    starts = first + RESEED * xp.arange(-(-count // RESEED))
    frequency = fmin[:, None] + starts * df[:, None]
    seeds = _fixed(xp, t[:, :, None] * frequency[:, None, :])
    width = min(count, RESEED)
    advance = _fixed(xp, t * df[:, None])[:, :, None] * xp.arange(width, dtype=np.uint32)
    phases = seeds[:, :, :, None] + advance[:, :, None, :]
    return phases.reshape(t.shape[0], t.shape[1], -1)[:, :, :count]


def _fixed(xp: Any, turns: Any) -> Any:
    """Return the fraction of turns of float64 in units of 2**-32."""
    return ((turns - xp.floor(turns)) * _TURN).astype(np.uint64).astype(np.uint32)


def bins_of(phases: Any, bins: int) -> Any:
    """Return the bin of each phase, of equal ones, at most :data:`scope.kernels.phases.MAX_BINS`; as uint32."""
    return ((phases >> np.uint32(8)) * np.uint32(bins)) >> np.uint32(24)
