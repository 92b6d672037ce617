"""Training samples: simulated frames, shown as at detection, with the truth about their pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cosmic_conn.kernels.masks import grow
from cosmic_conn.simulate.drawing import draw_detector, draw_scene
from cosmic_conn.simulate.frames import expose
from cosmic_conn.simulate.tracks import Particles, shower
from cosmic_conn.sky import Plane, Sky

__all__ = ["Mixture", "Sample", "draw_batch", "draw_sample"]

Array = npt.NDArray[np.float32]

_FAINT = 1.0  # charge below which a pixel has no cosmic ray [noise]
_CLEAR = 3.5  # charge from which it has one; between the two no answer is asked for [noise]
_SOURCE = 5.0  # light above the sky from which a pixel is in a source [noise of the sky]
_REACH = 4  # how far around it [pixel]
_REAL = 0.05  # share of samples on real frames, where there are any


@dataclass(frozen=True)
class Mixture:
    """What the samples are like.

    Attributes
    ----------
    sharp
        Share of the scenes of which the stars are undersampled.
    dense
        Share of the frames with five to twenty times the usual number of particles.
    lines
        Expected tracks of even charge in a frame of 256 x 256 pixels, of usual rates.
    beside
        Weight of a pixel without charge that touches a clear one: masks are to be no wider than the tracks.
    bright
        Weight of a pixel in the light of a source.
    around
        Weight of a pixel around a saturated star or bleed.
    rare
        How often, of what is usual, there are echelle spectra, halos, satellites and overscan.
    """

    sharp: float = 0.25
    dense: float = 0.08
    lines: float = 5.0
    beside: float = 2.0
    bright: float = 1.0
    around: float = 3.0
    rare: float = 1.0


@dataclass(frozen=True)
class Sample:
    """What the network sees, what it should answer, and which answers count; three arrays of one shape."""

    shown: Array
    answer: Array
    weight: Array


def draw_sample(
    side: int,
    knee: float,
    random: np.random.Generator,
    stamps: Sequence[Array] = (),
    backgrounds: Sequence[Array] = (),
    mixture: Mixture = Mixture(),
) -> Sample:
    """Return a sample from a frame drawn at random.

    Parameters
    ----------
    side
        Of the frame [pixel].
    knee
        Of the soft clip [noise].
    random
        Source of randomness.
    stamps
        Charge of real cosmic rays to inject beside the simulated ones [e-].
    backgrounds
        Real images without cosmic rays, in any unit: one sample in twenty is made on one of them.
    mixture
        What the samples are like.
    """
    if backgrounds and random.random() < _REAL:
        return _on_real(backgrounds[int(random.integers(len(backgrounds)))], side, knee, random, stamps, mixture)
    shape = (side, side)
    scene, detector = draw_scene(shape, random, mixture.sharp, mixture.rare), draw_detector(random)
    noise = float(np.sqrt(scene.sky + detector.read_noise**2))
    frame = expose(scene, _draw_charge(side, noise, random, stamps, mixture), detector, random)
    lost = _draw_lost(shape, random)
    level = frame.saturation * random.uniform(0.9, 1)  # headers give a level somewhat below full well, or none
    plane = Plane(frame.pixels, lost, level if random.random() < 0.7 else None)
    weight = _weights(scene.light - scene.sky > _SOURCE * noise, frame.saturated, mixture)
    weight *= ~(frame.saturated | lost)
    return _sample(plane, Sky.measure(plane), knee, frame.charge / frame.noise, weight, mixture.beside)


def draw_batch(
    samples: Sequence[Sample], count: int, side: int, random: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Return random crops of random samples, turned and mirrored: three arrays of shape (count, 1, side, side)."""
    crops = []
    for _ in range(count):
        sample = samples[int(random.integers(len(samples)))]
        y, x = random.integers(sample.shown.shape[0] - side + 1, size=2)
        turns, mirror = int(random.integers(4)), int(random.integers(2))
        parts = (sample.shown, sample.answer, sample.weight)
        turned = (np.rot90(part[y : y + side, x : x + side], turns) for part in parts)
        crops.append([part[::-1] if mirror else part for part in turned])
    shown, answer, weight = (np.stack(parts)[:, None] for parts in zip(*crops, strict=True))
    return shown, answer, weight


