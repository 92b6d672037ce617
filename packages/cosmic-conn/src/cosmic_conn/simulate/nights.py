"""Nights: fields exposed several times, a little shifted, through air that changes, with one camera and its faults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import fftconvolve

from cosmic_conn.simulate.frames import Detector, Scene, expose
from cosmic_conn.simulate.optics import PSF, placed_stars
from cosmic_conn.simulate.tracks import Particles, shower

__all__ = ["Camera", "Field", "Night", "Shot", "camera_of", "field_of", "shot_of"]

Array = npt.NDArray[np.float32]

_MARGIN = 48  # of a field around a frame: dithers and wings reach so far [pixel]
_DITHER = 12.0  # largest shift of an exposure [pixel]
_TRAIL = 400.0  # charge of a trail of a satellite across its width [e-]


@dataclass(frozen=True)
class Night:
    """What a night is like.

    Attributes
    ----------
    side
        Of the square frames [pixel].
    fields, frames
        How many, and how often each is exposed.
    stars, galaxies
        In a million pixels.
    sky
        Typical level [e-].
    seeing
        Typical full width at half maximum [pixel].
    tracks
        Cosmic rays in a million pixels of an exposure.
    satellites
        Fields of which one exposure is crossed by a satellite; the last ones.
    seed
        Of all random numbers.
    """

    side: int = 512
    fields: int = 2
    frames: int = 3
    stars: int = 400
    galaxies: int = 60
    sky: float = 200.0
    seeing: float = 3.5
    tracks: float = 300.0
    satellites: int = 1
    seed: int = 1

    def __post_init__(self) -> None:
        if self.side < 64 or min(self.fields, self.frames) < 1 or min(self.sky, self.seeing) <= 0:
            raise ValueError("a night has frames of 64 pixels at least, one field, one exposure, a sky and a seeing")


@dataclass(frozen=True)
class Camera:
    """The detector of a night: noise and faults that stay where they are.

    Attributes
    ----------
    detector
        Gain, noise, full well.
    bad : ndarray of uint8, shape (side, side)
        1 in bad columns and lost pixels.
    excess : ndarray of float32, same shape
        Counts that are wrong there, added [ADU].
    """

    detector: Detector
    bad: npt.NDArray[np.uint8]
    excess: Array


@dataclass(frozen=True)
class Field:
    """Stars (y, x, flux) and the light of galaxies on the sky, in pixels from the corner of a wide frame [e-]."""

    stars: npt.NDArray[np.float64]
    galaxies: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Shot:
    """An exposure and what is true of it.

    Attributes
    ----------
    pixels : ndarray of float32, shape (side, side)
        [ADU].
    charge : ndarray of float32, same shape
        Of cosmic rays [e-].
    trail : ndarray of bool, same shape
        Pixels of a satellite.
    shift : (float, float)
        Of the frame on the sky, y and x [pixel].
    seeing, sky
        Full width at half maximum [pixel] and level of the sky [ADU].
    stars : ndarray, shape (n, 3)
        x, y [pixel, from 1] and flux [ADU] of the brighter stars.
    """

    pixels: Array
    charge: Array
    trail: npt.NDArray[np.bool_]
    shift: tuple[float, float]
    seeing: float
    sky: float
    stars: npt.NDArray[np.float64]


def camera_of(night: Night) -> Camera:
    """Return the camera of a night: three bad columns and one lost pixel in ten thousand."""
    random = np.random.default_rng([night.seed, 0])
    shape = (night.side, night.side)
    detector = Detector(gain=1.0, read_noise=8.0, full_well=100_000.0)
    bad = np.zeros(shape, dtype=np.uint8)
    excess = np.zeros(shape, dtype=np.float32)
    for _ in range(3):
        column, start = int(random.integers(night.side)), int(random.integers(night.side // 2))
        bad[start:, column] = 1
        excess[start:, column] = random.choice([-150.0, 300.0, 5000.0])
    lost = random.random(shape) < 1e-4
    bad[lost], excess[lost] = 1, random.uniform(100, 5000, int(lost.sum()))
    return Camera(detector, bad, excess)


def field_of(night: Night, index: int) -> Field:
    """Return one of the fields: stars with number counts of slope -0.6, and exponential disks."""
    random = np.random.default_rng([night.seed, 1, index])
    side = night.side + 2 * _MARGIN
    million = side**2 / 1e6
    count = random.poisson(night.stars * million)
    flux = np.minimum(60 * night.seeing * random.random(count) ** -1.6, 1.5e6)
    places = random.uniform(0, side, (2, count))
    disks = np.zeros((side, side))
    for _ in range(random.poisson(night.galaxies * million)):
        _add_disk(disks, 16 * night.seeing * random.lognormal(3.5, 1.2), random)
    return Field(np.stack([*places, flux], axis=1), disks)


def shot_of(night: Night, camera: Camera, field: Field, index: tuple[int, int], events: Sequence[Array] = ()) -> Shot:
    """Return one exposure.

    Parameters
    ----------
    night, camera, field
        Of it.
    index
        Numbers of the field and of the exposure.
    events
        Charge of real cosmic rays [e-], which then make half of the tracks.
    """
    random = np.random.default_rng([night.seed, 2, *index])
    shape = (night.side, night.side)
    psf = PSF(night.seeing * float(random.uniform(0.92, 1.12)), 3.0, 0.96, float(random.uniform(0, np.pi)))
    clear, sky = float(random.uniform(0.85, 1.0)), night.sky * float(random.uniform(0.9, 1.15))
    dy, dx = (0.0, 0.0) if index[1] == 0 else random.uniform(-_DITHER, _DITHER, 2)
    light, stars = _seen(field, (float(dy), float(dx)), psf, shape)
    slope = 1 + 0.04 * random.normal() * np.linspace(-1, 1, shape[1])[None, :]
    glow, trail = _trail(shape, psf, random) if _crossed(night, index) else (0.0, np.zeros(shape, dtype=bool))
    charge = shower(shape, _particles(night, bool(events)), random, events)
    scene = Scene((clear * light + sky * slope + glow).astype(np.float32), psf, sky)
    frame = expose(scene, charge, camera.detector, random)
    stars[:, 2] *= clear
    return Shot(frame.pixels + camera.excess, charge, trail, (float(dy), float(dx)), psf.fwhm, sky, stars)


def _particles(night: Night, events: bool) -> Particles:
    """Tracks as in thin and thick sensors; half of them are real where there are real ones."""
    tracks = night.tracks * night.side**2 / 1e6 * (0.5 if events else 1.0)
    share = {"muons": 0.35, "worms": 0.3, "spots": 0.2, "single": 0.15}
    numbers = {kind: part * tracks for kind, part in share.items()}
    return Particles(**numbers, stamps=tracks if events else 0, thickness=6.0, diffusion=0.4, charge=900.0)


def _seen(
    field: Field, shift: tuple[float, float], psf: PSF, shape: tuple[int, int]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the light of a field in a shifted frame, and the stars in it (x, y, flux)."""
    y, x = (field.stars[:, axis] - _MARGIN - shift[axis] for axis in (0, 1))
    light = placed_stars(shape, y, x, field.stars[:, 2], psf)
    whole = tuple(round(s) for s in shift)
    rows, columns = (slice(_MARGIN + s, _MARGIN + s + n) for s, n in zip(whole, shape, strict=True))
    rest = [s - w for s, w in zip(shift, whole, strict=True)]
    kernel = psf.image(int(min(10 + 3 * psf.fwhm, 30)), -rest[0], -rest[1])
    reach = len(kernel) // 2
    disks = field.galaxies[rows.start - reach : rows.stop + reach, columns.start - reach : columns.stop + reach]
    light += np.maximum(fftconvolve(disks, kernel, mode="valid"), 0)
    inside = (y > 0) & (y < shape[0] - 1) & (x > 0) & (x < shape[1] - 1) & (field.stars[:, 2] > 30 * psf.fwhm * 16)
    return light, np.stack([x[inside] + 1, y[inside] + 1, field.stars[inside, 2]], axis=1)


