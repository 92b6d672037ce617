"""The noise of a stack: skies brought together, and the variance of each frame measured or modelled."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt

from cosmic_conn.kernels.stacks import difference_variances

__all__ = [
    "FEWEST",
    "above_surroundings",
    "matched",
    "measured_variances",
    "signal_to_noise",
    "sky_levels",
    "transferred_gains",
]

Array = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

FEWEST = 1000
"""Pixels of empty sky without which its noise is not measured."""

_SAMPLE = 200_000  # pixels that are enough for a level or a noise
_MESH = 64  # of what differs between the skies of two frames [pixel]
_CLIP, _KEPT = 3.0, 0.98658  # sigma; standard deviation of a normal variable that is cut off there
_UNSTEADY = 0.3  # share by which the light of two frames may differ: clouds and seeing
_FLOOR = 0.01  # least variance of a pixel, in units of that of the sky


def sky_levels(frames: Array, usable: Mask) -> npt.NDArray[np.float64]:
    """Return the median of the usable pixels of each frame [e-]."""
    picked = _some(usable)
    return np.array([float(np.median(frame.ravel()[picked])) if picked.size else 0.0 for frame in frames])


def matched(frames: Array, usable: Mask) -> Array:
    """Return the frames with smooth differences between their skies taken out.

    What each frame has more than the mean of all is followed in meshes of 64 pixels, without sources; so scattered
    light and gradients that change from frame to frame do not count as signal.

    Parameters
    ----------
    frames : ndarray of float32, shape (N, height, width)
        Each with its sky at 0.
    usable : ndarray of bool, shape (height, width)
        Valid pixels without sources.
    """
    import sep

    if usable.sum() < FEWEST:
        return frames
    mean = frames.mean(axis=0)
    outside = np.ascontiguousarray(~usable)
    found = np.empty_like(frames)
    for index, frame in enumerate(frames):
        sky = sep.Background(frame - mean, mask=outside, bw=_MESH, bh=_MESH, fw=3, fh=3)
        np.subtract(frame, sky.back(), out=found[index])
    return found


def measured_variances(frames: Array, usable: Mask) -> npt.NDArray[np.float64]:
    """Return the variance of each frame's empty sky from the differences between frames [e-^2].

    The variance of x_i - x_j is the sum of two; those of all pairs are solved for the single ones (of two frames each
    gets half). No model of the detector is in it, and interpolation that smooths the noise is seen as it is.

    Parameters
    ----------
    frames : ndarray of float32, shape (N, height, width)
    usable : ndarray of bool, shape (height, width)
        Valid pixels without sources, `FEWEST` at least.
    """
    picked = _some(usable)
    sky = frames.reshape(len(frames), -1)[:, picked]
    pairs = list(combinations(range(len(frames)), 2))
    sums = np.array([_clipped_std(sky[i] - sky[j]) ** 2 for i, j in pairs])
    if len(frames) == 2:
        return np.full(2, sums[0] / 2)
    design = np.zeros((len(pairs), len(frames)))
    for row, pair in enumerate(pairs):
        design[row, list(pair)] = 1
    single = np.linalg.lstsq(design, sums, rcond=None)[0]
    return np.asarray(np.maximum(single, 0.05 * sums.mean() / 2))


def signal_to_noise(
    frames: Array,
    reference: Array,
    variances: npt.NDArray[np.float64],
    light: Array | None = None,
    per_light: npt.NDArray[np.float64] | None = None,
) -> Array:
    """Return how far each frame stands out from the others, in standard deviations of that difference.

    Of three frames or more the distance from their median counts, with its exact variance at the level of the sky; of
    two, that from the other frame. The Poisson noise of light above the sky is added with the factors of light alone.
    Of two frames nobody knows which one the air has changed: light (but not a given one) is uncertain by 0.3 of itself.

    Parameters
    ----------
    frames : ndarray of float32, shape (N, height, width)
        With their skies at 0 [e-].
    reference : ndarray of float32, shape (height, width)
        Median of the frames, or for two of them the smaller pixel (see `smallest_of_two`).
    variances : ndarray of float64, shape (N,)
        Of the empty sky in each frame [e-^2].
    light : ndarray of float32, shape (height, width), optional
        Above the sky, whose Poisson noise is added [e-]; by default the reference smoothed over nine pixels, so that
        its noise does not become that of the ratio.
    per_light : ndarray of float64, shape (N,), optional
        Variance that a unit of light adds to each frame [e-], 1 by default.
    """
    from scipy.ndimage import uniform_filter

    unsteady = _UNSTEADY if len(frames) == 2 and light is None else 0.0
    light = uniform_filter(reference, 3) if light is None else light
    doubt = np.square(np.float32(unsteady) * np.maximum(light, 0)) if unsteady else np.float32(0)
    sky, factors = _both(variances), _both(np.ones(len(frames)) if per_light is None else per_light)
    found = np.empty_like(frames)
    for index, frame in enumerate(frames):
        against = frames[1 - index] if len(frames) == 2 else reference
        variance = np.maximum(
            np.float32(factors[index]) * light + np.float32(sky[index]), np.float32(_FLOOR * sky[index])
        )
        variance += doubt
        np.divide(frame - against, np.sqrt(variance, out=variance), out=found[index])
    return found


def above_surroundings(frames: Array, reference: Array, variances: npt.NDArray[np.float64]) -> Array:
    """Return how far each of two frames stands out from the smooth light of both, in standard deviations of a pixel.

    The other one of two frames is as noisy as the frame itself, and a difference as noisy as both. Outside of sources
    the light is smooth, and its mean over nine pixels (of the smaller of the two, which holds no cosmic ray) is known
    better. That is not good enough to find something, for a faint star is not smooth, but it is beside what was found.

    Parameters
    ----------
    frames : ndarray of float32, shape (2, height, width)
        With their skies at 0 [e-].
    reference : ndarray of float32, shape (height, width)
        See `smallest_of_two`.
    variances : ndarray of float64, shape (2,)
        Of the empty sky in each frame [e-^2].
    """
    from scipy.ndimage import uniform_filter

    light = uniform_filter(reference, 3)
    noise = np.sqrt(np.maximum(light, 0) + variances[:, None, None].astype(np.float32))
    return np.asarray((frames - light) / noise)


def _both(variances: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the variances of the distances of each frame from what it is compared with."""
    return np.full(2, variances.sum()) if len(variances) == 2 else difference_variances(variances)


