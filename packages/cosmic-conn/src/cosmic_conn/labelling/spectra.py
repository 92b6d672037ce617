"""Cosmic rays in repeated echelle spectra.

They hardly move on their detector, so nothing is aligned, and there is no sky to be taken out. The orders are as
bright as they are, exposure by exposure; so each frame is first brought to the light of the others, block by block,
and the Poisson noise of the light counts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation, zoom

from cosmic_conn.kernels.labels import connected, split_small
from cosmic_conn.kernels.masks import EIGHT, grow
from cosmic_conn.kernels.stacks import median_frame, smallest_of_two
from cosmic_conn.labelling.compat import double_counted
from cosmic_conn.labelling.label import grown
from cosmic_conn.labelling.noise import signal_to_noise
from cosmic_conn.labelling.stack import Labels, Rejected, Rules, Stack

__all__ = ["LINEAR", "OVERSCAN", "SATURATED", "label_spectra", "without_overscan"]

Array = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

LINEAR, SATURATED = 30_000.0, 37_500.0
"""End of the linear range of NRES, and its saturation level [ADU]."""

OVERSCAN = 35
"""Columns at the end of a row that no light falls on."""

_BESIDE_FULL = 3  # pixels around those beyond the linear range that are left out
_BLOCK = 64  # that the light of a frame is compared in [pixel]
_BRIGHT = 10.0  # standard deviations of the read noise, from which a pixel counts for that
_ENOUGH = 50  # such pixels in a block


def without_overscan(frames: Array) -> tuple[Array, Mask]:
    """Return frames clipped at the end of the linear range, their overscan at 0, and where they were beyond it.

    Parameters
    ----------
    frames : ndarray of float32, shape (N, height, width)
        [ADU].
    """
    full = np.stack([grow(frame >= LINEAR, _BESIDE_FULL) for frame in frames])
    clipped = np.minimum(frames, np.float32(LINEAR))
    bias = np.median(clipped[:, :, -OVERSCAN:], axis=(1, 2), keepdims=True).astype(np.float32)
    return clipped - bias, full


def label_spectra(stack: Stack, full: Mask, rules: Rules) -> Labels:
    """Find the cosmic rays in repeated spectra.

    Parameters
    ----------
    stack
        Frames from `without_overscan`, in electrons.
    full : ndarray of bool, shape (N, height, width)
        What is beyond the linear range.
    rules
        How; borders and sources are not left out here, and no frame is rejected.

    Raises
    ------
    Rejected
        When the read noise is not known.
    """
    if not (stack.read_noise > 0).all():
        raise Rejected("rejected_noise_unknown")
    frames = np.where(stack.valid, stack.frames, np.float32(0))
    if rules.compat:
        medians = np.median(frames, axis=(1, 2), keepdims=True)
        snr, reference = double_counted(frames, medians, stack.read_noise, level=0.0)
    else:
        snr, reference = _calibrated(frames, stack)
    cr, high = np.empty(snr.shape, dtype=bool), np.empty(snr.shape, dtype=bool)
    ignore = (full | ~stack.valid).astype(np.uint8)
    for index, ratio in enumerate(snr):
        if rules.compat:
            found, high[index] = _grown_as_predecessor(ratio, rules)
        else:
            found, high[index] = grown(ratio, ratio, ignore[index] == 0, len(snr), rules)
        kept, small = split_small(found, rules.min_cr_size)
        ignore[index] |= small
        cr[index] = kept & (ignore[index] == 0)
    nothing = np.zeros(len(frames))
    return Labels(cr, ignore, high, snr, reference, nothing, nothing > 0, _notes(snr, cr, ignore))


def _calibrated(frames: Array, stack: Stack) -> tuple[Array, Array]:
    """Return signal-to-noise ratios with the exact variance of a frame's distance from the median, and the median."""
    relative = _relative_light(frames, float(stack.read_noise.max()))
    light = np.maximum(median_frame(frames), 1)
    typical = np.array([np.average(plane, weights=light) for plane in relative])
    variances = (stack.read_noise / typical) ** 2
    levelled = frames / relative
    reference = smallest_of_two(levelled, variances) if len(frames) == 2 else median_frame(levelled)
    return signal_to_noise(levelled, reference, variances, np.maximum(reference, 0), 1 / typical), reference


def _relative_light(frames: Array, read_noise: float) -> Array:
    """Return how bright each frame is compared with the median of all, smoothly over the detector."""
    middle = median_frame(frames)
    bright = middle > _BRIGHT * read_noise
    found = np.ones_like(frames)
    shape = [-(-length // _BLOCK) for length in middle.shape]
    for index, frame in enumerate(frames):
        ratio = np.divide(frame, middle, out=np.ones_like(frame), where=bright)
        grid = np.ones(shape)
        for row, column in np.ndindex(*shape):
            part = np.s_[row * _BLOCK : (row + 1) * _BLOCK, column * _BLOCK : (column + 1) * _BLOCK]
            values = ratio[part][bright[part]]
            grid[row, column] = np.median(values) if len(values) >= _ENOUGH else 1.0
        full = zoom(grid, _BLOCK, order=1, mode="nearest", grid_mode=True)
        found[index] = np.clip(full[: frame.shape[0], : frame.shape[1]], 0.2, 5.0)
    return found


def _grown_as_predecessor(ratio: Array, rules: Rules) -> tuple[Mask, Mask]:
    high, low = ratio > rules.snr_thres, ratio > rules.snr_thres_low
    if rules.flood_fill:
        return connected(high, low), high
    wide = binary_dilation(high, EIGHT, iterations=rules.dilation) if rules.dilation else high
    return wide & low, high


def _notes(snr: Array, cr: Mask, ignore: npt.NDArray[np.uint8]) -> dict[str, Any]:
    spread = [float(np.clip(r[~m & (i == 0)], -5, 5).std()) for r, m, i in zip(snr, cr, ignore, strict=True)]
    return {"snr_of_the_rest": [round(value, 4) for value in spread]}
