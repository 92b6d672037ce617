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
this way is periodic: the light of its copies is to be subtracted (`dre.kernels.copies`).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled
from .hankel import look_up

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
    matrix: NDArray, slopes: NDArray, x: float, y: float, transform: NDArray, zones: NDArray, shifts: NDArray, box: int,
    *, derivatives: bool,
) -> NDArray[np.floating]:  # fmt: skip
    """Draw one profile of unit flux, and its derivatives, with the light of their periodic copies.

    Parameters
    ----------
    matrix, slopes : ndarray
        From `shape_matrix`.
    x, y : float
        Centre from the middle of the box, px.
    transform : ndarray
        `dre.kernels.hankel.transform_of` the index.
    zones, shifts : ndarray
        From `transfer`.
    box : int
        Side of the picture, at most the length of the zones, px.
    derivatives : bool
        Also those to the six parameters, in the order of `DERIVATIVES`.

    Returns
    -------
    ndarray, shape (1 or 7, box, length)
        The columns beyond `box` are of no use. float64; with derivatives float32, as they only say where to go.
    """
    length, middle = zones.shape[1], (box - 1) / 2
    size = (7 if derivatives else 1, length, length // 2 + 1)
    spectra = np.empty(size, np.complex64 if derivatives else np.complex128)
    parts = spectra.view(np.float32 if derivatives else np.float64), zones.view(np.float64)
    _spectra(parts[0], matrix, slopes, transform, parts[1], shifts, x + middle, y + middle)
    return _corner(spectra, box)


def _corner(spectra: NDArray, box: int) -> NDArray:
    """Inverse transforms, of which only the first `box` rows are wanted."""
    from scipy.fft import ifft, irfft

    length = spectra.shape[1]
    return irfft(ifft(spectra, axis=1, overwrite_x=True)[:, :box], length, axis=2)


@compiled()
def shape_matrix(rho: float, eta1: float, eta2: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (xx, xy, yy) of S and its derivatives to rho, eta1 and eta2, shape (3, 3)."""
    eta = math.hypot(eta1, eta2)
    size, cosh = math.exp(2 * rho), math.cosh(eta)
    ratio = math.sinh(eta) / eta if eta > 1e-4 else 1 + eta * eta / 6
    slope = (cosh - ratio) / eta**2 if eta > 1e-2 else 1 / 3 + eta * eta / 30  # d(ratio)/d(eta) / eta
    matrix, slopes = np.empty(3), np.empty((3, 3))
    matrix[0], matrix[1], matrix[2] = cosh + ratio * eta1, ratio * eta2, cosh - ratio * eta1
    matrix *= size
    slopes[0] = 2 * matrix
    own, mixed, other = ratio + slope * eta1 * eta1, slope * eta1 * eta2, ratio + slope * eta2 * eta2
    slopes[1, 0], slopes[1, 1], slopes[1, 2] = ratio * eta1 + own, mixed, ratio * eta1 - own
    slopes[2, 0], slopes[2, 1], slopes[2, 2] = ratio * eta2 + mixed, other, ratio * eta2 - mixed
    slopes[1:] *= size
    return matrix, slopes


@compiled(fused=True)
def _spectra(
    spectra: NDArray, matrix: NDArray, slopes: NDArray, transform: NDArray, zones: NDArray, shifts: NDArray, x: float,
    y: float,
) -> None:  # fmt: skip
    """Fill transforms of the picture and, where there is room, of its derivatives; all as (real, imaginary)."""
    length, width = spectra.shape[1], spectra.shape[2] // 2
    unit = 2.0 * math.pi / length
    spectra[:] = 0.0
    kx, along_re, along_im = np.empty(width), np.empty(width), np.empty(width)
    re, im, square = np.empty(width), np.empty(width), np.empty(width)
    h, slope, to_n = np.empty(width), np.empty(width), np.empty(width)
    for z in range(len(zones)):
        for i in range(width):
            kx[i] = unit * i + shifts[z, 1]
            along_re[i], along_im[i] = math.cos(kx[i] * x), -math.sin(kx[i] * x)
        for j in range(length):
            ky = unit * (j if j <= length // 2 else j - length) + shifts[z, 0]
            down_re, down_im = math.cos(ky * y), -math.sin(ky * y)
            psf = zones[z, j]
            for i in range(width):
                turn_re = along_re[i] * down_re - along_im[i] * down_im
                turn_im = along_re[i] * down_im + along_im[i] * down_re
                re[i] = psf[2 * i] * turn_re - psf[2 * i + 1] * turn_im
                im[i] = psf[2 * i] * turn_im + psf[2 * i + 1] * turn_re
            for i in range(width):
                square[i] = (matrix[0] * kx[i] + 2.0 * matrix[1] * ky) * kx[i] + matrix[2] * ky * ky
            look_up(square, transform, h, slope, to_n)
            _add_wave(spectra[0, j], h, re, im)
            if len(spectra) == 1:
                continue
            for p in range(3):
                s0, s1, s2 = slopes[p, 0], 2.0 * slopes[p, 1] * ky, slopes[p, 2] * ky * ky
                for i in range(width):
                    square[i] = slope[i] * ((s0 * kx[i] + s1) * kx[i] + s2)
                _add_wave(spectra[1 + p, j], square, re, im)
            _add_wave(spectra[4, j], to_n, re, im)
            for i in range(width):
                square[i] = h[i] * kx[i]
            _add_turned(spectra[5, j], square, re, im)
            for i in range(width):
                square[i] = h[i] * ky
            _add_turned(spectra[6, j], square, re, im)


@compiled(fused=True)
def _add_wave(out: NDArray, height: NDArray, re: NDArray, im: NDArray) -> None:
    for i in range(len(height)):
        out[2 * i] += height[i] * re[i]
        out[2 * i + 1] += height[i] * im[i]


@compiled(fused=True)
def _add_turned(out: NDArray, height: NDArray, re: NDArray, im: NDArray) -> None:
    """Add a wave times -i."""
    for i in range(len(height)):
        out[2 * i] += height[i] * im[i]
        out[2 * i + 1] -= height[i] * re[i]
