"""A whole frame: scene, sky, detector and its faults, and the truth about its cosmic rays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cosmic_conn.simulate.optics import PSF

__all__ = ["Detector", "Frame", "Scene", "expose"]

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Scene:
    """Light that falls on the detector.

    Attributes
    ----------
    light : ndarray of float32, shape (height, width)
        Expected electrons of all sources and the sky [e-].
    psf
        Profile of its stars.
    sky
        Level of the empty sky in the middle of the frame [e-].
    """

    light: Array
    psf: PSF
    sky: float


@dataclass(frozen=True)
class Detector:
    """What turns light into numbers.

    Attributes
    ----------
    gain
        [e-/ADU].
    read_noise
        Standard deviation [e-].
    full_well
        Largest charge of a pixel; what is beyond bleeds along the column [e-].
    bad_columns
        How many columns give wrong counts.
    bias
        Added to all pixels [ADU].
    """

    gain: float = 1.0
    read_noise: float = 8.0
    full_well: float = 100_000.0
    bad_columns: int = 0
    bias: float = 0.0


@dataclass(frozen=True)
class Frame:
    """A frame and what is true of it.

    Attributes
    ----------
    pixels : ndarray of float32
        What the camera gives [ADU].
    charge : ndarray of float32
        Charge of cosmic rays [e-].
    noise : ndarray of float32
        Standard deviation of each pixel without the cosmic rays [e-].
    saturated : ndarray of bool
        Pixels at full well, by light alone.
    detector
        What it was taken with.
    """

    pixels: Array
    charge: Array
    noise: Array
    saturated: npt.NDArray[np.bool_]
    detector: Detector

    @property
    def saturation(self) -> float:
        """Full well as it shows in the pixels [ADU]."""
        return self.detector.full_well / self.detector.gain + self.detector.bias


def expose(scene: Scene, charge: Array, detector: Detector, random: np.random.Generator) -> Frame:
    """Return what the detector makes of a scene and the charge of cosmic rays.

    Parameters
    ----------
    scene
        The light.
    charge : ndarray of float32
        From `shower` [e-].
    detector
        Its noise, gain and faults.
    random
        Source of randomness.
    """
    light, saturated = _bleed(random.poisson(scene.light).astype(np.float32), detector.full_well)
    noisy = light + random.normal(0, detector.read_noise, light.shape)
    pixels = np.minimum(noisy + charge, detector.full_well) / detector.gain
    for _ in range(detector.bad_columns):
        _spoil_column(pixels, random)
    pixels = np.round(pixels + detector.bias)
    noise = np.sqrt(scene.light + detector.read_noise**2)
    return Frame(pixels.astype(np.float32), charge, noise.astype(np.float32), saturated, detector)


def _bleed(light: Array, full_well: float) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Move charge beyond full well up and down its column, half each way, until it finds room."""
    excess = np.maximum(light - full_well, 0) / 2
    light = np.minimum(light, full_well)
    for column in np.flatnonzero(excess.any(axis=0)):
        for order in (range(len(light)), reversed(range(len(light)))):
            carried = 0.0
            for row in order:
                carried += float(excess[row, column])
                taken = min(carried, full_well - float(light[row, column]))
                light[row, column] += taken
                carried -= taken
    return light, light >= full_well * (1 - 1e-6)


def _spoil_column(pixels: npt.NDArray[np.float64], random: np.random.Generator) -> None:
    """Give one column, or its end, an offset, another gain, or no counts at all."""
    x, y = int(random.integers(pixels.shape[1])), int(random.integers(pixels.shape[0])) * int(random.integers(2))
    kind = random.integers(3)
    if kind == 0:
        pixels[y:, x] += random.normal(0, 10) * pixels.std()
    elif kind == 1:
        pixels[y:, x] *= random.uniform(0, 1.5)
    else:
        pixels[y:, x] = 0
