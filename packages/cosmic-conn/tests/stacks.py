"""Stacks of frames with known cosmic rays, for the tests of labelling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cosmic_conn.labelling.stack import Stack
from cosmic_conn.simulate.optics import PSF, galaxies, stars
from cosmic_conn.simulate.tracks import Particles, shower

SKY, READ_NOISE = 200.0, 8.0
SIGMA = float(np.sqrt(SKY + READ_NOISE**2))
TRACKS = Particles(muons=10, worms=8, spots=6, single=5, thickness=3.0, charge=900)


def field(shape: tuple[int, int], count: int, seed: int = 0, fwhm: float = 3.5) -> np.ndarray:
    """Light of stars and a few galaxies [e-]."""
    random = np.random.default_rng(seed)
    psf = PSF(fwhm, 3.0, 0.96)
    flux = np.minimum(60 * fwhm * random.random(count) ** -1.6, 3e5)
    return stars(shape, flux, psf, random) + galaxies(
        shape, 16 * fwhm * random.lognormal(4, 1, count // 10), psf, random
    )


def exposures(light: np.ndarray, count: int, seed: int = 1, sky: float = SKY, noise: float = READ_NOISE) -> np.ndarray:
    """Frames of the same light with their own noise [e-]."""
    random = np.random.default_rng(seed)
    frames = [random.poisson(light + sky) + random.normal(0, noise, light.shape) for _ in range(count)]
    return np.array(frames, dtype=np.float32)


def showers(
    shape: tuple[int, int], count: int, seed: int = 2, particles: Particles = TRACKS, events: Sequence[np.ndarray] = ()
) -> np.ndarray:
    """Charge of cosmic rays in each frame [e-]."""
    random = np.random.default_rng(seed)
    return np.array([shower(shape, particles, random, events) for _ in range(count)])


def stacked(frames: np.ndarray, noise: float = READ_NOISE, **more: object) -> Stack:
    """A stack in which every pixel is valid."""
    valid = np.ones(frames.shape[1:], dtype=bool)
    return Stack(frames.astype(np.float32), valid, np.full(len(frames), noise), **more)  # type: ignore[arg-type]
