"""The charge that particles leave in a detector.

Muons cross it on straight lines and leave about 80 electrons a micron with the fluctuations of Landau (here Moyal's
approximation, 1955, Phil. Mag. 46, 263), spread by diffusion that grows with the depth; electrons of low energy are
scattered into worms that end in a thick spot (Groom 2002, Experimental Astronomy 14, 45); X-rays and hot moments are
spots and single pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Particles", "shower"]

Array = npt.NDArray[Any]

_PER_PIXEL = 10  # points of charge a pixel of track


@dataclass(frozen=True)
class Particles:
    """How many of which kind, and the detector they meet.

    Attributes
    ----------
    muons, worms, spots, single, stamps, lines
        Expected numbers of each kind in the frame; `stamps` are real events, `lines` are straight and of even charge,
        up to 4 pixels wide.
    thickness
        Of the sensitive layer [pixel].
    diffusion
        Largest spread of charge, of that from the far side [pixel, standard deviation].
    charge
        Median charge of a pixel of track [e-].
    """

    muons: float = 10
    worms: float = 6
    spots: float = 6
    single: float = 6
    stamps: float = 0
    lines: float = 0
    thickness: float = 2.0
    diffusion: float = 0.3
    charge: float = 1500.0


def shower(
    shape: tuple[int, int], particles: Particles, random: np.random.Generator, stamps: Sequence[Array] = ()
) -> Array:
    """Return the charge of a random number of particles.

    Parameters
    ----------
    shape
        Height and width of the frame [pixel].
    particles
        What falls on it.
    random
        Source of randomness.
    stamps
        Charge of real events [e-], each shape (h, w); drawn from, turned and mirrored, where ``particles.stamps`` > 0.

    Returns
    -------
    ndarray of float32
        Charge of each pixel [e-].
    """
    frame = np.zeros(shape, dtype=np.float64)
    makers = {
        _muon: particles.muons,
        _worm: particles.worms,
        _spot: particles.spots,
        _single: particles.single,
        _line: particles.lines,
    }
    for maker, expected in makers.items():
        for _ in range(random.poisson(expected)):
            y, x, charge = maker(particles, random)
            _deposit(frame, y + random.uniform(0, shape[0]), x + random.uniform(0, shape[1]), charge)
    for _ in range(random.poisson(particles.stamps) if stamps else 0):
        _place(frame, stamps[int(random.integers(len(stamps)))], random)
    return frame.astype(np.float32)


def _muon(p: Particles, random: np.random.Generator) -> tuple[Array, Array, Array]:
    """A straight track: the zenith angle of muons goes as cos^2, on a detector of any tilt."""
    slope = np.tan(np.arccos(random.uniform(0.02, 1) ** (1 / 3)))
    length = min(p.thickness * slope, 400.0) + 0.3
    depth = np.linspace(0, 1, max(int(length * _PER_PIXEL), 8))
    angle = random.uniform(0, 2 * np.pi)
    loss = _landau(len(depth), random) * _strength(p, random) * length / len(depth)
    return _spread(np.sin(angle) * length * depth, np.cos(angle) * length * depth, loss, p.diffusion * depth, random)


def _worm(p: Particles, random: np.random.Generator) -> tuple[Array, Array, Array]:
    """An electron that is scattered more the slower it gets, and loses more charge there."""
    count = int(random.uniform(2, 30) * _PER_PIXEL)
    left = np.linspace(1, 0.05, count)
    turn = np.cumsum(random.normal(0, 0.12, count) / left**0.8) + random.uniform(0, 2 * np.pi)
    loss = _landau(count, random) * _strength(p, random) * left**-0.5 / _PER_PIXEL
    y, x = np.cumsum(np.sin(turn)) / _PER_PIXEL, np.cumsum(np.cos(turn)) / _PER_PIXEL
    return _spread(y, x, loss, np.full(count, p.diffusion * random.uniform(0.2, 1)), random)


def _spot(p: Particles, random: np.random.Generator) -> tuple[Array, Array, Array]:
    """A compact cloud: an X-ray or an alpha particle."""
    zero = np.zeros(60)
    size = np.full(60, random.uniform(0.1, 0.3 + 0.6 * p.diffusion))
    return _spread(zero, zero, np.full(60, _strength(p, random) * random.uniform(0.5, 4) / 60), size, random)


def _single(p: Particles, random: np.random.Generator) -> tuple[Array, Array, Array]:
    """All charge in one pixel, wherever in it."""
    zero = np.zeros(1)
    return zero, zero, np.full(1, _strength(p, random))


def _line(p: Particles, random: np.random.Generator) -> tuple[Array, Array, Array]:
    """A straight track of even charge: each pixel it goes through gets the same, or it is spread a little."""
    angle, length = random.uniform(0, 2 * np.pi), random.lognormal(np.log(15), 0.8)
    width = random.choice([1, 1, 2, 3, 4])
    along, across = np.meshgrid(np.arange(0, length, 0.5), (np.arange(2 * width - 1) - width + 1) / 2)
    y = np.round(along * np.sin(angle) + across * np.cos(angle)).ravel()
    x = np.round(along * np.cos(angle) - across * np.sin(angle)).ravel()
    y, x = np.unique(np.stack([y, x]), axis=1)
    charge = np.full(len(y), _strength(p, random))
    if random.random() < 0.5:
        return y, x, charge
    return _spread(y, x, charge, np.full(len(y), p.diffusion), random)


def _strength(p: Particles, random: np.random.Generator) -> float:
    return float(p.charge * random.lognormal(0, 0.9))


def _landau(count: int, random: np.random.Generator) -> Array:
    """Relative energy losses along a track, after Moyal: minus the logarithm of a chi-square of one degree."""
    loss = 1 + 0.25 * (-np.log(np.maximum(random.normal(size=count) ** 2, 1e-6)) - 1.27)
    return np.asarray(np.clip(loss, 0.1, 6))


def _spread(y: Array, x: Array, charge: Array, size: Array, random: np.random.Generator) -> tuple[Array, Array, Array]:
    """Diffusion: each point of charge becomes four around it."""
    y, x, charge, size = (np.repeat(a, 4) for a in (y, x, charge / 4, size))
    return y + random.normal(size=len(y)) * size, x + random.normal(size=len(x)) * size, charge


def _deposit(frame: npt.NDArray[np.float64], y: Array, x: Array, charge: Array) -> None:
    rows, columns = np.floor(y).astype(np.int64), np.floor(x).astype(np.int64)
    inside = (rows >= 0) & (rows < frame.shape[0]) & (columns >= 0) & (columns < frame.shape[1])
    np.add.at(frame, (rows[inside], columns[inside]), charge[inside])


def _place(frame: npt.NDArray[np.float64], stamp: Array, random: np.random.Generator) -> None:
    """Add a stamp, turned by a multiple of 90 degrees and perhaps mirrored; it may stick out of the frame."""
    stamp = np.rot90(stamp, int(random.integers(4)))
    stamp = stamp[::-1] if random.integers(2) else stamp
    y, x = (int(random.integers(-n // 2, size - n // 2)) for n, size in zip(stamp.shape, frame.shape, strict=True))
    top, left = max(y, 0), max(x, 0)
    bottom, right = min(y + stamp.shape[0], frame.shape[0]), min(x + stamp.shape[1], frame.shape[1])
    if bottom > top and right > left:
        frame[top:bottom, left:right] += stamp[top - y : bottom - y, left - x : right - x]
