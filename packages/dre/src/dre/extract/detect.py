"""Background, detection and deblending of one image with SEP (Barbary 2016; after Bertin & Arnouts 1996)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sep

from dre.config import Settings


@dataclass(frozen=True)
class Detections:
    """What was found on one image.

    Parameters
    ----------
    subtracted : ndarray of float32, shape (ny, nx)
        Image minus background [ADU]; blank pixels are 0.
    background : ndarray of float32, shape (ny, nx)
        Background [ADU].
    rms : ndarray of float32, shape (ny, nx)
        Background noise [ADU].
    segmentation : ndarray of int32, shape (ny, nx)
        0 for sky, else the 1-based number of the source.
    sources : structured ndarray
        SEP's table of the sources, in the order of their numbers (0-based pixel coordinates).
    blank : ndarray of bool, shape (ny, nx)
        Pixels without data (not finite, or of zero weight).
    """

    subtracted: np.ndarray
    background: np.ndarray
    rms: np.ndarray
    segmentation: np.ndarray
    sources: np.ndarray
    blank: np.ndarray


def detect(
    image: np.ndarray, settings: Settings, *, weight: np.ndarray | None = None, kernel: np.ndarray | None = None
) -> Detections:
    """Find the sources of an image.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
        Pixel values [ADU]; values that are not finite are ignored.
    settings : Settings
        SExtractor keys: BACK_SIZE, BACK_FILTERSIZE, DETECT_THRESH, DETECT_MINAREA, DEBLEND_*, CLEAN*, FILTER.
    weight : ndarray, shape (ny, nx), optional
        Inverse variance in any unit (MAP_WEIGHT); 0 marks a blank pixel.
    kernel : ndarray, optional
        Detection filter; the default is the 3x3 pyramid (1 2 1; 2 4 2; 1 2 1) / 16.

    Returns
    -------
    Detections
    """
    blank = ~np.isfinite(image)
    if weight is not None:
        blank = blank | ~(weight > 0)
    data = np.ascontiguousarray(np.where(blank, 0, image), dtype=np.float32)
    background, rms = _background(data, blank, settings)
    if weight is not None:
        rms = _scaled_rms(rms, weight, blank)
    subtracted = np.where(blank, np.float32(0), data - background)
    sources, segmentation = _sources(subtracted, rms, blank, settings, kernel)
    return Detections(subtracted, background, rms, segmentation, sources, blank)


def _background(data: np.ndarray, blank: np.ndarray, settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    width, height = (int(v) for v in (settings.numbers("BACK_SIZE") * 2)[:2])
    filter_width, filter_height = (int(v) for v in (settings.numbers("BACK_FILTERSIZE") * 2)[:2])
    model = sep.Background(data, mask=blank, bw=width, bh=height, fw=filter_width, fh=filter_height)
    return model.back(dtype=np.float32), model.rms(dtype=np.float32)


def _scaled_rms(rms: np.ndarray, weight: np.ndarray, blank: np.ndarray) -> np.ndarray:
    """Scale 1/sqrt(weight) to the level of the measured background noise, as SExtractor's MAP_WEIGHT does."""
    relative = np.zeros(rms.shape, np.float64)
    np.divide(1.0, np.sqrt(weight, where=~blank, out=np.ones(rms.shape)), out=relative, where=~blank)
    good = ~blank
    scale = np.median(rms[good] / relative[good]) if good.any() else 1.0
    return np.where(good, relative * scale, np.median(rms)).astype(np.float32)


def _sources(
    subtracted: np.ndarray, rms: np.ndarray, blank: np.ndarray, settings: Settings, kernel: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    options = {
        "err": np.maximum(rms, np.finfo(np.float32).tiny),
        "mask": blank,
        "minarea": int(settings.number("DETECT_MINAREA")),
        "deblend_nthresh": int(settings.number("DEBLEND_NTHRESH")),
        "deblend_cont": settings.number("DEBLEND_MINCONT"),
        "clean": settings.flag("CLEAN"),
        "clean_param": settings.number("CLEAN_PARAM"),
        "segmentation_map": True,
        "filter_type": "conv",  # SExtractor's: the threshold stays in units of the unfiltered noise
    }
    if not settings.flag("FILTER"):
        options["filter_kernel"] = None
    elif kernel is not None:
        options["filter_kernel"] = np.ascontiguousarray(kernel, np.float32)
    sep.set_extract_pixstack(max(300_000, subtracted.size))
    sep.set_sub_object_limit(16_384)
    sources, segmentation = sep.extract(subtracted, settings.number("DETECT_THRESH"), **options)
    return sources, segmentation.astype(np.int32)
