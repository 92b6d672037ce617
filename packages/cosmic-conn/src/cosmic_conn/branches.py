"""The ways to find cosmic rays: the network, the Laplacian of L.A.Cosmic, and both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
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

__all__ = ["Strip", "hybrid_strips", "lacosmic", "network_strips", "parity"]

Strip = tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]
"""Probability and mask of some rows."""

_STRIP = 256  # rows that are looked at together
_PIXELS = 1 << 20  # that are looked at together at most
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


def hybrid_strips(
    plane: Plane, sky: Sky, engine: Engine | Cores, tile: int, threshold: float, camera: Camera
) -> Iterator[Strip]:
    """Yield probability and mask of a plane by the network and a second look; the same are never flagged.

    Sharp pixels that the network doubts are added to the mask, then what does not stand out from its neighbours is
    taken out. A strip is settled when what was added to the one below is known.
    """
    charge = float(np.median(sky.noise)) * (camera.gain or 1.0)
    held, above = None, np.empty((0, plane.shape[1]), dtype=bool)
    for following in chain(_marked(plane, sky, engine, tile, threshold, charge), [None]):
        if held is not None:
            below = held.mask[:0] if following is None else following.mask[:_OVERLAP]
            yield held.probability, _settled(plane, held, above, below, charge)
            above = held.mask[-_OVERLAP:]
        held = following


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


@dataclass(frozen=True)
class _Marked:
    """Some rows and what may be a cosmic ray in them: probability, mask, and these rows and those around them."""

    start: int
    probability: npt.NDArray[np.float32]
    mask: npt.NDArray[np.bool_]
    shown: npt.NDArray[np.float32]

    @property
    def stop(self) -> int:
        return self.start + len(self.mask)


def _marked(
    plane: Plane, sky: Sky, engine: Engine | Cores, tile: int, threshold: float, charge: float
) -> Iterator[_Marked]:
    """Yield the strips of a plane with the sharp pixels that the network doubts added to their masks."""
    height, width = plane.shape
    together = min(_STRIP, max(_PIXELS // width, 2 * _OVERLAP))
    for start, probability in _regrouped(probability_rows(plane, sky, engine, tile), together):
        stop = start + len(probability)
        first, last = max(start - _OVERLAP, 0), min(stop + _OVERLAP, height)
        shown = sky.normalised(plane, first, last, knee=1e6)
        mask = probability > threshold
        y, x, _ = sharp_pixels(shown, charge, clip=SHARP_CLIP, contrast=SHARP_CONTRAST)
        y, x = _inside(y + first - start, x, len(mask))
        doubted = probability[y, x] > SHARP_DOUBT
        mask[y[doubted], x[doubted]] = True
        yield _Marked(start, probability, mask, shown)


def _settled(
    plane: Plane, strip: _Marked, above: npt.NDArray[np.bool_], below: npt.NDArray[np.bool_], charge: float
) -> npt.NDArray[np.bool_]:
    """Return the mask of a strip without what does not stand out from its neighbours."""
    y, x = without_excess(strip.shown, np.concatenate([above, strip.mask, below]), charge, LEAST_EXCESS)
    y, x = _inside(y - len(above), x, len(strip.mask))
    mask = strip.mask & _clear(plane, strip.start, strip.stop)
    mask[y, x] = False
    return mask


def _regrouped(
    strips: Iterator[tuple[int, npt.NDArray[np.float32]]], together: int
) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """Yield the rows of strips, so many at a time, and fewer at the end."""
    rest: npt.NDArray[np.float32] | None = None
    for start, rows in strips:
        rest = rows if rest is None else np.concatenate([rest, rows])
        begin = start + len(rows) - len(rest)
        while len(rest) >= together:
            yield begin, rest[:together]
            rest, begin = rest[together:], begin + together
    if rest is not None and len(rest):
        yield begin, rest


def _inside(
    y: npt.NDArray[np.int64], x: npt.NDArray[np.int64], rows: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the places that are in the strip itself."""
    inside = (y >= 0) & (y < rows)
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
