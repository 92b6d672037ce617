"""Labels as Cosmic-CoNN 0.6 makes them, step by step, for those who have to compare with its data set.

Its noise counts the sky twice (a frame with its sky, and the sky again), so that five sigma are about eight; the
order of the steps, and that medians are taken over erased borders too, is its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation

from cosmic_conn.kernels.labels import border_mask, connected, split_small
from cosmic_conn.kernels.masks import EIGHT
from cosmic_conn.kernels.sources import source_masks
from cosmic_conn.kernels.stacks import median_frame
from cosmic_conn.labelling.sources import CROWDED, find_shapes
from cosmic_conn.labelling.stack import BORDER, INVALID, SINGLE, SOURCE, Rejected, Rules, Stack

__all__ = ["BORDER_WIDTH", "double_counted", "label_as_predecessor", "solved_gain"]

Array = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

BORDER_WIDTH = 100
"""Pixels of the border that it erases."""

_STRIP = 64  # rows that are worked on together: what they need stays in the cache
_DARK = 3.0  # standard deviations below the mean, where a pixel is taken for lost
_MIDDLE = 0.9  # of a frame, along each side, that its gain is solved from
_SCATTER = 1.48  # standard deviations of a median absolute deviation, as it is rounded there


def label_as_predecessor(stack: Stack, rules: Rules) -> dict[str, Any]:
    """Return the fields of `Labels` for the frames of a stack, as Cosmic-CoNN finds them.

    Raises
    ------
    Rejected
        When there are more than 3000 sources, or they cannot be found.
    """
    frames = _without_dark(np.nan_to_num(stack.frames, nan=0.0, posinf=0.0, neginf=0.0) * stack.valid)
    read_noise = stack.read_noise
    level = frames - _medians(frames)
    sources, number = _sources(level)
    notes: dict[str, Any] = {"sources": number}
    if stack.small:
        gains = np.array([solved_gain(f, s, r) for f, s, r in zip(frames, sources, read_noise, strict=True)])
        frames, read_noise = frames * gains[:, None, None].astype(np.float32), read_noise * gains
        notes["gains"] = gains.tolist()
    frame_edge = border_mask(stack.valid.shape, rules.border)
    frames = frames * stack.valid * ~frame_edge
    skies = _medians(frames)
    snr, reference = double_counted(frames, skies, read_noise, level=skies)
    cr, ignore, high = _masks(snr, sources, frame_edge, stack.valid, rules)
    return {
        "cr": cr, "ignore": ignore, "high": high, "snr": snr, "reference": reference, "sky": skies.ravel(),
        "notes": notes,
    }  # fmt: skip


def double_counted(
    frames: Array, skies: Array, read_noise: npt.NDArray[np.float64], level: Array | float
) -> tuple[Array, Array]:
    """Return signal-to-noise ratios against the median of the frames, and that median.

    The noise of a pixel is that of the read-out, of the pixel with its sky, and of the sky again.

    Parameters
    ----------
    frames : ndarray of float32, shape (N, height, width)
    skies : ndarray of float32, shape (N, 1, 1)
        Their medians.
    read_noise : ndarray of float64, shape (N,)
    level
        What is taken off the frames before they are compared.
    """
    snr, reference = np.empty(frames.shape, dtype=np.float32), np.empty(frames.shape[1:], dtype=np.float32)
    for start in range(0, len(reference), _STRIP):
        rows = np.s_[start : start + _STRIP]
        part = frames[:, rows]
        sigma = np.sqrt(read_noise[:, None, None] ** 2 + np.abs(part) + skies)
        total = np.sqrt(sigma**2 + (median_frame(sigma) / np.sqrt(len(frames))) ** 2)
        part = part - level
        reference[rows] = median_frame(part)
        snr[:, rows] = (part - reference[rows]) / total
    return snr, reference


def solved_gain(frame: Array, sources: Mask, read_noise: float) -> float:
    """Return the gain that makes the scatter of a frame that of its sky [e-/ADU].

    With s the scatter (1.48 times the median absolute deviation) and m the median of the middle of the frame,
    sources set to 0, it is the second root of ``(g r)^2 + g m = s^2``, rounded to six decimals: what Cosmic-CoNN does
    for the 0.4 m telescopes of LCO, whose headers used to be wrong.
    """
    margins = [round(length * (1 - _MIDDLE) / 2) for length in frame.shape]
    rows, columns = (slice(m, length - m) for m, length in zip(margins, frame.shape, strict=True))
    middle = (frame * ~sources)[rows, columns]
    median = float(np.median(middle))
    scatter = _SCATTER * float(np.median(np.abs(middle - median)))
    return float(np.round(np.roots([read_noise**2, median, -(scatter**2)])[1], 6))


def _without_dark(frames: Array) -> Array:
    """Return the stack with its darkest pixels replaced by the median of all."""
    from astropy.stats import sigma_clipped_stats

    mean, median, std = sigma_clipped_stats(frames, sigma=3.0)
    return np.where(frames < mean - _DARK * std, np.float32(median), frames)


def _sources(level: Array) -> tuple[Mask, int]:
    try:
        shapes = find_shapes(median_frame(level), frugal=True)
    except ValueError as error:
        raise Rejected("rejected_SEP_sources_over_3k") from error
    if len(shapes) > CROWDED:
        raise Rejected("rejected_SEP_sources_over_3k")
    return source_masks(level, shapes), len(shapes)


def _masks(
    snr: Array, sources: Mask, frame_edge: Mask, valid: Mask, rules: Rules
) -> tuple[Mask, npt.NDArray[np.uint8], Mask]:
    cr, high = np.empty(snr.shape, dtype=bool), np.empty(snr.shape, dtype=bool)
    ignore = np.empty(snr.shape, dtype=np.uint8)
    for index, ratio in enumerate(snr):
        low = ratio > rules.snr_thres_low
        high[index] = (ratio > rules.snr_thres) & ~sources[index]
        if rules.flood_fill:
            grown = connected(high[index], low)
        else:
            steps = rules.dilation
            grown = (binary_dilation(high[index], EIGHT, iterations=steps) if steps else high[index]) & low
        kept, small = split_small(grown & ~sources[index], rules.min_cr_size)
        bits = ((BORDER, frame_edge), (INVALID, ~valid), (SOURCE, sources[index]), (SINGLE, small))
        ignore[index] = sum(value * mask.astype(np.uint8) for value, mask in bits)
        cr[index] = kept & (ignore[index] == 0)
    return cr, ignore, high


def _medians(frames: Array) -> Array:
    return np.median(frames, axis=(1, 2), keepdims=True).astype(np.float32)
