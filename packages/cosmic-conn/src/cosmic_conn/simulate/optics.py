"""Point sources, galaxies and trails as a telescope shows them, in electrons a pixel and without noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter
from scipy.signal import fftconvolve

__all__ = ["PSF", "galaxies", "nebula", "placed_stars", "stars", "trail"]

Array = npt.NDArray[np.float64]

_PHASES = 5  # positions inside a pixel, along each axis
_FINE = 5  # points of integration inside a pixel, along each axis


@dataclass(frozen=True)
class PSF:
    """A Moffat (1969, A&A 3, 455) profile, elliptical, or a ring as of a telescope out of focus.

    Attributes
    ----------
    fwhm
        Full width at half maximum, along the major axis [pixel].
    beta
        Exponent of the wings.
    ratio, angle
        Axis ratio and its direction [rad].
    ring
        Radius of the ring in units of the FWHM; 0 for a profile with its maximum at the centre.
    spikes
        Share of the light that the support of the secondary mirror puts into four spikes.
    halo
        Brightness of a wide halo of scattered light at its middle, in units of the peak of the star.
    """

    fwhm: float
    beta: float = 3.0
    ratio: float = 1.0
    angle: float = 0.0
    ring: float = 0.0
    spikes: float = 0.0
    halo: float = 0.0

    def image(self, radius: int, dy: float = 0.0, dx: float = 0.0) -> Array:
        """Return the light in each pixel of a stamp whose total is 1, integrated over the pixels.

        Parameters
        ----------
        radius
            The stamp has 2 radius + 1 pixels a side.
        dy, dx
            Offset of the centre from that of the middle pixel [pixel].
        """
        inside = (np.arange(_FINE) + 0.5) / _FINE - 0.5
        axis = (np.arange(-radius, radius + 1)[:, None] + inside).ravel()
        y, x = axis[:, None] - dy, axis[None, :] - dx
        u = x * np.cos(self.angle) + y * np.sin(self.angle)
        v = (y * np.cos(self.angle) - x * np.sin(self.angle)) / self.ratio
        alpha = self.fwhm / (2 * np.sqrt(2 ** (1 / self.beta) - 1))
        distance = np.hypot(u, v) - self.ring * self.fwhm
        light = (1 + (distance / alpha) ** 2) ** -self.beta
        if self.spikes:
            thin = np.exp(-0.5 * (np.minimum(np.abs(u), np.abs(v)) / (0.3 * self.fwhm)) ** 2)
            light += self.spikes * thin / (1 + np.maximum(np.abs(u), np.abs(v)) / self.fwhm)
        if self.halo:
            light += self.halo * np.exp(-np.hypot(u, v) / (4 * self.fwhm))
        side = 2 * radius + 1
        light = light.reshape(side, _FINE, side, _FINE).sum(axis=(1, 3))
        return np.asarray(light / light.sum())


def stars(shape: tuple[int, int], flux: Array, psf: PSF, random: np.random.Generator) -> Array:
    """Return a field of stars at random places.

    Parameters
    ----------
    shape
        Height and width [pixel].
    flux : ndarray, shape (n,)
        Of each star [e-].
    psf
        Their profile; places are rounded to a fifth of a pixel.
    random
        Source of randomness.
    """
    radius = int(min(12 + 6 * psf.fwhm, 60))
    field = np.zeros((shape[0] + 2 * radius, shape[1] + 2 * radius))
    stamps: dict[tuple[int, int], Array] = {}
    for light in flux:
        phase = (int(random.integers(_PHASES)), int(random.integers(_PHASES)))
        if phase not in stamps:
            offset = (np.array(phase) - _PHASES // 2) / _PHASES
            stamps[phase] = psf.image(radius, *offset)
        y, x = int(random.integers(shape[0])), int(random.integers(shape[1]))
        field[y : y + 2 * radius + 1, x : x + 2 * radius + 1] += light * stamps[phase]
    return field[radius : radius + shape[0], radius : radius + shape[1]]


def placed_stars(shape: tuple[int, int], y: Array, x: Array, flux: Array, psf: PSF) -> Array:
    """Return stars at given places, in pixels from the middle of the first; inside or outside of the frame.

    Parameters
    ----------
    shape
        Height and width [pixel].
    y, x, flux : ndarray, shape (n,)
        Of each star [pixel, pixel, e-].
    psf
        Their profile; places are rounded to a fifth of a pixel.
    """
    radius = int(min(12 + 6 * psf.fwhm, 60))
    side = 2 * radius + 1
    field = np.zeros((shape[0] + 2 * side, shape[1] + 2 * side))
    stamps: dict[tuple[int, int], Array] = {}
    for place, light in zip(np.rint(np.stack([y, x], axis=1) * _PHASES).astype(int), flux, strict=True):
        pixel = (place + _PHASES // 2) // _PHASES
        phase = place - pixel * _PHASES
        corner = pixel + side - radius
        if (corner < 0).any() or (corner + side > field.shape).any():
            continue
        key = (int(phase[0]), int(phase[1]))
        if key not in stamps:
            stamps[key] = psf.image(radius, *(phase / _PHASES))
        field[corner[0] : corner[0] + side, corner[1] : corner[1] + side] += light * stamps[key]
    return field[side : side + shape[0], side : side + shape[1]]


def galaxies(shape: tuple[int, int], flux: Array, psf: PSF, random: np.random.Generator) -> Array:
    """Return elliptical exponential disks at random places, with knots in the larger ones; units of `flux`."""
    field = np.zeros(shape)
    rows, columns = np.indices(shape, dtype=np.float32)
    for light in flux:
        scale = random.lognormal(np.log(3.0), 0.7)
        angle, ratio = random.uniform(0, np.pi), random.uniform(0.25, 1)
        y, x = rows - random.uniform(0, shape[0]), columns - random.uniform(0, shape[1])
        u, v = x * np.cos(angle) + y * np.sin(angle), (y * np.cos(angle) - x * np.sin(angle)) / ratio
        disk = np.exp(-np.hypot(u, v) / scale)
        if scale > 4:
            disk *= 1 + (random.random(shape) < 0.02) * random.uniform(5, 40)
        field += light * disk / (2 * np.pi * scale**2 * ratio)
    return _blurred(field, psf)


def nebula(shape: tuple[int, int], strength: float, psf: PSF, random: np.random.Generator) -> Array:
    """Return structured light on all scales, as of a galaxy that fills the frame: `strength` is its mean [e-]."""
    light = np.zeros(shape)
    for scale in (2, 5, 12, 30):
        light += gaussian_filter(random.normal(size=shape), scale, mode="wrap") * scale
    light = np.exp(1.2 * light / light.std())
    knots = (random.random(shape) < 0.004) * random.lognormal(1.5, 1.0, shape)
    light = light / light.mean() + gaussian_filter(light, 3, mode="wrap") * knots * 6
    return _blurred(strength * light, psf)


def trail(shape: tuple[int, int], strength: float, psf: PSF, random: np.random.Generator) -> Array:
    """Return the trail of a satellite across the whole frame, as wide as the stars; `strength` is its ridge [e-]."""
    rows, columns = np.indices(shape)
    angle = random.uniform(0, np.pi)
    distance = (rows - random.uniform(0, shape[0])) * np.cos(angle) - (columns - random.uniform(0, shape[1])) * np.sin(
        angle
    )
    along = 1 + 0.3 * np.sin(np.hypot(rows, columns) / random.uniform(5, 200)) * random.integers(2)
    return np.asarray(strength * along * np.exp(-0.5 * (distance / (psf.fwhm / 2.355)) ** 2))


def _blurred(field: Array, psf: PSF) -> Array:
    return np.maximum(fftconvolve(field, psf.image(int(min(10 + 3 * psf.fwhm, 30))), mode="same"), 0)