def _crossed(night: Night, index: tuple[int, int]) -> bool:
    return index[0] >= night.fields - night.satellites and index[1] == night.frames - 1


def _trail(
    shape: tuple[int, int], psf: PSF, random: np.random.Generator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return the light of a satellite that crosses the frame, and where it is."""
    angle, offset = random.uniform(0.2, 1.3), random.uniform(-0.2, 0.2) * shape[0]
    y, x = np.indices(shape, dtype=np.float64)
    across = (y - shape[0] / 2) * np.cos(angle) - (x - shape[1] / 2) * np.sin(angle) - offset
    light = _TRAIL * np.exp(-0.5 * (across / (psf.fwhm / 2.355)) ** 2)
    return light, light > 0.05 * _TRAIL


def _add_disk(field: npt.NDArray[np.float64], flux: float, random: np.random.Generator) -> None:
    """Add an exponential disk of any size, shape and direction, as far out as it has light."""
    scale, ratio, angle = random.lognormal(np.log(3.0), 0.6), random.uniform(0.25, 1), random.uniform(0, np.pi)
    centre = random.uniform(0, field.shape)
    reach = int(10 * scale) + 1
    low = np.maximum(centre.astype(int) - reach, 0)
    high = np.minimum(centre.astype(int) + reach, field.shape)
    y, x = np.mgrid[low[0] : high[0], low[1] : high[1]].astype(np.float64)
    y, x = y - centre[0], x - centre[1]
    u, v = x * np.cos(angle) + y * np.sin(angle), (y * np.cos(angle) - x * np.sin(angle)) / ratio
    field[low[0] : high[0], low[1] : high[1]] += flux * np.exp(-np.hypot(u, v) / scale) / (2 * np.pi * scale**2 * ratio)
