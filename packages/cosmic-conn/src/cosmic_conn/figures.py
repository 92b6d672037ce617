"""Pictures: a frame with its cosmic rays."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from shared_io import atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["label_sheet", "preview", "save", "sheet", "stack_sheet"]

_LARGEST = 1200
"""Pixels of a side that a preview shows one by one; of larger images it shows every second, third, ... pixel."""


def preview(pixels: npt.NDArray[Any], mask: npt.NDArray[np.bool_], title: str) -> Figure:
    """Draw an image, and beside it the same with its cosmic rays in red.

    Parameters
    ----------
    pixels : ndarray, shape (height, width)
    mask : ndarray of bool, same shape
    title
        Heading.
    """
    image, flagged = _small(pixels, mask)
    height, width = image.shape
    figure = _figure(12.0, min(max(6.0 * height / width + 0.4, 2.0), 14.0))
    figure.suptitle(f"{title}: {int(mask.sum())} pixels in cosmic rays", fontsize=10)
    red = np.zeros((*image.shape, 4))
    red[flagged] = (0.9, 0.1, 0.1, 1.0)
    low, high = _limits(image)
    for index, axis in enumerate(figure.subplots(1, 2)):
        axis.imshow(image, origin="lower", cmap="gray", vmin=low, vmax=high, interpolation="nearest")
        axis.set_xticks([])
        axis.set_yticks([])
        if index:
            axis.imshow(red, origin="lower", interpolation="nearest")
    return figure


def sheet(
    rows: Sequence[tuple[str, npt.NDArray[Any], npt.NDArray[np.bool_], npt.NDArray[Any]]],
) -> Figure:
    """Draw images one below another: as they are, with their cosmic rays in red, and cleaned.

    Parameters
    ----------
    rows : sequence of (title, image, mask, cleaned)
        Arrays of shape (height, width).
    """
    figure = _figure(11.0, sum(3.6 * image.shape[0] / image.shape[1] + 0.3 for _, image, _, _ in rows))
    heights = [image.shape[0] / image.shape[1] for _, image, _, _ in rows]
    panels = figure.subplots(len(rows), 3, squeeze=False, gridspec_kw={"height_ratios": heights})
    for (title, image, mask, cleaned), axes in zip(rows, panels, strict=True):
        low, high = _limits(np.asarray(cleaned, dtype=np.float64))
        red = np.zeros((*mask.shape, 4))
        red[mask] = (0.9, 0.1, 0.1, 1.0)
        for axis, shown, what in zip(axes, (image, image, cleaned), (title, "cosmic rays", "cleaned"), strict=True):
            axis.imshow(shown, origin="lower", cmap="gray", vmin=low, vmax=high, interpolation="nearest")
            axis.set(xticks=[], yticks=[])
            axis.set_title(what, fontsize=10)
        axes[1].imshow(red, origin="lower", interpolation="nearest")
    return figure


def label_sheet(
    names: Sequence[str],
    frames: npt.NDArray[Any],
    cr: npt.NDArray[np.bool_],
    ignore: npt.NDArray[np.uint8],
    cleaned: npt.NDArray[Any],
) -> Figure:
    """Draw the frames of a sequence one below another: as they are, labelled, and cleaned.

    Cosmic rays are red, pixels that say nothing about them blue; all frames have the same levels.

    Parameters
    ----------
    names
        Of the frames.
    frames, cr, ignore, cleaned : ndarray, shape (N, height, width)
    """
    aspect = frames.shape[1] / frames.shape[2]
    figure = _figure(11.0, min(len(frames) * (3.6 * aspect + 0.3), 80.0))
    panels = figure.subplots(len(frames), 3, squeeze=False)
    for name, axes, frame, mask, bits, clean in zip(names, panels, frames, cr, ignore, cleaned, strict=True):
        shown, red = _small(frame, mask)
        blue, filled = _small(frame, bits > 0)[1], _small(clean, mask)[0]
        low, high = _limits(filled)
        over = np.zeros((*red.shape, 4))
        over[blue], over[red] = (0.2, 0.4, 1.0, 0.35), (0.9, 0.1, 0.1, 1.0)
        titles = (name, f"{int(mask.sum())} pixels of cosmic rays", "cleaned")
        for axis, image, title in zip(axes, (shown, shown, filled), titles, strict=True):
            axis.imshow(image, origin="lower", cmap="gray", vmin=low, vmax=high, interpolation="nearest")
            axis.set(xticks=[], yticks=[])
            axis.set_title(title, fontsize=9)
        axes[1].imshow(over, origin="lower", interpolation="nearest")
    return figure


def stack_sheet(names: Sequence[str], frames: npt.NDArray[Any]) -> Figure:
    """Draw aligned frames one beside another, all with the levels of their median.

    Parameters
    ----------
    names
        Of the frames.
    frames : ndarray, shape (N, height, width)
    """
    across = min(len(frames), 4)
    down = -(-len(frames) // across)
    figure = _figure(11.0, min(down * (11.0 / across * frames.shape[1] / frames.shape[2] + 0.3), 60.0))
    panels = figure.subplots(down, across, squeeze=False).ravel()
    nothing = np.zeros(frames.shape[1:], dtype=bool)
    shown = [_small(frame, nothing)[0] for frame in frames]
    low, high = _limits(np.median(shown, axis=0))
    for axis in panels[len(frames) :]:
        axis.remove()
    for axis, name, image in zip(panels, names, shown, strict=False):
        axis.imshow(image, origin="lower", cmap="gray", vmin=low, vmax=high, interpolation="nearest")
        axis.set(xticks=[], yticks=[])
        axis.set_title(name, fontsize=8)
    return figure


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure as PNG, replacing an older one; no date goes into the file."""
    with atomic.atomic_path(path, overwrite=True) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})


def _figure(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=100, layout="tight")
    FigureCanvasAgg(figure)
    return figure


def _small(
    pixels: npt.NDArray[Any], mask: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    step = -(-max(pixels.shape) // _LARGEST)
    height, width = (n // step * step for n in pixels.shape)
    image = np.asarray(pixels[:height:step, :width:step], dtype=np.float64)
    blocks = mask[:height, :width].reshape(height // step, step, width // step, step)
    return np.where(np.isfinite(image), image, np.nan), np.asarray(blocks.any(axis=(1, 3)))


def _limits(image: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the levels shown as black and white, after the IRAF zscale algorithm."""
    from astropy.visualization import ZScaleInterval

    known = image[np.isfinite(image)]
    if not known.size:
        return 0.0, 1.0
    low, high = ZScaleInterval().get_limits(known)
    return float(low), float(high)
