"""Scenes and detectors drawn at random: what a network learns from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cosmic_conn.simulate.frames import Detector, Scene
from cosmic_conn.simulate.optics import PSF, galaxies, nebula, stars, trail
from cosmic_conn.simulate.spectra import echelle, slit

__all__ = ["draw_detector", "draw_scene"]

Array = npt.NDArray[np.float64]


def draw_detector(random: np.random.Generator) -> Detector:
    """Return a random detector: gains of 0.5 to 5, read noises of 2 to 15 electrons, some with bad columns."""
    return Detector(
        gain=float(random.uniform(0.5, 5)),
        read_noise=float(random.lognormal(np.log(5.5), 0.5)),
        full_well=float(random.uniform(6e4, 2e5)),
        bad_columns=int(random.poisson(0.7)),
        bias=float(random.uniform(0, 1000)),
    )


def draw_scene(shape: tuple[int, int], random: np.random.Generator, sharp: float = 0.25, rare: float = 1.0) -> Scene:
    """Return a random scene: star fields of any density, galaxies, nebulae, satellites, spectra, sloping skies.

    Parameters
    ----------
    shape
        Height and width [pixel].
    random
        Source of randomness.
    sharp
        Share of the scenes of which the stars are undersampled.
    rare
        How often, of what is usual, there are echelle spectra, halos, satellites and overscan.
    """
    psf = _draw_psf(random, sharp, rare)
    sky = float(10 ** random.uniform(0.3, 3.7))
    if random.random() < 0.2:
        spectrum = echelle if random.random() < 0.35 * rare else slit
        return Scene(spectrum(shape, sky, psf, random).astype(np.float32), psf, sky)
    light = _sloping_sky(shape, sky, random)
    noise = float(np.sqrt(sky + 50))
    light += stars(shape, _fluxes(shape, noise, psf.fwhm, random), psf, random)
    few = random.poisson(shape[0] * shape[1] / 12000)
    light += galaxies(shape, noise * psf.fwhm * random.lognormal(4, 1.5, few), psf, random)
    if random.random() < 0.2:
        light += nebula(shape, sky * random.uniform(0.2, 3), psf, random)
    if psf.fwhm > 2 and random.random() < 0.06 * rare:  # a narrower one cannot be told from a particle
        light += trail(shape, noise * random.lognormal(2, 1), psf, random)
    if random.random() < 0.05 * rare:  # columns or rows beyond the light, as overscan is
        dark = light if random.integers(2) else light.T
        dark[:, : int(random.integers(2, 40))] = 0
    return Scene(light.astype(np.float32), psf, sky)


def _fluxes(shape: tuple[int, int], noise: float, fwhm: float, random: np.random.Generator) -> Array:
    """Return the fluxes of stars [e-]: number counts of slope -0.6 a decade, from just invisible to saturated."""
    crowd = random.choice([0.2, 1.0, 1.0, 5.0]) * shape[0] * shape[1] / 2500
    flux = noise * fwhm * 3 * np.minimum(random.random(random.poisson(crowd)) ** -(1 / 0.6), 1e5)
    if random.random() < 0.25:  # stars far beyond full well
        flux = np.append(flux, 10 ** random.uniform(5, 7.5, random.integers(1, 7)))
    return np.asarray(flux)


def _draw_psf(random: np.random.Generator, sharp: float, rare: float) -> PSF:
    """Return a profile of 1.2 to 8 pixels, a part of them undersampled; some elongated, spiky, or out of focus."""
    fwhm = float(np.exp(random.uniform(np.log(1.2), np.log(8 if random.random() < 1 - sharp else 2.4))))
    return PSF(
        fwhm=fwhm,
        beta=float(random.uniform(2.2, 5)),
        ratio=float(1 - abs(random.normal(0, 0.08))) if random.random() < 0.9 else float(random.uniform(0.4, 0.8)),
        angle=float(random.uniform(0, np.pi)),
        ring=float(random.uniform(0.5, 2)) if fwhm > 3 and random.random() < 0.05 else 0.0,
        spikes=float(random.uniform(0.001, 0.01)) if random.random() < 0.35 else 0.0,
        halo=float(10 ** random.uniform(-4, -2.5)) if random.random() < 0.2 * rare else 0.0,
    )


def _sloping_sky(shape: tuple[int, int], sky: float, random: np.random.Generator) -> npt.NDArray[np.float64]:
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    a, b, c = random.normal(0, 0.15, 3)
    return np.asarray(sky * np.clip(1 + a * x + b * y + c * x * y, 0.1, None))
