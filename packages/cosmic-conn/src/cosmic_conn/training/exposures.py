"""Frames to learn from: repeated exposures with the masks of their cosmic rays, and crops of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cosmic_conn.kernels.stacks import median_frame
from cosmic_conn.sky import Plane, Sky

__all__ = ["Crop", "Exposures", "above_sky", "draw_crop", "middle", "usable"]

Array = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

SOURCE = 4
"""Bit of IGNORE that marks the light of a source."""

_LINEAR = 1e6  # knee of a soft clip that changes nothing
_TRIPLET = 3  # exposures that are compared


@dataclass(frozen=True)
class Exposures:
    """One file's frames.

    Attributes
    ----------
    name
        Of the file.
    frames : ndarray of float32, shape (N, height, width)
        Pixels above the sky, in units of its noise.
    truth : ndarray of bool, same shape
        Pixels of cosmic rays.
    keep : ndarray of bool, same shape
        Pixels that count.
    clean : ndarray of float32, shape (height, width), or None
        The field without cosmic rays, in the units of `frames`; None where the median of the exposures is that.
    turns
        Whether they may be turned by 90 degrees: spectra may not.
    """

    name: str
    frames: Array
    truth: Mask
    keep: Mask
    clean: Array | None = None
    turns: bool = True

    @property
    def bytes(self) -> int:
        """Of memory that it needs."""
        arrays = (self.frames, self.truth, self.keep, self.clean)
        return sum(array.nbytes for array in arrays if array is not None)


@dataclass(frozen=True)
class Crop:
    """A stamp of one frame: pixels, the field without cosmic rays, truth and the pixels that count; of one shape."""

    pixels: Array
    reference: Array
    truth: Mask
    keep: Mask


def above_sky(pixels: npt.NDArray[np.generic], mask: Mask | None = None, saturation: float | None = None) -> Array:
    """Return pixels above their sky in units of its noise; those without a value are filled from around them."""
    plane = Plane(pixels, mask, saturation)
    return Sky.measure(plane).normalised(plane, 0, plane.shape[0], _LINEAR)


def usable(frames: Array, ignore: npt.NDArray[np.uint8]) -> Mask:
    """Return the pixels of repeated exposures that teach something.

    What IGNORE marks does not count, but for the light of sources: there a pixel counts, as one without a cosmic ray,
    unless it is far above the other exposures (half as bright again as their median, and by ten times the noise). Else
    a network would never learn that stars are none.

    Parameters
    ----------
    frames : ndarray of float32, shape (N, height, width)
        Of `above_sky`.
    ignore : ndarray of uint8, same shape
    """
    others = np.maximum(_common(frames), 0)
    plain = frames < 1.5 * others + 10
    return np.asarray((ignore == 0) | ((ignore == SOURCE) & plain))


def draw_crop(exposures: Exposures, side: int, random: np.random.Generator) -> Crop:
    """Return a random square of a random frame, turned and mirrored at random.

    Every pixel can be in it, those at the edges about as often as the others.

    Of more than three frames three are drawn, of which one is shown and all make the median. A frame smaller than the
    square is mirrored at its edges; what is beyond does not count.
    """
    number, height, width = exposures.frames.shape
    chosen = random.permutation(number)[:_TRIPLET]
    y, x = (_start(length, side, random) for length in (height, width))
    turns = int(random.integers(4)) if exposures.turns else 2 * int(random.integers(2))
    mirrored = bool(random.integers(2))
    window = (slice(y, y + side), slice(x, x + side))
    shown = (int(chosen[0]), *window)
    reference = _common(exposures.frames[(chosen, *window)]) if exposures.clean is None else exposures.clean[window]

    def fitted(part: npt.NDArray[Any], beyond: Literal["symmetric", "constant"] = "symmetric") -> npt.NDArray[Any]:
        turned = np.rot90(_padded(part, side, beyond), turns)
        return np.ascontiguousarray(turned[::-1] if mirrored else turned)

    return Crop(
        fitted(exposures.frames[shown]),
        fitted(reference),
        fitted(exposures.truth[shown]),
        fitted(exposures.keep[shown], "constant"),
    )


def middle(exposures: Exposures, side: int) -> Exposures:
    """Return the middle square of the frames, or as much as they have."""
    height, width = exposures.frames.shape[1:]
    y, x = (max(n - side, 0) // 2 for n in (height, width))
    window = (..., slice(y, y + side), slice(x, x + side))
    clean = None if exposures.clean is None else exposures.clean[window]
    return Exposures(
        exposures.name,
        exposures.frames[window],
        exposures.truth[window],
        exposures.keep[window],
        clean,
        exposures.turns,
    )


def _start(length: int, side: int, random: np.random.Generator) -> int:
    """Return where the square begins along an axis; those that would stick out are moved inside."""
    last = max(length - side, 0)
    return int(np.clip(random.integers(-(side // 4), last + side // 4 + 1), 0, last))


def _common(frames: Array) -> Array:
    """Return what the exposures have in common: their median, or the fainter of two."""
    return np.asarray(median_frame(frames)) if len(frames) > 2 else frames.min(axis=0)


def _padded(part: npt.NDArray[Any], side: int, mode: Literal["symmetric", "constant"]) -> npt.NDArray[Any]:
    missing = [(0, side - n) for n in part.shape]
    return np.pad(part, missing, mode=mode) if any(after for _, after in missing) else part