def transferred_gains(
    variances: npt.NDArray[np.float64], levels: npt.NDArray[np.float64], read_noise: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the gains that make the variance of each sky that of its photons and the read-out [e-/unit].

    With v the variance of a sky of level m, ``g^2 v = g m + r^2`` (the photon transfer method, Janesick 2001,
    Scientific Charge-Coupled Devices, chapter 2, with a single level). Where nothing is known of the sky it is 1.

    Parameters
    ----------
    variances, levels : ndarray of float64, shape (N,)
        Of the sky, in units that are to become electrons.
    read_noise : ndarray of float64, shape (N,)
        [e-].
    """
    level = np.maximum(levels, 0)
    found = (level + np.sqrt(level**2 + 4 * variances * read_noise**2)) / (2 * variances)
    return np.asarray(np.where(levels > 0, found, 1.0))


def _some(usable: Mask) -> npt.NDArray[np.intp]:
    """Return the places of at most `_SAMPLE` usable pixels, evenly drawn."""
    places = np.flatnonzero(usable)
    return places[:: max(1, len(places) // _SAMPLE)]


def _clipped_std(values: Array) -> float:
    """Return the standard deviation of the normal core of some values."""
    centre = float(np.median(values))
    sigma = 1.4826 * float(np.median(np.abs(values - centre))) or float(values.std())
    for _ in range(4):
        kept = values[np.abs(values - centre) <= _CLIP * sigma]
        centre, sigma = float(kept.mean()), float(kept.std()) / _KEPT
    return sigma
