"""Training samples: simulated frames, shown as at detection, with the truth about their pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cosmic_conn.kernels.masks import grow
from cosmic_conn.simulate.frames import Frame, draw_detector, draw_scene, expose
from cosmic_conn.simulate.tracks import Particles, shower
from cosmic_conn.sky import Plane, Sky

__all__ = ["Sample", "draw_batch", "draw_sample"]

Array = npt.NDArray[np.float32]

_FAINT = 1.0  # charge below which a pixel has no cosmic ray [noise]
_BESIDE = 2.0  # weight of a pixel without charge that touches a clear one: masks are to be no wider than the tracks
_CLEAR = 3.5  # charge from which it has one; between the two no answer is asked for [noise]


@dataclass(frozen=True)
class Sample:
    """What the network sees, what it should answer, and which answers count; three arrays of one shape."""

    shown: Array
    answer: Array
    weight: Array


def draw_sample(side: int, knee: float, random: np.random.Generator, stamps: Sequence[Array] = ()) -> Sample:
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
    """
    shape = (side, side)
    scene, detector = draw_scene(shape, random), draw_detector(random)
    noise = float(np.sqrt(scene.sky + detector.read_noise**2))
    particles = _draw_particles(side, noise, random)
    scale = np.float32(noise / 8 * random.lognormal(0, 0.5))  # the stamps are from frames of about 8 e- noise
    charge = shower(shape, particles, random, [stamp * scale for stamp in stamps])
    return _sample(expose(scene, charge, detector, random), knee, random)


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


def _draw_particles(side: int, noise: float, random: np.random.Generator) -> Particles:
    """Return a random detector and a rate: once in a while ten times the usual one."""
    area = (side / 256) ** 2 * random.choice([0.5, 1, 1, 2, 10], p=[0.2, 0.3, 0.3, 0.15, 0.05])
    return Particles(
        muons=14 * area,
        worms=8 * area,
        spots=10 * area,
        single=14 * area,
        stamps=25 * area,
        thickness=float(random.choice([0.7, 1.5, 3.0, 15.0])),
        diffusion=float(random.uniform(0, 0.8)) if random.random() < 0.75 else 0.0,
        charge=float(noise * random.lognormal(np.log(25), 1.0)),
    )


def _sample(frame: Frame, knee: float, random: np.random.Generator) -> Sample:
    lost = _draw_lost(frame.pixels.shape, random)
    level = frame.saturation * random.uniform(0.9, 1)  # headers give a level somewhat below full well, or none
    plane = Plane(frame.pixels, lost, level if random.random() < 0.7 else None)
    shown = Sky.measure(plane).normalised(plane, 0, plane.shape[0], knee)
    strength = frame.charge / frame.noise
    clear = strength > _CLEAR
    counts = (clear | (strength < _FAINT)) & ~frame.saturated & ~lost
    weight = np.where(grow(clear, 1) & ~clear, np.float32(_BESIDE), np.float32(1)) * counts
    return Sample(shown, clear.astype(np.float32), weight)


def _draw_lost(shape: tuple[int, int], random: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Return pixels without a value: in a tenth of the frames some columns and single pixels."""
    lost = np.zeros(shape, dtype=bool)
    if random.random() < 0.1:
        lost[:, random.integers(shape[1], size=random.integers(1, 8))] = True
        lost |= random.random(shape) < 0.002
    return lost
