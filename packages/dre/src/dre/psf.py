r"""Point-spread functions: PSFEx models and their pictures in image pixels.

A PSFEx model (Bertin 2011, ASP Conf. 442, 435) is a set of small pictures :math:`\phi_b`, tabulated at steps
of PSF_SAMP image pixels, whose combination :math:`\sum_b X_b(x, y)\,\phi_b` is the *effective* PSF, the pixel
included, at a position of the image; the first is the constant term. Its value in an image pixel is read from
the table by Lanczos-4 interpolation at the centre of that pixel, times :math:`1/\mathrm{PSF\_SAMP}^2`, the
number of table cells in a pixel: binning the table instead would count the pixel twice. A finely sampled PSF
in a FITS file is read by the same rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LANCZOS = 4


@dataclass(frozen=True, eq=False, slots=True)
class PSFModel:
    """PSF of one image or extension.

    Attributes
    ----------
    basis : ndarray of float64, shape (terms, side, side)
        Pictures of the polynomial's terms, the constant one first.
    sampling : float
        Step of the pictures, image pixels (PSF_SAMP).
    names, zero, scale, groups : tuple
        Per context parameter: its catalogue column, offset, scale and group, the last counted from 1.
    degrees : tuple of int
        Polynomial degree of each group.
    fwhm, chi2 : float
        PSF_FWHM (image pixels) and CHI2 of the header; NaN where unknown.
    loaded, accepted : int
        Number of stars loaded and accepted.
    clip : bool
        Whether negative pixels are set to zero in `pixels`, as the predecessor does with PSFEx files.
    without_pixel : bool
        The pictures are of the light before it falls on pixels: the response of the pixel is to be applied to what is
        seen through it. PSFs made from stars, such as PSFEx's, include it.
    """

    basis: NDArray[np.float64]
    sampling: float = 1.0
    names: tuple[str, ...] = ()
    zero: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    groups: tuple[int, ...] = ()
    degrees: tuple[int, ...] = ()
    fwhm: float = float("nan")
    chi2: float = float("nan")
    loaded: int = 1
    accepted: int = 1
    clip: bool = True
    without_pixel: bool = False

    def __post_init__(self) -> None:
        if self.basis.ndim != 3 or self.basis.shape[1] != self.basis.shape[2]:
            raise ValueError(f"the PSF has shape {self.basis.shape}: must be (terms, side, side)")
        if not (np.isfinite(self.sampling) and self.sampling > 0):
            raise ValueError(f"PSF_SAMP = {self.sampling}: must be positive")

    def table(self, place: tuple[float, float] | None = None) -> NDArray[np.float64]:
        """Picture at a place of the image, at steps of `sampling` image pixels.

        The pictures times the monomials of ``(x - POLZERO) / POLSCAL``, in PSFEx's order (Bertin 2011): 1, x, x2,
        .., y, xy, ..; with parameters in several groups all products of theirs

        Parameters
        ----------
        place : (float, float), optional
            One-based X_IMAGE, Y_IMAGE; default where the polynomial is zero: the constant term.

        Returns
        -------
        ndarray of float64, shape (side, side)

        Raises
        ------
        ValueError
            A PSF that depends on something else than the place.
        """
        if place is None or len(self.basis) == 1:
            return self.basis[0]
        return np.tensordot(self._terms(place), self.basis, 1)

    def _terms(self, place: tuple[float, float]) -> NDArray[np.float64]:
        known = {"X_IMAGE": place[0], "Y_IMAGE": place[1], "XWIN_IMAGE": place[0], "YWIN_IMAGE": place[1]}
        unknown = [name for name in self.names if name not in known]
        if unknown:
            raise ValueError(f"the PSF depends on {', '.join(unknown)}: only on X_IMAGE and Y_IMAGE can be allowed for")
        reduced = [
            (known[name] - zero) / scale for name, zero, scale in zip(self.names, self.zero, self.scale, strict=True)
        ]
        if not all(1 <= group <= len(self.degrees) for group in self.groups) or len(self.groups) != len(self.names):
            raise ValueError(f"the PSF's parameters are in groups {self.groups}, of which it has {len(self.degrees)}")
        terms = monomials(reduced, [group - 1 for group in self.groups], self.degrees)
        if len(terms) != len(self.basis):
            raise ValueError(f"the PSF has {len(self.basis)} terms, its polynomial {len(terms)}")
        return terms

    def pixels(self) -> NDArray[np.float64]:
        """Picture of the constant term in image pixels.

        Returns
        -------
        ndarray of float64, shape (side, side)
            Odd-sized, centred in its central pixel, its sum 1.

        Raises
        ------
        ValueError
            A PSF that is not finite, has no light, or is not centred.
        """
        table = self.basis[0]
        picture = resampled(table, self.sampling, centre_of(table))
        return normalised(np.maximum(picture, 0.0) if self.clip else picture)


def monomials(values: Sequence[float], groups: Sequence[int], degrees: Sequence[int]) -> NDArray[np.float64]:
    """Return the products of powers of `values` that a polynomial has, the powers of the first running fastest.

    Parameters
    ----------
    values : sequence of float
    groups : sequence of int
        Group of each value, from 0.
    degrees : sequence of int
        Largest total degree of the values of each group.
    """
    if not values:
        return np.ones(1)
    *others, last = values
    parts = []
    for power in range(degrees[groups[-1]] + 1):
        left = [degree - power * (k == groups[-1]) for k, degree in enumerate(degrees)]
        parts.append(last**power * monomials(others, groups[:-1], left))
    return np.concatenate(parts)


def normalised(picture: NDArray) -> NDArray[np.float64]:
    """Picture with unit sum.

    Raises
    ------
    ValueError
        Pixels that are not finite, or a sum that is not positive.
    """
    total = float(np.sum(picture, dtype=np.float64))
    if not np.isfinite(total):
        raise ValueError("the PSF has pixels that are not finite")
    if total <= 0:
        raise ValueError(f"the PSF adds up to {total:g}: there is no light in it")
    return np.asarray(picture, np.float64) / total


def before_pixel(picture: NDArray) -> NDArray[np.float64]:
    r"""Picture of an effective PSF's light before it falls on pixels, for programs that integrate over them themselves.

    The response of a square pixel, :math:`\mathrm{sinc}(u)\,\mathrm{sinc}(v)` at frequencies u and v (cycles a pixel),
    is divided out: 0.41 at the highest, so that noise is not raised much.

    Parameters
    ----------
    picture : ndarray, shape (side, side)
        In image pixels.

    Returns
    -------
    ndarray of float64, shape (side, side)
        With unit sum.
    """
    side = len(picture)
    response = np.sinc(np.fft.fftfreq(2 * side))
    spectrum = np.fft.fft2(picture, (2 * side, 2 * side)) / np.outer(response, response)
    return normalised(np.fft.ifft2(spectrum).real[:side, :side])


def centre_of(table: NDArray, tolerance: float = 0.5) -> tuple[float, float]:
    """Centre (x, y) of a tabulated PSF, zero-based.

    Odd sides are centred in their central cell. Even sides have two conventions, the cell after the middle
    (PSFEx) and the corner in the middle: the one nearest to the centroid is meant, and said by a
    half-integer.

    Parameters
    ----------
    table : ndarray, shape (side, side)
    tolerance : float
        Largest distance between centre and centroid, cells.

    Raises
    ------
    ValueError
        A PSF without light, or with a centroid elsewhere.
    """
    side = table.shape[0]
    bright = np.where(table > 0.1 * np.max(table), table, 0.0)
    total = float(bright.sum())
    if not (np.isfinite(table).all() and total > 0):
        raise ValueError("the PSF has pixels that are not finite, or no light")
    grid = np.arange(side)
    centroid = float(bright.sum(0) @ grid) / total, float(bright.sum(1) @ grid) / total
    middle = (side - 1) / 2
    candidates = (middle,) if side % 2 else (middle, middle + 0.5, middle - 0.5)
    centre = min(candidates, key=lambda c: np.hypot(centroid[0] - c, centroid[1] - c))
    if max(abs(centroid[0] - centre), abs(centroid[1] - centre)) > tolerance:
        x, y = centroid
        raise ValueError(f"the PSF has its centroid at ({x:.2f}, {y:.2f}), not in the middle of its {side} px")
    return centre, centre


def resampled(table: NDArray, sampling: float, centre: tuple[float, float]) -> NDArray[np.float64]:
    """Values of a tabulated PSF at the centres of image pixels, with its flux.

    Parameters
    ----------
    table : ndarray, shape (side, side)
        PSF at steps of `sampling` image pixels.
    sampling : float
        Step, image pixels.
    centre : (float, float)
        Position (x, y) of the PSF's centre in the table, cells.

    Returns
    -------
    ndarray of float64, shape (odd, odd)
        The PSF's centre in the central pixel; the sum is that of the table where the table holds all light.
    """
    reach = min(min(c, n - 1 - c) for c, n in zip(centre, table.shape[::-1], strict=True))
    half = int(np.floor(reach * sampling + 1e-9))
    offsets = np.arange(-half, half + 1) / sampling
    across = _weights(centre[0] + offsets, table.shape[1])
    down = _weights(centre[1] + offsets, table.shape[0])
    return down @ np.asarray(table, np.float64) @ across.T / sampling**2


def _weights(positions: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Lanczos weights (positions, count): every complete row adds up to 1; there is no light outside."""
    cells = np.arange(-LANCZOS, count + LANCZOS)
    distance = positions[:, None] - cells[None, :]
    kernel = np.where(np.abs(distance) < LANCZOS, np.sinc(distance) * np.sinc(distance / LANCZOS), 0.0)
    kernel[np.abs(kernel) < 1e-15] = 0.0  # at whole distances: a table in image pixels stays as it is
    kernel /= kernel.sum(1, keepdims=True)
    return kernel[:, LANCZOS:-LANCZOS]
