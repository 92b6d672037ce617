"""What is mistaken for a source, and sources as they really look: pictures in units of the background's noise.

All are drawn around the central pixel of a square; every parameter comes from a generator of random numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from otrain.kernels.injection import shifted

__all__ = ["ARTIFACTS", "source"]

Array = npt.NDArray[Any]
Rng = np.random.Generator


def source(side: int, fwhm: float, snr: float, rng: Rng) -> Array:
    """Return a point source with its noise, and with the faults of real differences.

    A Moffat profile of random exponent, a little elongated and off the centre; its flux is what gives the
    signal-to-noise ratio in the optimal sum, F = S/N / sqrt(sum(psf^2)) (King 1983, PASP 95, 163), in front of the
    background alone. Some lose part of their core to a template of another width.

    Parameters
    ----------
    side : int
        Of the picture [pixel]; odd.
    fwhm : float
        Full width at half maximum [pixel].
    snr : float
        Signal-to-noise ratio.
    rng : numpy.random.Generator
    """
    psf = _profile(side, fwhm * rng.uniform(0.95, 1.2), rng)
    picture = psf * (snr / np.sqrt(np.square(psf).sum()))
    picture *= 1 + rng.normal(0, rng.uniform(0, 0.06), picture.shape)
    if rng.random() < 0.3:
        other = _profile(side, fwhm * rng.uniform(0.8, 1.3), rng)
        picture += (psf - other) * picture.sum() * rng.uniform(0, 0.15)
    return picture + rng.normal(size=picture.shape) * np.sqrt(np.maximum(picture, 0) * rng.uniform(0.1, 1))


def spot(side: int, fwhm: float, rng: Rng) -> Array:
    """Return a hot pixel or the core of a cosmic ray, sharper than any source."""
    picture = _blob(side, rng.uniform(0.25, 0.55), rng.uniform(-0.5, 0.5, 2), rng.uniform(0.6, 1), _angle(rng))
    if rng.random() < 0.3:
        picture += rng.uniform(0.3, 1) * _blob(side, rng.uniform(0.25, 0.55), rng.integers(-1, 2, 2))
    picture *= _height(rng, 5, 300)
    if rng.random() < 0.5:  # the dip that a matched filter leaves around it
        picture -= _blob(side, 1.2, (0, 0)) * picture.max() * rng.uniform(0, 0.15)
    return picture


def track(side: int, fwhm: float, rng: Rng) -> Array:
    """Return the track of a particle or a satellite."""
    length, angle, width = rng.exponential(5) + 1, _angle(rng), rng.uniform(0.35, 0.9)
    picture = np.zeros((side, side))
    for t in np.arange(-length / 2, length / 2, 0.4) + rng.uniform(-0.3, 0.3) * length:
        picture += _blob(side, width, (t * np.sin(angle), t * np.cos(angle))) * rng.uniform(0.6, 1)
    return picture * (_height(rng, 3, 100) / picture.max())


def band(side: int, fwhm: float, rng: Rng) -> Array:
    """Return a bleeding or bad row (or column), or the edge of a bright region."""
    y = np.arange(side) - side // 2
    if rng.random() < 0.4:
        across = np.where(y > rng.integers(-8, 14), 1.0, 0.0) * _height(rng, 1, 100) * rng.choice([-1, 1])
    else:
        across = np.exp(-0.5 * ((y - rng.uniform(-2, 2)) / rng.uniform(0.5, 5)) ** 2) * _height(rng, 0.7, 30)
    along = np.clip(1 + np.arange(side) / side * rng.uniform(-1, 1), 0, 2)
    picture = across[:, None] * along
    return picture if rng.random() < 0.5 else picture.T


def dipole(side: int, fwhm: float, rng: Rng) -> Array:
    """Return what is left of a star whose template lies beside it, is fainter, or has another width."""
    psf = _profile(side, fwhm * rng.uniform(0.9, 1.2), rng)
    flux = _height(rng, 30, 3000) / np.sqrt(np.square(psf).sum())
    other = shifted(psf, *rng.normal(0, 0.25, 2))
    if rng.random() < 0.5:
        other = (other + _profile(side, fwhm * rng.uniform(0.75, 1.3), rng)) / 2
    return flux * (psf - other * rng.uniform(0.85, 1.05))


def saturated(side: int, fwhm: float, rng: Rng) -> Array:
    """Return what is left of a star whose core is flat, or full of holes."""
    psf = _profile(side, fwhm * rng.uniform(1, 1.5), rng)
    star = psf * (_height(rng, 200, 5000) / np.sqrt(np.square(psf).sum()))
    full = star.max() * rng.uniform(0.1, 0.7)
    picture = np.minimum(star, full)
    if rng.random() < 0.8:
        core = picture * rng.uniform(-1, 0.8) * (1 + rng.normal(0, 0.3, picture.shape))
        picture = np.where(star > full, core, picture)
    return picture - np.minimum(shifted(star, *rng.normal(0, 0.2, 2)), full) * rng.uniform(0, 0.9)


def diffuse(side: int, fwhm: float, rng: Rng) -> Array:
    """Return a ghost or a reflection, wider than any source."""
    width = rng.uniform(1.0, 3.5) * fwhm
    picture = _blob(side, width, rng.uniform(-4, 4, 2), rng.uniform(0.4, 1), _angle(rng))
    return picture * _height(rng, 0.5, 8)


ARTIFACTS: dict[str, Callable[[int, float, Rng], Array]] = {
    "spot": spot, "track": track, "band": band, "dipole": dipole, "saturated": saturated, "diffuse": diffuse,
}  # fmt: skip
"""By name: (side, FWHM of the PSF, generator) -> picture."""


def _profile(side: int, fwhm: float, rng: Rng) -> Array:
    """A Moffat profile of unit sum, off the centre by up to 0.6 pixels and flattened by up to 15 %."""
    beta, angle, flat = rng.uniform(2.5, 5), _angle(rng), 1 - rng.uniform(0, 0.15)
    along, across = _turned(side, rng.uniform(-0.6, 0.6, 2), angle)
    alpha = fwhm / (2 * np.sqrt(2 ** (1 / beta) - 1))
    picture: Array = (1 + (along**2 / flat + across**2 * flat) / alpha**2) ** -beta
    return picture / picture.sum()


def _blob(side: int, width: float, centre: Any, flat: float = 1.0, angle: float = 0.0) -> Array:
    """A Gaussian of height 1; `width` is its standard deviation, that across is `flat` times as large [pixel]."""
    along, across = _turned(side, centre, angle)
    return np.asarray(np.exp(-(along**2 + (across / flat) ** 2) / (2 * width**2)))


def _turned(side: int, centre: Any, angle: float) -> tuple[Array, Array]:
    y, x = np.mgrid[:side, :side] - side // 2
    dy, dx = y - centre[0], x - centre[1]
    return dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)


def _angle(rng: Rng) -> float:
    return float(rng.uniform(0, np.pi))


def _height(rng: Rng, low: float, high: float) -> float:
    """Drawn evenly in its logarithm."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
