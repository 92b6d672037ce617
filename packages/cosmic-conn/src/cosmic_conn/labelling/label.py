"""The cosmic rays of a stack: what stands out from the other frames, and is no source."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cosmic_conn.kernels.labels import border_mask, connected, outliers, reached, split_small, supported, unusual
from cosmic_conn.kernels.masks import grow
from cosmic_conn.kernels.sources import Shapes, source_masks
from cosmic_conn.kernels.stacks import median_frame, smallest_of_two
from cosmic_conn.kernels.tails import threshold
from cosmic_conn.labelling.noise import (
    FEWEST,
    above_surroundings,
    matched,
    measured_variances,
    signal_to_noise,
    sky_levels,
    transferred_gains,
)
from cosmic_conn.labelling.sources import find_shapes
from cosmic_conn.labelling.stack import BORDER, INVALID, SINGLE, SOURCE, Labels, Rejected, Rules, Stack

__all__ = ["grown", "label_stack"]

Array = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_COUNTED = 0.8  # of the lower threshold: pixels beside a cosmic ray that add to its size, though not to its mask
_FULL = 0.9  # of the saturation level, from which a pixel of the median is taken for full
_BESIDE_FULL = 3  # pixels around those that are left out


def label_stack(stack: Stack, rules: Rules) -> Labels:
    """Find the cosmic rays of a stack.

    Frames with far more of them than the others (a satellite, a failed alignment) are left out, and the rest is
    labelled anew without them.

    Parameters
    ----------
    stack
        The frames.
    rules
        How.

    Raises
    ------
    Rejected
        When too few frames are left, or hardly anything is found.
    """
    rejected = np.zeros(len(stack.frames), dtype=bool)
    while True:
        left = int((~rejected).sum())
        if left < rules.min_frames:
            raise Rejected(f"rejected_less_than_{rules.min_frames}_frames")
        with np.errstate(over="ignore", invalid="ignore"):  # numbers that are no counts give no labels
            found = _label(stack.without(rejected), rules)
        more = outliers(found["cr"].sum(axis=(1, 2)))
        if not rules.compat:
            many, trail = unusual(found["cr"], (found["ignore"] & SOURCE) > 0)
            more = (more & many) | trail
        if not more.any():
            break
        rejected[np.flatnonzero(~rejected)[more]] = True
    labels = Labels(**found, rejected=rejected)
    if labels.fraction < rules.min_cr_fraction:
        raise Rejected("rejected_low_cr_frac")
    return labels


def _label(stack: Stack, rules: Rules) -> dict[str, Any]:
    if rules.compat:
        from cosmic_conn.labelling.compat import label_as_predecessor

        return label_as_predecessor(stack, rules)
    valid = stack.valid & np.isfinite(stack.frames).all(axis=0)
    levels = sky_levels(stack.frames, valid)
    frames = np.where(valid, stack.frames - levels[:, None, None].astype(np.float32), np.float32(0))
    shapes = _shapes(frames)
    sources = source_masks(frames, shapes) | _full(stack)
    frame_edge = border_mask(valid.shape, rules.border)
    empty = valid & ~sources.any(axis=0) & ~frame_edge
    frames = matched(frames, empty)
    frames[:, ~valid] = 0
    variances, notes = _variances(frames, empty, stack, levels, rules)
    if stack.small:
        gains = transferred_gains(variances, levels, stack.read_noise)
        frames *= gains[:, None, None].astype(np.float32)
        variances, levels, notes["gains"] = variances * gains**2, levels * gains, gains.round(6).tolist()
    reference = smallest_of_two(frames, variances) if len(frames) == 2 else median_frame(frames)
    snr = signal_to_noise(frames, reference, variances)
    beside = above_surroundings(frames, reference, variances) if len(frames) == 2 else snr
    cr, ignore, high = _masks(snr, beside, sources, frame_edge, valid, rules)
    notes = {"sources": len(shapes), **notes, "snr_of_empty_sky": _spread(snr, empty & ~cr.any(axis=0))}
    return {"cr": cr, "ignore": ignore, "high": high, "snr": snr, "reference": reference, "sky": levels, "notes": notes}


def _shapes(frames: Array) -> Shapes:
    """Return the sources of what is in all frames: cosmic rays are in neither the median nor the smaller of two."""
    try:
        return find_shapes(frames.min(axis=0) if len(frames) == 2 else median_frame(frames))
    except ValueError as error:
        raise Rejected(f"rejected_sources ({error})") from error


def _masks(
    snr: Array, beside: Array, sources: Mask, frame_edge: Mask, valid: Mask, rules: Rules
) -> tuple[Mask, npt.NDArray[np.uint8], Mask]:
    """Return cosmic rays, ignored pixels, and the pixels above the upper threshold."""
    cr, high = np.empty(snr.shape, dtype=bool), np.empty(snr.shape, dtype=bool)
    ignore = np.empty(snr.shape, dtype=np.uint8)
    everywhere = BORDER * frame_edge.astype(np.uint8) + INVALID * (~valid).astype(np.uint8)
    for index, ratio in enumerate(snr):
        ignore[index] = everywhere + SOURCE * sources[index].astype(np.uint8)
        usable = ignore[index] == 0
        found, high[index] = grown(ratio, beside[index], usable, len(snr), rules)
        counted = (beside[index] > _COUNTED * rules.snr_thres_low) & usable
        cr[index], small = split_small(found, rules.min_cr_size, counted)
        ignore[index] += SINGLE * small.astype(np.uint8)
    return cr, ignore, high


def grown(ratio: Array, beside: Array, usable: Mask, frames: int, rules: Rules) -> tuple[Mask, Mask]:
    """Return cores with their edges, and the cores alone.

    Parameters
    ----------
    ratio : ndarray of float32, shape (height, width)
        Signal-to-noise ratio of a frame against the others, for the cores.
    beside : ndarray of float32, same shape
        The ratio for the edges: the same, or that of `above_surroundings`.
    usable : ndarray of bool, same shape
        Where cosmic rays may be.
    frames
        Number of frames: the upper threshold is what noise exceeds as seldom as a normal variable does. Pixels beside
        a core are cosmic rays more often than others, so the lower one is only halfway there.
    rules
        Thresholds, and how edges are found.
    """
    above = threshold(frames, rules.snr_thres)
    edge = (rules.snr_thres_low + threshold(frames, rules.snr_thres_low)) / 2
    high = (ratio > above) & usable
    low = high | ((beside > edge) & usable)
    if rules.dilation < 2 and not rules.flood_fill:
        return reached(high, low, low, rules.dilation), high
    firm = low & (high | (supported(beside, high) > (above + edge) / 2))
    if rules.flood_fill:
        return connected(high, firm | reached(high, low, low, 1)), high
    return reached(high, low, firm, rules.dilation), high


def _full(stack: Stack) -> Mask:
    """Return the surroundings of pixels that are saturated in the typical frame: what bleeds there is no particle."""
    if not np.isfinite(stack.saturation):
        return np.zeros(stack.valid.shape, dtype=bool)
    return grow(median_frame(stack.frames) >= _FULL * stack.saturation, _BESIDE_FULL)


def _variances(
    frames: Array, empty: Mask, stack: Stack, levels: npt.NDArray[np.float64], rules: Rules
) -> tuple[npt.NDArray[np.float64], dict[str, Any]]:
    """Return the variance of the empty sky in each frame, and what the log says of it."""
    model = stack.read_noise**2 + np.maximum(levels, 0)
    known = bool((model > 0).all())
    notes: dict[str, Any] = {"noise_of_model": np.sqrt(model).round(3).tolist() if known else None}
    if empty.sum() >= FEWEST:
        measured = measured_variances(frames, empty)
        if (measured > 0).all():
            notes["noise_measured"] = np.sqrt(measured).round(3).tolist()
            if rules.noise == "measured":
                return measured, notes
    if not known:
        raise Rejected("rejected_noise_unknown")
    return model, notes


def _spread(snr: Array, empty: Mask) -> list[float]:
    """Return the standard deviation of the ratio where there is nothing but sky."""
    if not empty.any():
        return []
    return [round(float(np.clip(ratio[empty], -5, 5).std()), 4) for ratio in snr]
