r"""Fourier transforms of circular Sersic profiles, tabulated.

The transform of a circular profile of unit flux and half-light radius 1 (Sersic 1963, 1968) is a Hankel transform,

.. math:: h_n(\kappa) = 2\pi \int_0^\infty I_n(R) J_0(\kappa R)\, R\, dR, \qquad h_n(0) = 1,

taken on a logarithmic grid by the fast algorithm of Hamilton (2000, MNRAS 312, 257) in scipy. An elliptical profile is
a stretched circular one, so that its transform is :math:`h_n` at a stretched frequency: one table serves all radii,
axis ratios and angles. The table is interpolated by cubics in :math:`\ln\kappa` and :math:`\ln n`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from .sersic import sersic_b

#: Sersic indices that can be asked for.
LOWEST, HIGHEST = 0.3, 8.0
_LOG_N = np.linspace(np.log(LOWEST) - 0.15, np.log(HIGHEST) + 0.15, 73)
_POINTS, _SPAN, _EVERY = 8192, 21.0, 8
#: First ln(kappa) of the table, and its step; below it h = 1 within 2e-6 for every index, above its end h = 0.
START, STEP = -9.0, 2 * _SPAN / _POINTS * _EVERY
_COUNT = int((11.0 - START) / STEP)


def profile_transform(n: float) -> NDArray[np.float64]:
    """h_n at ``START + STEP * k``, one row of the table."""
    from scipy.fft import fht

    step = 2 * _SPAN / _POINTS
    log_r = (np.arange(_POINTS) - (_POINTS - 1) / 2) * step
    b = float(sersic_b(n))
    central = 2 * n * np.log(b) - gammaln(2 * n) - np.log(n)  # ln of 2 pi I(0)
    with np.errstate(under="ignore", over="ignore"):
        light = np.exp(central + log_r - b * np.exp(log_r / n))
    amplitude = fht(light, step, mu=0.0)  # at ln(kappa) = log_r, as the grid is centred on 0
    wanted = START + STEP * np.arange(_COUNT)
    position = (wanted - log_r[0]) / step
    below = np.floor(position).astype(int)
    stencil = below[:, None] + np.arange(-2, 4)
    values = (amplitude / np.exp(log_r))[stencil]
    return np.sum(values * _lagrange(position - below, 6), axis=1)


@lru_cache(maxsize=1)
def _table() -> NDArray[np.float64]:
    return np.array([profile_transform(float(n)) for n in np.exp(_LOG_N)])


def transform_rows(n: float) -> NDArray[np.float64]:
    """Rows of the table for one index, by cubic interpolation in ln n.

    Parameters
    ----------
    n : float
        Sersic index, 0.3-8.

    Returns
    -------
    ndarray of float64, shape (2, nodes)
        h_n and its derivative to ln n at ``ln(kappa) = START + STEP * k``.
    """
    table, step = _table(), _LOG_N[1] - _LOG_N[0]
    position = (np.log(n) - _LOG_N[0]) / step
    below = int(np.clip(np.floor(position), 1, len(_LOG_N) - 3))
    t = position - below
    # Lagrange's cubic over four nodes, and its slope
    values = [-t * (t - 1) * (t - 2) / 6, (t + 1) * (t - 1) * (t - 2) / 2, -t * (t + 1) * (t - 2) / 2]
    slopes = [-(3 * t * t - 6 * t + 2) / 6, (3 * t * t - 4 * t - 1) / 2, -(3 * t * t - 2 * t - 2) / 2]
    weights = np.array([[*values, t * (t + 1) * (t - 1) / 6], [*slopes, (3 * t * t - 1) / 6]])
    weights[1] /= step
    return weights @ table[below - 1 : below + 3]


def _lagrange(t: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Lagrange weights at ``t`` of `count` whole nodes around 0-1; shape (len(t), count)."""
    nodes = np.arange(count) - (count // 2 - 1)
    weights = np.ones((len(t), count))
    for k in range(count):
        for other in range(count):
            if other != k:
                weights[:, k] *= (t - nodes[other]) / (nodes[k] - nodes[other])
    return weights
