"""Frames with known cosmic rays to score detectors on."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from shared_io import fits

from cosmic_conn.simulate.frames import Detector, Scene, expose
from cosmic_conn.simulate.optics import PSF, stars
from cosmic_conn.simulate.tracks import Particles, shower

__all__ = ["Case", "real_cases", "simulated_cases"]

Array = npt.NDArray[np.float32]

_SKY, _READ_NOISE = 200.0, 8.0
_LINEAR = 0.95  # of full well: the level that headers give


@dataclass(frozen=True)
class Case:
    """A frame to score on.

    Attributes
    ----------
    name
        What the table calls it.
    pixels : ndarray of float32
        The frame [e-].
    charge : ndarray of float32
        Of its cosmic rays [e-].
    light : ndarray of float32
        Of its sources above the sky [e-].
    noise
        Of the sky [e-].
    read_noise, saturation
        Of the camera [e-].
    """

    name: str
    pixels: Array
    charge: Array
    light: Array
    noise: float
    read_noise: float
    saturation: float


def simulated_cases(stamps: Sequence[Array], seed: int) -> list[Case]:
    """Return the simulated cases.

    Parameters
    ----------
    stamps
        Charge of real cosmic rays that no detector has learnt from [e-]; without them the cases of real cosmic rays
        are left out.
    seed
        Of all random numbers.
    """
    makers: dict[str, Callable[[np.random.Generator], Case]] = {}
    for fwhm in (3.5, 1.5, 6.0) if stamps else ():
        particles = Particles(0, 0, 0, 0, stamps=400)
        makers[f"real tracks, seeing {fwhm}"] = lambda r, f=fwhm, p=particles: _field(r, f, p, stamps)  # type: ignore[misc]
    thin = Particles(60, 40, 40, 60, thickness=1.0, diffusion=0.3, charge=600)
    thick = Particles(60, 40, 20, 20, thickness=15.0, diffusion=0.6, charge=600)
    makers["simulated, thin sensor"] = lambda r: _field(r, 2.5, thin, ())
    makers["simulated, thick sensor"] = lambda r: _field(r, 3.5, thick, ())
    makers["lines among 100 stars"] = _lines
    makers["saturated stars, no cosmic rays"] = _saturated
    found = []
    for index, (name, make) in enumerate(makers.items()):
        case = make(np.random.default_rng([seed, index]))
        found.append(Case(name, case.pixels, case.charge, case.light, case.noise, case.read_noise, case.saturation))
    return found


def real_cases(folder: str | os.PathLike[str]) -> list[Case]:
    """Return the cases made from real frames in a folder, as far as they are there.

    M51 with artificial cosmic rays: ``m51_artificial/m51_org.fits`` and ``m51_with_cosmicrays.fits``; the difference
    of the two is the charge.
    """
    with_rays, without = (Path(folder, "m51_artificial", f"m51_{n}.fits") for n in ("with_cosmicrays", "org"))
    if not (with_rays.is_file() and without.is_file()):
        return []
    pixels, clean = (fits.read_image(p).data.astype(np.float32) for p in (with_rays, without))
    mask = fits.read_image(with_rays.with_name("m51_mask.fits")).data > 0
    noise = float(np.median(np.abs(np.diff(clean, axis=1))) / 0.9539)
    # What the mask names is true whatever its charge, and nothing else is.
    charge = np.where(mask, np.maximum(pixels - clean, 6 * noise), 0).astype(np.float32)
    light = clean - np.float32(np.percentile(clean, 10))
    return [Case("M51, artificial tracks", pixels, charge, light, noise, noise, float("inf"))]


def _field(random: np.random.Generator, fwhm: float, particles: Particles, stamps: Sequence[Array]) -> Case:
    """A field of 400 stars of any brightness, with particles."""
    shape = (1024, 1024)
    flux = np.minimum(60 * fwhm * random.random(400) ** -1.6, 3e5)
    light = stars(shape, flux, PSF(fwhm, 3.0, 0.96), random)
    return _case(shape, light, shower(shape, particles, random, stamps), random)


def _lines(random: np.random.Generator) -> Case:
    """Straight tracks one pixel wide among 100 stars, 1001 pixels a side, as BANZAI tests its detector."""
    shape = (1001, 1001)
    light = stars(shape, random.uniform(1e3, 5e4, 100), PSF(4.0, 4.0), random)
    charge = np.zeros(shape, dtype=np.float32)
    for _ in range(100):
        angle, length = random.uniform(0, 2 * np.pi), random.uniform(5, 50)
        along = np.arange(0, length, 0.5)
        y, x = random.uniform(0, 1001, 2)
        rows, columns = np.round(y + along * np.sin(angle)), np.round(x + along * np.cos(angle))
        inside = (rows >= 0) & (rows < 1001) & (columns >= 0) & (columns < 1001)
        charge[rows[inside].astype(int), columns[inside].astype(int)] = random.uniform(100, 5000)
    return _case(shape, light, charge, random)


def _saturated(random: np.random.Generator) -> Case:
    """Stars far beyond full well, with bleeds, in good seeing, and no cosmic rays."""
    shape = (1024, 1024)
    flux = 10 ** random.uniform(5, 7.5, 60)
    light = stars(shape, flux, PSF(2.2, 3.0, spikes=0.003), random)
    return _case(shape, light, np.zeros(shape, dtype=np.float32), random)


def _case(shape: tuple[int, int], light: npt.NDArray[np.float64], charge: Array, random: np.random.Generator) -> Case:
    camera = Detector(gain=1.0, read_noise=_READ_NOISE, full_well=1e5)
    frame = expose(Scene((light + _SKY).astype(np.float32), PSF(1.0), _SKY), charge, camera, random)
    noise = float(np.sqrt(_SKY + _READ_NOISE**2))
    return Case("", frame.pixels, charge, light.astype(np.float32), noise, _READ_NOISE, _LINEAR * camera.full_well)
