r"""Pictures of Sersic profiles seen through a PSF, drawn in Fourier space, with their derivatives.

The transform of the picture is

.. math:: M(\mathbf k) = h_n(\sqrt{\mathbf k^T S\, \mathbf k})\; T(\mathbf k)\; e^{-i \mathbf k \cdot \mathbf c},

with :math:`h_n` of `dre.kernels.hankel`, the centre :math:`\mathbf c`, the transform :math:`T` of the effective PSF
(`transfer`), and the shape matrix

.. math:: S = e^{2\rho} \left[\cosh\eta\, 1 + \frac{\sinh\eta}{\eta}
              \begin{pmatrix} \eta_1 & \eta_2 \\ \eta_2 & -\eta_1 \end{pmatrix}\right],

where :math:`\rho = \ln(r_e\sqrt q)`, :math:`\eta = -\ln q` and :math:`(\eta_1, \eta_2) = \eta (\cos 2\theta,
\sin 2\theta)` (Bernstein & Jarvis 2002, AJ 123, 583, sect. 2.2, for such coordinates of shape). They are smooth at
the circle, where axis ratio and angle are not. No pixel of the profile is ever integrated: the cusp is exact at any
radius. Frequencies beyond the sampling of the pixels are folded in as far as the PSF has power there. A picture drawn
this way is periodic; the light of its copies is subtracted (`dre.kernels.copies`).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled
from .copies import subtract_copies
from .hankel import START, STEP

#: Order of the derivatives that `spectra` makes after the picture itself.
DERIVATIVES = ("rho", "eta1", "eta2", "log_n", "x", "y")
_NEGLIGIBLE = 1e-6


def transfer(
    table: NDArray, sampling: float, centre: tuple[float, float], length: int, *, pixel: bool = False
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Transform of a tabulated PSF at the frequencies of a picture of `length` pixels a side.

    Parameters
    ----------
    table : ndarray, shape (side, side)
        PSF at steps of `sampling` image pixels.
    sampling : float
        Step, image pixels.
    centre : (float, float)
        Position (x, y) of the PSF's centre in the table, zero-based, cells.
    length : int
        Side of the (periodic) picture, even, px.
    pixel : bool
        The PSF does not include the response of the pixel, which is to be multiplied in.

    Returns
    -------
    zones : ndarray of complex128, shape (zones, length, length // 2 + 1)
        Values in the fundamental zone and in those that fold onto it, where not negligible; 1 at frequency 0.
    shifts : ndarray of float64, shape (zones, 2)
        (y, x) frequency, rad/px, that takes the fundamental zone to each.
    """
    high = math.pi / sampling
    reach = math.ceil((min(high, 3 * math.pi) / math.pi - 1) / 2) if high > math.pi * (1 + 1e-9) else 0
    base_y, base_x = 2 * np.pi * np.fft.fftfreq(length), 2 * np.pi * np.fft.rfftfreq(length)
    zones, shifts = [], []
    for zone_y in range(-reach, reach + 1):
        for zone_x in range(-reach, reach + 1):
            shift = 2 * np.pi * zone_y, 2 * np.pi * zone_x
            values = _transform(table, sampling, centre, base_y + shift[0], base_x + shift[1], high)
            if pixel:
                values *= np.outer(np.sinc((base_y + shift[0]) / 2 / np.pi), np.sinc((base_x + shift[1]) / 2 / np.pi))
            if (zone_y, zone_x) == (0, 0) or np.abs(values).max() > _NEGLIGIBLE * abs(float(np.sum(table))):
                zones.append(values)
                shifts.append(shift)
    total = zones[shifts.index((0.0, 0.0))][0, 0].real
    return np.array(zones) / total, np.array(shifts)


def _transform(
    table: NDArray, sampling: float, centre: tuple[float, float], ky: NDArray, kx: NDArray, high: float
) -> NDArray[np.complex128]:
    """Discrete transform of the table at any frequencies; nothing beyond its own sampling."""
    rows, columns = np.arange(table.shape[0]) - centre[1], np.arange(table.shape[1]) - centre[0]
    down = np.exp(-1j * sampling * np.outer(ky, rows)) * (np.abs(ky) <= high * (1 + 1e-9))[:, None]
    across = np.exp(-1j * sampling * np.outer(columns, kx)) * (np.abs(kx) <= high * (1 + 1e-9))
    return down @ np.asarray(table, np.float64) @ across