def _on_real(
    image: Array, side: int, knee: float, random: np.random.Generator, stamps: Sequence[Array], mixture: Mixture
) -> Sample:
    """Return a sample on a real image, mirrored at its edges where it is too small.

    What light adds to the noise of the sky is not known there; a source a hundred times the noise is taken to double
    its variance.
    """
    y, x = (int(random.integers(max(n - side, 0) + 1)) for n in image.shape)
    cut = image[y : y + side, x : x + side]
    cut = np.pad(cut, [(0, side - n) for n in cut.shape], mode="symmetric")
    level, noise = Sky.measure(Plane(cut)).rows(0, side)
    light = np.maximum((cut - level) / noise, 0)
    spread, charge = np.sqrt(1 + light / 100), _draw_charge(side, 1.0, random, stamps, mixture)
    lost = _draw_lost(cut.shape, random)
    charged = Plane(cut + charge * noise, lost)
    weight = _weights(light > _SOURCE, np.zeros_like(lost), mixture) * ~lost
    return _sample(charged, Sky.measure(charged), knee, charge / spread, weight, mixture.beside)


def _draw_charge(
    side: int, noise: float, random: np.random.Generator, stamps: Sequence[Array], mixture: Mixture
) -> Array:
    """Return the charge of random particles, in units of `noise` times those of the noise."""
    scale = np.float32(noise / 8 * random.lognormal(0, 0.5))  # the stamps are from frames of about 8 e- noise
    return shower(
        (side, side), _draw_particles(side, noise, random, mixture), random, [stamp * scale for stamp in stamps]
    )


def _draw_particles(side: int, noise: float, random: np.random.Generator, mixture: Mixture) -> Particles:
    """Return a random detector and a rate: once in a while five to twenty times the usual one."""
    rate = (
        random.choice([0.5, 1, 2])
        if random.random() < 1 - mixture.dense
        else np.exp(random.uniform(np.log(5), np.log(20)))
    )
    area = (side / 256) ** 2 * rate
    return Particles(
        muons=14 * area,
        worms=8 * area,
        spots=10 * area,
        single=14 * area,
        stamps=25 * area,
        lines=mixture.lines * area * random.choice([0, 1, 4]),
        thickness=float(random.choice([0.7, 1.5, 3.0, 15.0])),
        diffusion=float(random.uniform(0, 0.8)) if random.random() < 0.75 else 0.0,
        charge=float(noise * random.lognormal(np.log(25), 1.0)),
    )


def _weights(bright: npt.NDArray[np.bool_], saturated: npt.NDArray[np.bool_], mixture: Mixture) -> Array:
    """Return how much each pixel counts, by the light that is there."""
    weight = np.where(bright, np.float32(mixture.bright), np.float32(1))
    weight[grow(saturated, _REACH)] = mixture.around
    return weight


def _sample(plane: Plane, sky: Sky, knee: float, strength: Array, weight: Array, counts: float) -> Sample:
    """Return what the network is shown of a plane, and what is asked of it; `strength` is the charge [noise]."""
    shown = sky.normalised(plane, 0, plane.shape[0], knee)
    clear = strength > _CLEAR
    weight = weight * (clear | (strength < _FAINT))
    beside = grow(clear, 1) & ~clear & (weight > 0)
    return Sample(shown, clear.astype(np.float32), np.where(beside, np.maximum(weight, np.float32(counts)), weight))


def _draw_lost(shape: tuple[int, int], random: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Return pixels without a value: in a tenth of the frames some columns and single pixels."""
    lost = np.zeros(shape, dtype=bool)
    if random.random() < 0.1:
        lost[:, random.integers(shape[1], size=random.integers(1, 8))] = True
        lost |= random.random(shape) < 0.002
    return lost
