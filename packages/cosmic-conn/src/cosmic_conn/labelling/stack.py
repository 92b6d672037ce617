"""What labelling works on, what it is told, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

__all__ = ["BORDER", "INVALID", "SINGLE", "SOURCE", "Labels", "Rejected", "Rules", "Stack"]

BORDER, INVALID, SOURCE, SINGLE = 1, 2, 4, 8
"""Bits of the ignore mask."""

Noise = Literal["measured", "model"]


class Rejected(Exception):
    """A stack that gives no labels, for a reason that is no error."""


@dataclass(frozen=True)
class Stack:
    """Frames on one grid; arrays of other types are converted.

    Attributes
    ----------
    frames : ndarray of float32, shape (N, height, width)
        [e-].
    valid : ndarray of bool, shape (height, width)
        Where every frame has a value.
    read_noise : ndarray of float64, shape (N,)
        Standard deviation [e-].
    saturation
        Charge from which a pixel is full [e-]; infinity where it is not known.
    small
        Whether they are of a 0.4 m telescope of LCO, whose gain is solved for.
    """

    frames: npt.NDArray[np.float32]
    valid: npt.NDArray[np.bool_]
    read_noise: npt.NDArray[np.float64]
    saturation: float = float("inf")
    small: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "frames", np.asarray(self.frames, dtype=np.float32))
        object.__setattr__(self, "valid", np.asarray(self.valid, dtype=bool))
        object.__setattr__(self, "read_noise", np.asarray(self.read_noise, dtype=np.float64))
        if self.frames.ndim != 3 or len(self.frames) < 2 or len(self.read_noise) != len(self.frames):
            raise ValueError("a stack has two frames at least, and a read noise for each")
        if self.valid.shape != self.frames.shape[1:]:
            raise ValueError("the mask of valid pixels must have the shape of a frame")

    def without(self, rejected: npt.NDArray[np.bool_]) -> Stack:
        """Return the stack without some frames."""
        kept = ~rejected
        return Stack(self.frames[kept], self.valid, self.read_noise[kept], self.saturation, self.small)


@dataclass(frozen=True)
class Rules:
    """How to label.

    Attributes
    ----------
    snr_thres, snr_thres_low
        Signal-to-noise ratios of the core and of the edge of a cosmic ray.
    dilation
        How far the edge may be from the core [pixel].
    flood_fill
        Whether the edge is all that is connected to the core, however far.
    min_cr_size
        Pixels of the smallest cosmic ray.
    border
        Pixels at the edges of a frame that are left out.
    min_frames
        Fewest frames of a stack; where the rejection of frames leaves fewer, the stack gives no labels.
    min_cr_fraction
        Share of pixels in cosmic rays below which a stack gives no labels.
    noise
        ``measured``: the noise of the sky is that of the differences between frames; ``model``: that of the sky's
        level and the read noise.
    compat
        Whether the labels are those of Cosmic-CoNN 0.6.
    """

    snr_thres: float = 5.0
    snr_thres_low: float = 2.5
    dilation: int = 1
    flood_fill: bool = False
    min_cr_size: int = 3
    border: int = 5
    min_frames: int = 2
    min_cr_fraction: float = 1e-5
    noise: Noise = "measured"
    compat: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.snr_thres_low <= self.snr_thres:
            raise ValueError("the thresholds must be above 0, and the lower one not above the other")
        if self.dilation < 0 or self.border < 0 or self.min_cr_size < 1 or self.min_frames < 2:
            raise ValueError("dilation and border must not be negative, sizes at least 1, frames at least 2")


@dataclass(frozen=True)
class Labels:
    """The cosmic rays of a stack.

    Attributes
    ----------
    cr : ndarray of bool, shape (N, height, width)
        Of the frames that are left.
    ignore : ndarray of uint8, same shape
        Bits of the pixels that are not labelled: 1 border, 2 not valid, 4 source, 8 single pixel.
    high : ndarray of bool, same shape
        Pixels above the upper threshold.
    snr : ndarray of float32, same shape
        Signal-to-noise ratio of the difference from the other frames.
    reference : ndarray of float32, shape (height, width)
        What the frames were compared with, its sky at 0 [e-].
    sky : ndarray of float64, shape (N,)
        Level of the sky in each frame [e-].
    rejected : ndarray of bool
        Which frames of the stack were left out.
    notes : dict
        Numbers for the log; ``gains`` are factors of those that the stack was made with.
    """

    cr: npt.NDArray[np.bool_]
    ignore: npt.NDArray[np.uint8]
    high: npt.NDArray[np.bool_]
    snr: npt.NDArray[np.float32]
    reference: npt.NDArray[np.float32]
    sky: npt.NDArray[np.float64]
    rejected: npt.NDArray[np.bool_]
    notes: dict[str, Any]

    @property
    def counts(self) -> list[int]:
        """Pixels of cosmic rays in each frame."""
        return [int(n) for n in self.cr.sum(axis=(1, 2))]

    @property
    def fraction(self) -> float:
        """Share of the pixels of all frames that belong to cosmic rays."""
        return float(self.cr.mean())
