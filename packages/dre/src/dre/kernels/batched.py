"""Both statistics for many objects at once, in the arrays of any library with NumPy's functions (CuPy on a GPU).

The formulas are those of `dre.kernels.chi2` and `dre.kernels.linear`, which compute one object at a time on the CPU.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def chi_batch(
    library: Any, rows: Any, index: NDArray[np.int32], data: NDArray, variance: NDArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compatible chi of some objects against all models.

    Parameters
    ----------
    library : module
        ``numpy``, ``cupy``.
    rows : array of float32 of that library, shape (pixels + 1, K)
        Each pixel of all models; the last row is zero.
    index : ndarray of int32, shape (objects, p)
        Pixels in the mask of each object, filled up with the number of the last row.
    data, variance : ndarray of float32, shape (objects, p)
        Pixels and squared noise of each; NaN where a pixel is not used.

    Returns
    -------
    chi, scale : ndarray of float64, shape (objects, K)
        NaN where the statistic has no meaning, as in `dre.kernels.chi2.chi_scan`.
    """
    xp = library
    models = rows[xp.asarray(index)]
    d, w = xp.asarray(data)[..., None], xp.asarray(variance)[..., None]
    light, total = models.sum(1, dtype=np.float64), xp.nansum(d, 1, dtype=np.float64)
    scale = xp.where((light > 0) & (total > 0) & (total < np.inf), total / xp.where(light > 0, light, 1), np.nan)
    used = ~(xp.isnan(d) | xp.isnan(w))
    d, w = xp.where(used, d, 0), xp.where(used, w, 1)
    models *= scale.astype(np.float32)[:, None]
    rest = xp.where(used, d - models, 0)
    models += w
    possible = xp.where(used, models, 1).min(1) > 0
    chi = (rest * rest / models).sum(1, dtype=np.float64) / xp.maximum(used.sum(1), 1)
    return _back(xp.where(possible, chi, np.nan)), _back(scale)


def linear_batch(
    library: Any, models: Any, squares: Any, data: NDArray[np.float64], weight: NDArray[np.float64],
    area: NDArray[np.float64],
) -> NDArray[np.float64]:  # fmt: skip
    """By how much each model lowers the chi-square of each object below that of sky alone.

    Parameters
    ----------
    library : module
        ``numpy``, ``cupy``.
    models, squares : array of float32 of that library, shape (K, cells)
        Models, and their squares.
    data, weight : ndarray of float64, shape (objects, cells)
        Data and inverse variance (0: not used).
    area : ndarray of float64, shape (cells,)
        Image pixels in each cell.

    Returns
    -------
    ndarray of float64, shape (objects, K)
        -inf where the flux is not positive.
    """
    xp = library
    square = (weight * area**2).sum(1, keepdims=True)
    sky = (weight * area * data).sum(1, keepdims=True) / np.where(square > 0, square, 1)
    sums = [
        xp.matmul(xp.asarray(values.astype(np.float32)), own.T).astype(np.float64)
        for values, own in ((weight * (data - sky * area), models), (weight, squares), (weight * area, models))
    ]
    power = sums[1] - sums[2] ** 2 / xp.asarray(np.where(square > 0, square, 1))
    good = (power > 0) & (sums[0] > 0)
    return _back(xp.where(good, sums[0] ** 2 / xp.where(good, power, 1), -np.inf))


def _back(values: Any) -> NDArray[np.float64]:
    """Return an array of NumPy, wherever it was."""
    return values.get() if hasattr(values, "get") else values
