"""The labels of Cosmic-CoNN 0.6 in the plainest way, full frames for each source and loops where they are clear.

Written from the description of its steps (Xu et al. 2023, ApJ 942, 73, and the documented behaviour of its program),
to compare our labels and our speed with.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sep
from astropy.stats import sigma_clipped_stats
from scipy import ndimage

FULL = np.ones((3, 3))


@dataclass
class Settings:
    high: float = 5.0
    low: float = 2.5
    dilation: int = 1
    flood: bool = False
    smallest: int = 3
    border: int = 100


def source_masks(frames: np.ndarray) -> np.ndarray | None:
    """Sources of frames with their medians at 0; None where there are too many."""
    median = np.ascontiguousarray(np.median(frames, axis=0), dtype=np.float32)
    sep.set_extract_pixstack(int(median.size * 0.1))
    try:
        background = sep.Background(median, bw=32, bh=32, fw=3, fh=3)
        sources = sep.extract(median - background.back(), 3.5, err=background.globalrms, minarea=9)
    except Exception:
        return None
    if len(sources) > 3000:
        return None
    masks = []
    for frame in frames:
        mask = np.zeros(frame.shape, dtype=bool)
        for source in sources:
            if source["flag"] < 8 and 2 * np.sqrt(np.log(2) * (source["a"] ** 2 + source["b"] ** 2)) > 1:
                mask |= one_source(frame, source)
        masks.append(ndimage.binary_dilation(mask, FULL, iterations=2))
    return np.array(masks)


def one_source(frame: np.ndarray, source: np.void) -> np.ndarray:
    ellipse = np.zeros(frame.shape, dtype=bool)
    one = [np.array([source[name]]) for name in ("x", "y", "a", "b", "theta")]
    sep.mask_ellipse(ellipse, *one, r=2.0)
    window = np.zeros(frame.shape, dtype=bool)
    x, y = (int((source[f"{c}max"] - source[f"{c}min"]) * 0.25) for c in "xy")
    left, right = max(int(source["xmin"]) - x, 0), int(source["xmax"]) + x
    bottom, top = max(int(source["ymin"]) - y, 0), int(source["ymax"]) + y
    window[bottom:top, left:right] = True
    background = frame[window & ~ellipse]
    if not background.size:
        return ellipse
    level = np.median(background)
    upper = level + 2 * 1.4826 * np.median(np.abs(background - level))
    inside = np.where(window, frame, -np.inf)
    peak = inside.max()
    if peak <= upper:
        return ellipse
    labels, _ = ndimage.label(inside >= peak - (peak - upper), FULL)
    return ellipse | (labels == labels.ravel()[inside.argmax()])


def labels(
    frames: np.ndarray, valid: np.ndarray, read_noise: float, settings: Settings, *, small_telescope: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Masks of cosmic rays, ignore masks and ratios of all frames; None where there is no source mask."""
    frames = frames * valid
    mean, median, std = sigma_clipped_stats(frames, sigma=3.0)
    frames = np.where(frames < mean - 3 * std, np.float32(median), frames)
    level = frames - np.array([np.median(f) for f in frames])[:, None, None]
    sources = source_masks(level.astype(np.float32))
    if sources is None:
        return None
    noises = np.full(len(frames), read_noise)
    if small_telescope:
        for i in range(len(frames)):
            gain = solved_gain(frames[i] * ~sources[i], noises[i])
            frames[i] *= np.float32(gain)
            noises[i] *= gain
    frames = frames * valid
    edge = np.ones(valid.shape, dtype=bool)
    b = settings.border
    edge[b : edge.shape[0] - b, b : edge.shape[1] - b] = False
    frames[:, edge] = 0
    ratio = snr(frames, noises, subtract=True)
    cr, ignore = [], []
    for r, source in zip(ratio, sources, strict=True):
        mask = edges(r, source, settings) & ~source
        kept = large(mask, settings.smallest)
        bits = 1 * edge + 2 * (~valid.astype(bool)) + 4 * source + 8 * (mask & ~kept)
        cr.append(kept & (bits == 0))
        ignore.append(bits)
    return np.array(cr), np.array(ignore, dtype=np.uint8), ratio


def spectra(frames: np.ndarray, gain: float, read_noise: float, settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """Masks of cosmic rays and ignore masks of repeated spectra [ADU]."""
    saturated = np.array([ndimage.binary_dilation(f >= 30_000, FULL, iterations=3) for f in frames])
    frames = np.minimum(frames, np.float32(30_000))
    frames = np.array([(f - np.median(f[:, -35:])) * np.float32(gain) for f in frames])
    cr, ignore = [], []
    for r, full in zip(snr(frames, np.full(len(frames), read_noise), subtract=False), saturated, strict=True):
        mask = edges(r, np.zeros(r.shape, dtype=bool), settings)
        kept = large(mask, settings.smallest)
        ignore.append(full | (mask & ~kept))
        cr.append(kept & ~ignore[-1])
    return np.array(cr), np.array(ignore, dtype=np.uint8)


def snr(frames: np.ndarray, read_noises: np.ndarray, *, subtract: bool) -> np.ndarray:
    """Ratios with the sky counted twice in the noise, as it is done there."""
    skies = np.array([np.median(f) for f in frames])[:, None, None]
    sigma = np.sqrt(read_noises[:, None, None] ** 2 + np.abs(frames) + skies)
    sigma_of_median = np.median(sigma, axis=0) / np.sqrt(len(frames))
    total = np.sqrt(sigma**2 + sigma_of_median**2)
    if subtract:
        frames = frames - skies.astype(np.float32)
    return (frames - np.median(frames, axis=0)) / total


def edges(ratio: np.ndarray, source: np.ndarray, settings: Settings) -> np.ndarray:
    high, low = (ratio > settings.high) & ~source, ratio > settings.low
    if not settings.flood:
        wide = ndimage.binary_dilation(high, FULL, iterations=settings.dilation) if settings.dilation else high
        return wide & low
    objects, count = ndimage.label(low, FULL)
    found = np.zeros(low.shape, dtype=bool)
    for number in range(1, count + 1):
        if (high & (objects == number)).any():
            found |= objects == number
    return found


def large(mask: np.ndarray, smallest: int) -> np.ndarray:
    objects, count = ndimage.label(mask, FULL)
    sizes = np.array([0, *(int(n) for n in np.bincount(objects.ravel(), minlength=count + 1)[1:])])
    return mask & (sizes[objects] >= smallest)


def solved_gain(frame: np.ndarray, read_noise: float) -> float:
    h, w = frame.shape
    middle = frame[round(h * 0.05) : h - round(h * 0.05), round(w * 0.05) : w - round(w * 0.05)]
    median = float(np.median(middle))
    scatter = 1.48 * float(np.median(np.abs(middle - median)))
    return round(float(np.roots([read_noise**2, median, -(scatter**2)])[1]), 6)
