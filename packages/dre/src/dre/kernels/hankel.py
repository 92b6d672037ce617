r"""Fourier transforms of circular Sersic profiles, tabulated.

The transform of a circular profile of unit flux and half-light radius 1 (Sersic 1963, 1968) is a Hankel transform,

.. math:: h_n(\kappa) = 2\pi \int_0^\infty I_n(R) J_0(\kappa R)\, R\, dR, \qquad h_n(0) = 1,

taken on a logarithmic grid by the fast algorithm of Hamilton (2000, MNRAS 312, 257) in scipy. An elliptical profile is
a stretched circular one, so that its transform is :math:`h_n` at a stretched frequency: one table serves all radii,
axis ratios and angles. It holds cubics in :math:`\kappa^2`, sixteen in each octave, so that the bits of the number
:math:`\kappa^2` itself say which and where in it; between Sersic indices it is interpolated by cubics in :math:`\ln n`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from .compiled import compiled
from .sersic import sersic_b

#: Sersic indices that can be asked for.
LOWEST, HIGHEST = 0.3, 8.0
_LOG_N = np.linspace(np.log(LOWEST) - 0.15, np.log(HIGHEST) + 0.15, 73)
_POINTS, _SPAN = 8192, 21.0
#: Octaves of kappa^2 that are tabulated: below them h = 1 within 2e-6 for every index, above them are no frequencies.
FIRST, LAST = -26, 32
_PARTS = 16
_INSIDE = np.array([0.0, 0.25, 0.75, 1.0])  # where a cubic goes through the values: Chebyshev's extrema

_SHIFT = 52 - 4  # bits of a double below those that count the parts of octaves
_BEGIN = (1023 + FIRST) * _PARTS
_REST, _EXPONENT, _ONE, _INVERSE = (1 << _SHIFT) - 1, 0x7FF << 52, 1023 << 52, 2046 << 52
_LEAST = 2.0**FIRST


def profile_transform(n: float, log_kappa: NDArray[np.float64]) -> NDArray[np.float64]:
    """h_n at some ln(kappa)."""
    from scipy.fft import fht

    step = 2 * _SPAN / _POINTS
    log_r = (np.arange(_POINTS) - (_POINTS - 1) / 2) * step
    b = float(sersic_b(n))
    central = 2 * n * np.log(b) - gammaln(2 * n) - np.log(n)  # ln of 2 pi I(0)
    with np.errstate(under="ignore", over="ignore"):
        light = np.exp(central + log_r - b * np.exp(log_r / n))
    amplitude = fht(light, step, mu=0.0)  # at ln(kappa) = log_r, as the grid is centred on 0
    position = (log_kappa - log_r[0]) / step
    below = np.floor(position).astype(int)
    stencil = below[:, None] + np.arange(-2, 4)
    values = (amplitude / np.exp(log_r))[stencil]
    return np.sum(values * _lagrange(position - below, 6), axis=1)


@lru_cache(maxsize=1)
def _table() -> NDArray[np.float64]:
    """Coefficients of the cubics of every tabulated index, shape (indices, parts, 4)."""
    octave, part = 2.0 ** np.arange(FIRST, LAST)[:, None, None], np.arange(_PARTS)[None, :, None]
    log_kappa = 0.5 * np.log(octave * (1 + (part + _INSIDE) / _PARTS)).ravel()
    values = np.array([profile_transform(float(n), log_kappa) for n in np.exp(_LOG_N)])
    table = values.reshape(len(_LOG_N), -1, 4) @ np.linalg.inv(np.vander(_INSIDE, increasing=True)).T
    table[:, 0] = 1.0, 0.0, 0.0, 0.0
    return table


def transform_of(n: float) -> NDArray[np.float64]:
    """Return what `look_up` needs of one index.

    Parameters
    ----------
    n : float
        Sersic index, 0.3-8.

    Returns
    -------
    ndarray of float64, shape (parts, 8)
        Coefficients of the cubics of h_n, and of those of its derivative to ln n.
    """
    return _between(_table(), (np.log(n) - _LOG_N[0]) / (_LOG_N[1] - _LOG_N[0]), _LOG_N[1] - _LOG_N[0])


@compiled(fused=True)
def _between(table: NDArray, position: float, step: float) -> NDArray[np.float64]:
    """Lagrange's cubic over four indices, and its slope."""
    below = min(max(int(position), 1), len(table) - 3)
    t = position - below
    u, v = -t * (t - 1) * (t - 2) / 6, (t + 1) * (t - 1) * (t - 2) / 2
    w, z = -t * (t + 1) * (t - 2) / 2, t * (t + 1) * (t - 1) / 6
    du, dv = -(3 * t * t - 6 * t + 2) / (6 * step), (3 * t * t - 4 * t - 1) / (2 * step)
    dw, dz = -(3 * t * t - 2 * t - 2) / (2 * step), (3 * t * t - 1) / (6 * step)
    a, b, c, d = table[below - 1], table[below], table[below + 1], table[below + 2]
    out = np.empty((table.shape[1], 8))
    for k in range(len(out)):
        for m in range(4):
            out[k, m] = u * a[k, m] + v * b[k, m] + w * c[k, m] + z * d[k, m]
            out[k, 4 + m] = du * a[k, m] + dv * b[k, m] + dw * c[k, m] + dz * d[k, m]
    return out


@compiled(fused=True)
def look_up(square: NDArray, transform: NDArray, h: NDArray, slope: NDArray, to_n: NDArray) -> None:
    """Fill h_n at squared frequencies, and its derivatives to the squared frequency and to ln n."""
    last = len(transform) - 1
    for i in range(len(square)):
        bits = np.float64(max(square[i], _LEAST)).view(np.int64)
        part = (bits >> np.int64(_SHIFT)) - np.int64(_BEGIN)
        t = np.int64(((bits & np.int64(_REST)) << np.int64(4)) | np.int64(_ONE)).view(np.float64) - 1.0
        octaves = np.int64(np.int64(_INVERSE) - (bits & np.int64(_EXPONENT))).view(np.float64)
        c = transform[part if part < last else last]
        h[i] = c[0] + t * (c[1] + t * (c[2] + t * c[3]))
        slope[i] = (c[1] + t * (2.0 * c[2] + t * 3.0 * c[3])) * octaves * _PARTS
        to_n[i] = c[4] + t * (c[5] + t * (c[6] + t * c[7]))


def _lagrange(t: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Lagrange weights at ``t`` of `count` whole nodes around 0-1; shape (len(t), count)."""
    nodes = np.arange(count) - (count // 2 - 1)
    weights = np.ones((len(t), count))
    for k in range(count):
        for other in range(count):
            if other != k:
                weights[:, k] *= (t - nodes[other]) / (nodes[k] - nodes[other])
    return weights
