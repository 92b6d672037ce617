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
    sky = weight @ (area * data) / (weight @ area**2)
    rest = weight * (data - sky * area)
    sums = np.empty((len(which), 3))
    _sums(models, which, weight.astype(np.float32), rest.astype(np.float32), (weight * area).astype(np.float32), sums)
    power = sums[:, 1] - sums[:, 2] ** 2 / (weight @ area**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        flux = np.where(power > 0, sums[:, 0] / power, 0.0)
    return np.where(flux > 0, flux * sums[:, 0], -np.inf), flux


@compiled(loose=True)
def _sums(models: NDArray, which: NDArray, weight: NDArray, rest: NDArray, flat: NDArray, out: NDArray) -> None:
    for k in range(len(which)):
        row = models[which[k]]
        cross, power, level = np.float32(0), np.float32(0), np.float32(0)
        for p in range(len(weight)):
            m = row[p]
            cross += rest[p] * m
            power += weight[p] * m * m
            level += flat[p] * m
        out[k, 0], out[k, 1], out[k, 2] = cross, power, level


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
