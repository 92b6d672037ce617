r"""Chi-square of one object against many models, with flux and sky solved for each.

For data :math:`d` with weights :math:`w` the model :math:`f m + s a` (:math:`a` the areas of the pixels) that fits
best leaves

.. math:: \chi^2 = \sum w \hat d^2 - \frac{(\sum w \hat d m)^2}{\sum w m^2 - (\sum w a m)^2 / \sum w a^2}, \qquad
          f = \frac{\sum w \hat d m}{\sum w m^2 - (\sum w a m)^2/\sum w a^2},

with :math:`\hat d` the data less their own best sky: three sums over the pixels for each model, no division in them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled


def linear_scan(
    models: NDArray[np.float32],
    which: NDArray[np.integer],
    data: NDArray[np.float64],
    weight: NDArray[np.float64],
    area: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compare one object with some of the models.

    Parameters
    ----------
    models : ndarray of float32, shape (K, pixels or more)
        Models, one after another; pixels beyond those of the data are not looked at.
    which : ndarray of int, shape (k,)
        Models to compare with.
    data, weight, area : ndarray of float64, shape (pixels,)
        Data, inverse variance (0: not used) and number of image pixels of each pixel or cell.

    Returns
    -------
    gain : ndarray of float64, shape (k,)
        By how much the model lowers chi-square below that of the sky alone; -inf where its flux is not positive.
    flux : ndarray of float64, shape (k,)
    """
    gain, flux = np.empty((2, len(which)))
    _scan(models, which, *_sums(data, weight, area), gain, flux)
    return gain, flux


@compiled(loose=True)
def _sums(
    data: NDArray, weight: NDArray, area: NDArray
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], float]:
    """What the square of every model, and twice the model itself, are multiplied with; and the power of the sky."""
    level, square = 0.0, 0.0
    for p in range(len(data)):
        level += weight[p] * area[p] * data[p]
        square += weight[p] * area[p] * area[p]
    sums = np.empty((3, len(data)), np.float32)
    power, cross, flat = sums[0], sums[1], sums[2]
    for p in range(len(data)):
        power[p] = weight[p]
        cross[p] = weight[p] * (data[p] - level / square * area[p])
        flat[p] = weight[p] * area[p]
    return power, cross, flat, square


@compiled(loose=True)
def _scan(
    models: NDArray, which: NDArray, power: NDArray, cross: NDArray, flat: NDArray, square: float, gain: NDArray,
    flux: NDArray,
) -> None:  # fmt: skip
    for k in range(len(which)):
        row = models[which[k]]
        light, square_sum, level = np.float32(0), np.float32(0), np.float32(0)
        for p in range(len(power)):
            m = row[p]
            light += cross[p] * m
            square_sum += power[p] * m * m
            level += flat[p] * m
        own = np.float64(square_sum) - np.float64(level) * np.float64(level) / square
        flux[k] = light / own if own > 0.0 else 0.0
        gain[k] = flux[k] * light if flux[k] > 0.0 else -np.inf


@compiled(loose=True)
def coarse_to_fine(
    models: NDArray, coarse: NDArray, shape: NDArray, data: NDArray, weight: NDArray, area: NDArray, firsts: int,
    leaders: int,
) -> tuple[int, NDArray[np.float64]]:  # fmt: skip
    """Compare one object with some of the models, then with those around the best, until no better one is near.

    Parameters
    ----------
    models, data, weight, area : ndarray
        As in `linear_scan`; the models in the order of `shape`.
    coarse : ndarray of int64, shape (k,)
        Models to begin with.
    shape : ndarray of int64, shape (4,)
        Lengths of the axes, as in `untried_around`.
    firsts : int
        All models around so many of the best of each plane of the first axis are tried;
    leaders : int
        then those around so many of the best of all, until they have been.

    Returns
    -------
    top : int
        The best of them.
    gains : ndarray of float64, shape (K,)
        As in `linear_scan`; NaN: not compared with.
    """
    power, cross, flat, square = _sums(data, weight, area)
    gains, walked = np.full(len(models), np.nan), np.zeros(len(models), np.bool_)
    plane = len(models) // shape[0]
    which = coarse
    while True:
        found, flux = np.empty(len(which)), np.empty(len(which))
        _scan(models, which, power, cross, flat, square, found, flux)
        for k in range(len(which)):
            gains[which[k]] = found[k]
        wanted = np.zeros(len(models), np.bool_)
        if not walked.any():
            for start in range(0, len(models), plane):
                _mark_best(gains, start, start + plane, firsts, wanted)
        else:
            _mark_best(gains, 0, len(models), leaders, wanted)
        wanted &= ~walked
        if not wanted.any():
            return _best_of(gains), gains
        walked |= wanted
        which = untried_around(np.flatnonzero(wanted), shape, gains)


@compiled()
def _best_of(gains: NDArray) -> int:
    """Position of the largest value; of equal ones the first."""
    top = 0
    for k in range(len(gains)):
        if gains[k] > gains[top] or np.isnan(gains[top]):
            top = k
    return top


@compiled()
def _mark_best(gains: NDArray, start: int, stop: int, count: int, marked: NDArray) -> None:
    """Mark the largest values between two positions; of equal ones the first, and nothing that is NaN or -inf."""
    best, value = np.full(count, -1), np.full(count, -np.inf)
    for k in range(start, stop):
        if gains[k] > value[count - 1]:
            place = count - 1
            while place > 0 and gains[k] > value[place - 1]:
                best[place], value[place] = best[place - 1], value[place - 1]
                place -= 1
            best[place], value[place] = k, gains[k]
    for k in best:
        if k >= 0:
            marked[k] = True


@compiled()
def untried_around(wanted: NDArray, shape: NDArray, gains: NDArray) -> NDArray[np.int64]:
    """Models at most one step on each axis from some models, and not compared with yet.

    Parameters
    ----------
    wanted : ndarray of int, shape (k,)
        Models, by position.
    shape : ndarray of int, shape (4,)
        Lengths of the axes; the third, of the angles, is a circle.
    gains : ndarray of float64, shape (models,)
        NaN: not compared with.

    Returns
    -------
    ndarray of int64
        Positions, each once, in increasing order.
    """
    marked = np.zeros(len(gains), np.bool_)
    for model in wanted:
        m, rest = model % shape[3], model // shape[3]
        k, rest = rest % shape[2], rest // shape[2]
        j, i = rest % shape[1], rest // shape[1]
        for ii in range(max(i - 1, 0), min(i + 2, shape[0])):
            for jj in range(max(j - 1, 0), min(j + 2, shape[1])):
                for turn in range(-1, 2):
                    kk = (k + turn) % shape[2]
                    for mm in range(max(m - 1, 0), min(m + 2, shape[3])):
                        place = ((ii * shape[1] + jj) * shape[2] + kk) * shape[3] + mm
                        if np.isnan(gains[place]):
                            marked[place] = True
    return np.flatnonzero(marked)
