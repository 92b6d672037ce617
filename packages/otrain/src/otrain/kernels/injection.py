"""Point sources put into images: profiles, noise, and where to put them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["background", "cosmic_ray", "moffat", "peaks", "shifted", "star_psf"]

Array = npt.NDArray[Any]


def moffat(side: int, fwhm: float, dy: float = 0.0, dx: float = 0.0, beta: float = 3.5) -> Array:
    """Return a Moffat (1969) profile of unit sum, at the pixel centres.

    Parameters
    ----------
    side : int
        Of the picture [pixel]; odd.
    fwhm : float
        Full width at half maximum [pixel].
    dy, dx : float
        Offset of the centre from that of the central pixel [pixel].
    beta : float
        Exponent of the wings.
    """
    y, x = np.mgrid[:side, :side] - side // 2
    alpha = fwhm / (2 * np.sqrt(2 ** (1 / beta) - 1))
    picture = (1 + ((x - dx) ** 2 + (y - dy) ** 2) / alpha**2) ** -beta
    return picture / picture.sum()


def shifted(picture: Array, dy: float, dx: float) -> Array:
    """Move a picture by a part of a pixel, by a phase in Fourier space; its sum stays."""
    ky, kx = np.fft.fftfreq(picture.shape[0])[:, None], np.fft.rfftfreq(picture.shape[1])[None]
    phase = np.exp(-2j * np.pi * (ky * dy + kx * dx))
    return np.fft.irfft2(np.fft.rfft2(picture) * phase, s=picture.shape)


def background(image: Array) -> tuple[float, float]:
    """Return the median and 1.4826 MAD of the finite pixels."""
    good = image[np.isfinite(image)]
    if not good.size:
        return 0.0, 1.0
    middle = float(np.median(good))
    spread = 1.4826 * float(np.median(np.abs(good - middle)))
    return middle, spread if spread > 0 else max(float(good.std()), 1e-12)


def peaks(image: Array, sigma: float, margin: int, *, most: int = 500) -> Array:
    """Return the positions of local maxima (of 5 x 5 pixels) above the background, the brightest first.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
    sigma : float
        Least height [background scatter].
    margin : int
        Pixels that must lie around each.
    most : int
        The most positions.

    Returns
    -------
    ndarray of int, shape (k, 2)
        y and x.
    """
    middle, spread = background(image)
    filled = np.where(np.isfinite(image), image, -np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(filled, 2, constant_values=-np.inf), (5, 5))
    top = (filled >= windows.max(axis=(2, 3))) & (filled > middle + sigma * spread)
    y, x = np.nonzero(top)
    inside = (y >= margin) & (y < image.shape[0] - margin) & (x >= margin) & (x < image.shape[1] - margin)
    y, x = y[inside], x[inside]
    order = np.argsort(-filled[y, x], kind="stable")[:most]
    return np.stack([y[order], x[order]], axis=1)


def star_psf(image: Array, side: int, *, most: int = 50) -> Array | None:
    """Return the median of the isolated bright stars of an image, each moved to the centre, of unit sum.

    The brightest 2 % of the maxima are left out, as they may be saturated.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
    side : int
        Of the picture [pixel]; odd.
    most : int
        The most stars.

    Returns
    -------
    ndarray, shape (side, side), or None
        None if there are fewer than three stars.
    """
    half = side // 2
    found = peaks(image, 20, half + 1)
    if not len(found):
        return None
    found = found[len(found) // 50 :]
    apart = np.abs(found[:, None] - found[None]).max(axis=2) + np.where(np.eye(len(found), dtype=bool), 2 * side, 0)
    found = found[apart.min(axis=1) > half][:most]
    stars = [star for y, x in found.tolist() if (star := _star(image, y, x, half)) is not None]
    if len(stars) < 3:
        return None
    picture = np.maximum(np.median(stars, axis=0), 0)
    return picture / picture.sum()


def _star(image: Array, y: int, x: int, half: int) -> Array | None:
    cut = image[y - half : y + half + 1, x - half : x + half + 1].astype(float)
    if not np.isfinite(cut).all():
        return None
    rim = np.concatenate([cut[0], cut[-1], cut[:, 0], cut[:, -1]])
    cut = cut - np.median(rim)
    core = np.maximum(cut[half - 2 : half + 3, half - 2 : half + 3], 0)
    grid = np.arange(-2, 3)
    dy, dx = (core.sum(axis=1) * grid).sum() / core.sum(), (core.sum(axis=0) * grid).sum() / core.sum()
    if cut.sum() <= 0 or max(abs(dy), abs(dx)) > 1:
        return None
    return shifted(cut, -dy, -dx) / cut.sum()


def cosmic_ray(side: int, rng: np.random.Generator) -> Array:
    """Return the track of a particle through the central pixel: one pixel wide, not smeared by any PSF; peak 1."""
    picture = np.zeros((side, side))
    angle, length = rng.uniform(0, np.pi), rng.exponential(3.0)
    for t in np.linspace(-length / 2, length / 2, max(int(3 * length), 1)):
        y, x = round(side // 2 + t * np.sin(angle)), round(side // 2 + t * np.cos(angle))
        if 0 <= y < side and 0 <= x < side:
            picture[y, x] = rng.uniform(0.5, 1.0)
    picture[side // 2, side // 2] = 1.0
    return picture
