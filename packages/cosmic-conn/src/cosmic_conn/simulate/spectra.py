"""Spectra as a spectrograph shows them, in electrons a pixel and without noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from cosmic_conn.simulate.optics import PSF

__all__ = ["echelle", "slit"]

Array = npt.NDArray[np.float64]

_BRIGHTEST = 5e4  # [e-]


def slit(shape: tuple[int, int], sky: float, psf: PSF, random: np.random.Generator) -> Array:
    """Return a long-slit spectrum [e-]: lines of the night sky across, traces of objects along."""
    place = np.arange(shape[1])
    spectrum = np.full(shape[1], 0.2 * sky)
    width = psf.fwhm / 2.355
    for _ in range(random.poisson(shape[1] / 40)):
        spectrum += sky * random.lognormal(1, 1.5) * np.exp(-0.5 * ((place - random.uniform(0, shape[1])) / width) ** 2)
    tilt = random.normal(0, 0.02)
    rows = np.arange(shape[0])
    columns = place[None, :] + tilt * (rows[:, None] - shape[0] / 2)
    frame = np.asarray(np.interp(columns, place, spectrum))
    for _ in range(random.poisson(2)):
        centre = random.uniform(0, shape[0]) + random.normal(0, 0.02) * place
        continuum = gaussian_filter(random.normal(1, 1, shape[1]), random.uniform(width, 20), mode="wrap")
        light = sky * random.lognormal(1.5, 1.5) * np.maximum(1 + continuum, 0.1)
        frame += light * np.exp(-0.5 * ((rows[:, None] - centre) / width) ** 2)
    frame = np.minimum(frame, _BRIGHTEST)
    return frame if random.integers(2) else np.ascontiguousarray(frame.T[: shape[0], : shape[1]])


def echelle(shape: tuple[int, int], sky: float, psf: PSF, random: np.random.Generator) -> Array:
    """Return curved orders side by side [e-], each a star's continuum with lines, or the sharp lines of a lamp."""
    turned = bool(random.integers(2))
    shape = (shape[1], shape[0]) if turned else shape
    rows, along = np.indices(shape, dtype=np.float64)
    width = psf.fwhm / 2.355
    gap = psf.fwhm * random.uniform(2.5, 10)
    bend, tilt = random.normal(0, 8), random.normal(0, 0.05)
    place = along[0] / shape[1] - 0.5
    offset = bend * place**2 + tilt * shape[1] * place
    lamp = random.random() < 0.3
    frame = np.full(shape, 0.1 * sky)
    for centre in np.arange(-gap - abs(bend), shape[0] + gap + abs(bend), gap):
        spectrum = _lines(shape[1], width, random) if lamp else _continuum(shape[1], width, random)
        light = sky * random.lognormal(1.0, 0.5) * spectrum
        frame += light * np.exp(-0.5 * ((rows - centre - offset) / width) ** 2)
    frame = np.minimum(frame * random.lognormal(0.5, 1.0), _BRIGHTEST)
    return np.ascontiguousarray(frame.T) if turned else frame


def _continuum(length: int, width: float, random: np.random.Generator) -> Array:
    """Relative light of a star along an order: a slope, absorption, and now and then a line in emission."""
    absorbed = gaussian_filter(random.normal(0, 1, length), width, mode="wrap") * np.sqrt(width)
    slope = 1 + random.uniform(-0.5, 0.5) * np.linspace(-1, 1, length)
    light = slope * np.clip(1 + 0.8 * np.minimum(absorbed, 0), 0.05, None)
    return np.asarray(light + _lines(length, width, random) * (random.random() < 0.2))


def _lines(length: int, width: float, random: np.random.Generator) -> Array:
    """Relative light of emission lines as wide as the slit."""
    light, place = np.zeros(length), np.arange(length)
    for _ in range(random.poisson(length / 25)):
        light += random.lognormal(0, 1.5) * np.exp(-0.5 * ((place - random.uniform(0, length)) / width) ** 2)
    return light
