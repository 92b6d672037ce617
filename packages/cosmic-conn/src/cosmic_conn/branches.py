"""The ways to find cosmic rays: the network, the Laplacian of L.A.Cosmic, and both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cosmic_conn.kernels.laplacian import sharp_pixels, without_excess
from cosmic_conn.kernels.masks import SATURATED_REACH, around_saturated
from cosmic_conn.parity import parity_probability as parity
from cosmic_conn.search import probability_rows
from cosmic_conn.sky import Plane, Sky

if TYPE_CHECKING:
    from cosmic_conn.cores import Cores
    from cosmic_conn.detection import Camera
    from cosmic_conn.engine import Engine

__all__ = ["Strip", "hybrid", "lacosmic", "network_strips", "parity"]

Strip = tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]
"""Probability and mask of some rows."""

_STRIP = 256  # rows that are looked at together
_OVERLAP = 4  # rows around a pixel that the Laplacian branch looks at

SHARP_CLIP = 7.0
"""Significance from which the hybrid looks at a sharp pixel that the network left."""

SHARP_CONTRAST = 5.0
"""How much sharper than the middle of a star it has to be."""

LEAST_EXCESS = 1.75
"""How far above its unmasked neighbours a pixel of the mask has to be [its noise, or their scatter if larger]."""

SHARP_DOUBT = 0.01
"""Probability that the network must give it at least: far below its threshold, far above that of a star's core."""


def network_strips(plane: Plane, sky: Sky, engine: Engine | Cores, tile: int, threshold: float) -> Iterator[Strip]:
    """Yield probability and mask of a plane by the network alone, from its first rows to its last.

    Pixels without a value are never flagged, nor are saturated ones and those around a saturated star or bleed.
    """
    for start, probability in probability_rows(plane, sky, engine, tile):
        yield probability, (probability > threshold) & _clear(plane, start, start + len(probability))


def hybrid(plane: Plane, sky: Sky, engine: Engine | Cores, tile: int, threshold: float, camera: Camera) -> Strip:
    """Return probability and mask of a plane by the network and a second look; the same are never flagged."""
    probability = np.empty(plane.shape, dtype=np.float32)
    for start, rows in probability_rows(plane, sky, engine, tile):
        probability[start : start + len(rows)] = rows
    mask = probability > threshold
    _second_look(plane, sky, camera, probability, mask)
    _keep_clear(plane, mask)
    return probability, mask


def _keep_clear(plane: Plane, mask: npt.NDArray[np.bool_]) -> None:
    """Take out of a mask what is never flagged."""
    for start in range(0, len(mask), _STRIP):
        part = mask[start : start + _STRIP]
        part &= _clear(plane, start, start + len(part))


def _clear(plane: Plane, start: int, stop: int) -> npt.NDArray[np.bool_]:
    """Return the pixels of some rows that have a value and are not saturated or around a saturated star or bleed."""
    first, last = max(start - SATURATED_REACH, 0), min(stop + SATURATED_REACH, plane.shape[0])
    near = around_saturated(plane.saturated(first, last))[start - first : stop - first]
    return ~(near | plane.rows(start, stop)[1])


def _second_look(
    plane: Plane, sky: Sky, camera: Camera, probability: npt.NDArray[np.float32], mask: npt.NDArray[np.bool_]
) -> None:
    """Add sharp pixels that the network doubts to a mask, then take out what does not stand out from its neighbours."""
    charge = float(np.median(sky.noise)) * (camera.gain or 1.0)
    for start, first, _, rows in _strips(plane, sky):
        y, x, _ = sharp_pixels(rows, charge, clip=SHARP_CLIP, contrast=SHARP_CONTRAST)
        y, x = _inside(y + first, x, start)
        doubted = probability[y, x] > SHARP_DOUBT
        mask[y[doubted], x[doubted]] = True
    spilled = []
    for start, first, last, rows in _strips(plane, sky):
        y, x = without_excess(rows, mask[first:last], charge, LEAST_EXCESS)
        spilled.append(_inside(y + first, x, start))
    for y, x in spilled:
        mask[y, x] = False


def _strips(plane: Plane, sky: Sky) -> Iterator[tuple[int, int, int, npt.NDArray[np.float32]]]:
    """Yield the start of each strip, and its rows and those around it above the sky, in units of its noise."""
    height = plane.shape[0]
    for start in range(0, height, _STRIP):
        first, last = max(start - _OVERLAP, 0), min(start + _STRIP + _OVERLAP, height)
        yield start, first, last, sky.normalised(plane, first, last, knee=1e6)


def _inside(
    y: npt.NDArray[np.int64], x: npt.NDArray[np.int64], start: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the places that are in the strip itself."""
    inside = (y >= start) & (y < start + _STRIP)
    return y[inside], x[inside]


def lacosmic(plane: Plane, sky: Sky, camera: Camera) -> npt.NDArray[np.bool_]:
    """Return what L.A.Cosmic finds, with a read noise that fits the noise of the sky where none is given."""
    import astroscrappy

    values, bad = plane.rows(0, plane.shape[0])
    level, _ = sky.rows(0, plane.shape[0])
    gain = camera.gain or 1.0
    charge = max(float(np.median(sky.level)) * gain, 0.0)
    left = (float(np.median(sky.noise)) * gain) ** 2 - charge
    noise = camera.read_noise if camera.read_noise is not None else float(np.sqrt(max(left, 1.0)))
    # The sky's photons are in the noise of the image itself, unless its level is below zero.
    found, _ = astroscrappy.detect_cosmics(
        values,
        inmask=bad,
        inbkg=level,
        gain=gain,
        readnoise=noise,
        satlevel=np.inf if plane.saturation is None else plane.saturation * gain,
    )
    mask = np.array(found, dtype=bool)
    _keep_clear(plane, mask)
    return mask
