"""A simulated survey tile: galaxies of known shape, stars, photon and read-out noise.

Galaxies are Sersic (1963) profiles drawn by a different road than the fit's model grid (brute-force sub-pixel sums of
the profile, then a Moffat PSF sampled at the same sub-pixels), so that a fault of the grid cannot hide in the truth.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from astropy.table import Table
from scipy.signal import fftconvolve
from scipy.special import gamma, gammaincinv

HALF_SIZE = 80


@dataclass(frozen=True)
class Tile:
    """A simulated image and what is in it.

    Parameters
    ----------
    image : ndarray of float32, shape (size, size)
        Pixels [ADU], sky included.
    truth : Table
        KIND ('galaxy' or 'star'), X_IMAGE, Y_IMAGE (1-based) [pixel], FLUX [ADU], LOGR (log10 of the semi-major
        half-light radius in pixels), AX_RATIO, ANGLE [deg, counter-clockwise from +x], INDEX.
    psf : ndarray of float, shape (41, 41)
        PSF at the pixel scale, pixel included, with unit sum.
    """

    image: np.ndarray
    truth: Table
    psf: np.ndarray


@dataclass(frozen=True)
class Recipe:
    """What to simulate.

    Parameters
    ----------
    size : int
        Side of the tile [pixel].
    galaxies, stars : int
        How many.
    fwhm, beta : float
        Moffat PSF: FWHM [pixel] and exponent.
    sky : float
        Sky level [ADU]; the gain is 1 e-/ADU.
    read_noise : float
        Read-out noise [e-].
    flux : (float, float)
        Range of fluxes, uniform in the logarithm [ADU].
    log_r : (float, float)
        Range of log10 r_e [pixel], uniform.
    axis_ratio : (float, float)
        Range of axis ratios, uniform.
    index : float
        Sersic index of the galaxies.
    oversampling : int
        Sub-pixels a side.
    """

    size: int = 1024
    galaxies: int = 60
    stars: int = 60
    fwhm: float = 3.0
    beta: float = 3.5
    sky: float = 40.0
    read_noise: float = 3.0
    flux: tuple[float, float] = (2e4, 5e5)
    log_r: tuple[float, float] = (0.3, 1.1)
    axis_ratio: tuple[float, float] = (0.3, 1.0)
    index: float = 4.0
    oversampling: int = field(default=5)


def moffat(size: int, fwhm: float, beta: float, step: float = 1.0, dx: float = 0.0, dy: float = 0.0) -> np.ndarray:
    """Sample a Moffat (1969) profile of unit flux at steps of `step` pixel around the centre; shape (size, size)."""
    alpha = fwhm / 2 / np.sqrt(2 ** (1 / beta) - 1)
    axis = (np.arange(size) - (size - 1) / 2) * step
    r2 = (axis[None, :] - dx) ** 2 + (axis[:, None] - dy) ** 2
    return (beta - 1) / (np.pi * alpha**2) * (1 + r2 / alpha**2) ** -beta * step**2


def sersic(size: int, log_r: float, q: float, angle: float, n: float, dx: float, dy: float, step: float) -> np.ndarray:
    """Sum a Sersic profile of unit flux over cells of `step` pixel, finer near the centre; shape (size, size)."""
    radius, b = 10**log_r, gammaincinv(2 * n, 0.5)
    total = 2 * np.pi * n * radius**2 * q * np.exp(b) * b ** (-2 * n) * gamma(2 * n)
    axis = (np.arange(size) - (size - 1) / 2) * step
    image = _profile(axis[None, :] - dx, axis[:, None] - dy, radius, q, angle, n, b)
    core = np.abs(axis) < 2.5
    fine = ((np.arange(24) + 0.5) / 24 - 0.5) * step
    x = (axis[core][:, None] + fine).ravel() - dx
    y = (axis[core][:, None] + fine).ravel() - dy
    cells = _profile(x[None, :], y[:, None], radius, q, angle, n, b)
    count = int(core.sum())
    image[np.ix_(core, core)] = cells.reshape(count, 24, count, 24).mean(axis=(1, 3))
    return image / total * step**2


def _profile(x: np.ndarray, y: np.ndarray, radius: float, q: float, angle: float, n: float, b: float) -> np.ndarray:
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    r = np.hypot(x * cosine + y * sine, (y * cosine - x * sine) / q) / radius
    return np.exp(-b * (r ** (1 / n) - 1))


def simulate_tile(recipe: Recipe, rng: np.random.Generator) -> Tile:
    """Simulate a tile.

    Parameters
    ----------
    recipe : Recipe
        What to put into it.
    rng : numpy.random.Generator
        Source of all randomness.

    Returns
    -------
    Tile
    """
    truth = _truth(recipe, rng)
    k = recipe.oversampling
    fine_psf = moffat(41 * k, recipe.fwhm, recipe.beta, 1 / k)
    image = np.zeros((recipe.size, recipe.size))
    for source in truth:
        _add(image, source, recipe, fine_psf / fine_psf.sum())
    electrons = rng.poisson(np.maximum(image + recipe.sky, 0)) + rng.normal(0, recipe.read_noise, image.shape)
    psf = _binned(fftconvolve(fine_psf, np.full((k, k), 1 / k**2), mode="same"), k, centred=True)
    return Tile(electrons.astype(np.float32), truth, psf / psf.sum())


def _truth(recipe: Recipe, rng: np.random.Generator) -> Table:
    count = recipe.galaxies + recipe.stars
    margin = HALF_SIZE + 5
    places = _spread(count, recipe.size, margin, rng)
    star = np.arange(count) >= recipe.galaxies
    truth = Table(
        {
            "KIND": np.where(star, "star", "galaxy"),
            "X_IMAGE": places[:, 0] + 1,
            "Y_IMAGE": places[:, 1] + 1,
            "FLUX": 10 ** rng.uniform(np.log10(recipe.flux[0]), np.log10(recipe.flux[1]), count),
            "LOGR": np.where(star, np.nan, rng.uniform(*recipe.log_r, count)),
            "AX_RATIO": np.where(star, np.nan, rng.uniform(*recipe.axis_ratio, count)),
            "ANGLE": np.where(star, np.nan, rng.uniform(0, 180, count)),
            "INDEX": np.where(star, np.nan, recipe.index),
        }
    )
    for name, unit in (("X_IMAGE", "pixel"), ("Y_IMAGE", "pixel"), ("FLUX", "adu"), ("ANGLE", "deg")):
        truth[name].unit = unit
    return truth


def _spread(count: int, size: int, margin: int, rng: np.random.Generator) -> np.ndarray:
    """Random 0-based positions, each as far from the earlier ones as 30 tries allow."""
    places = np.empty((0, 2))
    for _ in range(count):
        tries = rng.uniform(margin, size - margin, (30, 2))
        if len(places):
            distance = np.hypot(*(tries[:, None] - places[None]).transpose(2, 0, 1)).min(axis=1)
            tries = tries[[np.argmax(distance)]]
        places = np.vstack([places, tries[:1]])
    return places


def _add(image: np.ndarray, source: Table.Row, recipe: Recipe, fine_psf: np.ndarray) -> None:
    """Add one source, drawn on sub-pixels, convolved there and binned."""
    x, y = source["X_IMAGE"] - 1, source["Y_IMAGE"] - 1
    column, row = round(float(x)), round(float(y))
    side, k = 2 * HALF_SIZE + 1, recipe.oversampling
    if source["KIND"] == "star":
        fine = moffat(side * k, recipe.fwhm, recipe.beta, 1 / k, x - column, y - row)
    else:
        shape = (source["LOGR"], source["AX_RATIO"], source["ANGLE"], source["INDEX"])
        fine = fftconvolve(sersic(side * k, *shape, x - column, y - row, 1 / k), fine_psf, mode="same")
    stamp = _binned(fine, k)
    image[row - HALF_SIZE : row + HALF_SIZE + 1, column - HALF_SIZE : column + HALF_SIZE + 1] += source["FLUX"] * stamp


def _binned(fine: np.ndarray, k: int, *, centred: bool = False) -> np.ndarray:
    """Sum k x k sub-pixels; `centred` takes the central one times k^2 instead (of an image already smoothed)."""
    side = fine.shape[0] // k
    cells = fine.reshape(side, k, side, k)
    return cells[:, k // 2, :, k // 2] * k**2 if centred else cells.sum(axis=(1, 3))