def pictures(
    shape: NDArray, rows: NDArray, zones: NDArray, shifts: NDArray, box: int, *, derivatives: bool
) -> NDArray[np.float32]:
    """Draw one profile of unit flux, and its derivatives.

    Parameters
    ----------
    shape : ndarray of float64, shape (6,)
        rho, eta1, eta2, ln n, x, y; the centre from the middle of the box, px.
    rows : ndarray, shape (2, nodes)
        `dre.kernels.hankel.transform_rows` of the index.
    zones, shifts : ndarray
        From `transfer`.
    box : int
        Side of the picture, at most the length of the zones, px.
    derivatives : bool
        Also those to the six parameters, in their order.

    Returns
    -------
    ndarray of float32, shape (1 or 7, box, box)
    """
    from scipy.fft import irfft2

    length = zones.shape[1]
    spectra = np.empty((7 if derivatives else 1, length, length // 2 + 1), np.complex64)
    middle = (box - 1) / 2
    matrix, slopes = shape_matrix(*shape[:3])
    _spectra(spectra, matrix, slopes, rows, zones, shifts, shape[4] + middle, shape[5] + middle)
    out = irfft2(spectra, (length, length), overwrite_x=True)[:, :box, :box]
    subtract_copies(out, matrix, slopes, shape[3], shape[4], shape[5], length)
    return out


def shape_matrix(rho: float, eta1: float, eta2: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (xx, xy, yy) of S and its derivatives to rho, eta1 and eta2, shape (3, 3)."""
    eta = math.hypot(eta1, eta2)
    size, cosh = math.exp(2 * rho), math.cosh(eta)
    ratio = math.sinh(eta) / eta if eta > 1e-4 else 1 + eta * eta / 6
    slope = (cosh - ratio) / eta**2 if eta > 1e-2 else 1 / 3 + eta * eta / 30  # d(ratio)/d(eta) / eta
    matrix = size * np.array([cosh + ratio * eta1, ratio * eta2, cosh - ratio * eta1])
    first = np.array([1.0, 0.0, -1.0]) * (ratio + slope * eta1 * eta1) + np.array([1.0, 0.0, 1.0]) * ratio * eta1
    first[1] = slope * eta1 * eta2
    second = np.array([1.0, 0.0, -1.0]) * slope * eta1 * eta2 + np.array([1.0, 0.0, 1.0]) * ratio * eta2
    second[1] = slope * eta2 * eta2 + ratio
    return matrix, np.array([2 * matrix, size * first, size * second])


@compiled(loose=True)
def _spectra(
    out: NDArray, matrix: NDArray, slopes: NDArray, rows: NDArray, zones: NDArray, shifts: NDArray, x: float, y: float
) -> None:
    """Fill transforms of the picture and, where `out` has room, of its derivatives."""
    length, width = out.shape[1], out.shape[2]
    unit = 2.0 * math.pi / length
    last = rows.shape[1] - 2
    out[:] = 0.0
    many = out.shape[0] > 1
    along, down = np.empty(width, np.complex128), np.empty(length, np.complex128)
    for z in range(len(zones)):
        for i in range(width):
            turn = -(unit * i + shifts[z, 1]) * x
            along[i] = complex(math.cos(turn), math.sin(turn))
        for j in range(length):
            ky = unit * (j if j <= length // 2 else j - length) + shifts[z, 0]
            down[j] = complex(math.cos(ky * y), -math.sin(ky * y))
            for i in range(width):
                psf = zones[z, j, i]
                if psf.real == 0.0 and psf.imag == 0.0:
                    continue
                kx = unit * i + shifts[z, 1]
                square = matrix[0] * kx * kx + 2.0 * matrix[1] * kx * ky + matrix[2] * ky * ky
                h, slope, to_n = 1.0, 0.0, 0.0
                position = (0.5 * math.log(square) - START) / STEP if square > 0.0 else -1.0
                if position >= last:
                    continue
                if position >= 1.0:
                    k = int(position)
                    t = position - k
                    # Lagrange cubic over four nodes, and its slope
                    a, b, c, d = rows[0, k - 1], rows[0, k], rows[0, k + 1], rows[0, k + 2]
                    c1 = c - a / 3.0 - 0.5 * b - d / 6.0
                    c2 = 0.5 * (a + c) - b
                    c3 = (d - a) / 6.0 + 0.5 * (b - c)
                    h = b + t * (c1 + t * (c2 + t * c3))
                    slope = (c1 + t * (2.0 * c2 + 3.0 * t * c3)) / (STEP * 2.0 * square)
                    if many:
                        to_n = rows[1, k] + t * (rows[1, k + 1] - rows[1, k])
                wave = psf * (along[i] * down[j])
                value = h * wave
                out[0, j, i] += value
                if many:
                    for p in range(3):
                        change = slopes[p, 0] * kx * kx + 2.0 * slopes[p, 1] * kx * ky + slopes[p, 2] * ky * ky
                        out[1 + p, j, i] += slope * change * wave
                    out[4, j, i] += to_n * wave
                    out[5, j, i] += complex(kx * value.imag, -kx * value.real)
                    out[6, j, i] += complex(ky * value.imag, -ky * value.real)
