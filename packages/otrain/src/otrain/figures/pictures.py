"""Pictures of single cut-outs: as titled figures, and as small plain images for pages."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from otrain.figures.canvas import figure, png

__all__ = ["encode", "grey", "heat", "sheet", "titled"]

Array = npt.NDArray[Any]


def grey(plane: Array) -> Array:
    """Return 8-bit grey levels of a plane: from 2 % below to 99.5 %, by arcsinh; missing pixels are black.

    Parameters
    ----------
    plane : ndarray, shape (ny, nx)

    Returns
    -------
    ndarray of uint8, shape (ny, nx)
        Row 0 is the lowest one in the sky's usual picture: flip it for a page.
    """
    good = np.isfinite(plane)
    if not good.any():
        return np.zeros(plane.shape, np.uint8)
    low, high = np.percentile(plane[good], [2, 99.5])
    scaled = (np.where(good, plane, low).astype(np.float64) - low) / (high - low if high > low else 1.0)
    bent = np.arcsinh(5 * np.clip(scaled, 0, 1)) / np.arcsinh(5.0)
    return np.where(good, 20 + 235 * bent, 0).astype(np.uint8)


def heat(levels: Array, strength: Array, alpha: float = 0.45) -> Array:
    """Lay a map of 0 to 1 over grey levels, from blue to red.

    Parameters
    ----------
    levels : ndarray of uint8, shape (ny, nx)
    strength : ndarray of float, shape (ny, nx)
    alpha : float
        Opacity of the map where it is 0.1 and more; below it fades away.

    Returns
    -------
    ndarray of uint8, shape (ny, nx, 3)
    """
    s = np.clip(strength, 0, 1)[..., None]
    ramp = np.array([[0, 0, 143], [0, 100, 255], [60, 255, 190], [255, 200, 0], [200, 0, 0]], float)
    place = s[..., 0] * (len(ramp) - 1)
    below = np.minimum(place.astype(int), len(ramp) - 2)
    part = (place - below)[..., None]
    colour = ramp[below] * (1 - part) + ramp[below + 1] * part
    opacity = alpha * np.clip(s * 10, 0, 1)
    return (levels[..., None] * (1 - opacity) + colour * opacity).astype(np.uint8)


def encode(levels: Array, zoom: int = 1) -> bytes:
    """Return a PNG of grey levels (ny, nx) or colours (ny, nx, 3), row 0 at the bottom."""
    picture = np.repeat(np.repeat(levels[::-1], zoom, axis=0), zoom, axis=1)
    ny, nx = picture.shape[:2]
    rows = np.concatenate([np.zeros((ny, 1), np.uint8), picture.reshape(ny, -1)], axis=1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", nx, ny, 8, 2 if picture.ndim == 3 else 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows.tobytes(), 6))
        + chunk(b"IEND", b"")
    )


def titled(stamps: Array, titles: Sequence[str], planes: Sequence[str], maps: Array | None = None) -> Iterator[bytes]:
    """Yield a PNG for each cut-out: its planes side by side under a title, and a map over the last plane.

    Parameters
    ----------
    stamps : ndarray, shape (n, ny, nx, planes)
    titles : sequence of str
    planes : sequence of str
        Names of the planes.
    maps : ndarray, shape (n, ny, nx), optional
        From 0 to 1.
    """
    names = [*planes, "what decided"] if maps is not None else list(planes)
    made = figure(1.9 * len(names) + 0.2, 2.5, dpi=80)
    made.set_layout_engine("none")
    width = 1 / len(names)
    drawn = []
    for k, name in enumerate(names):
        axis = made.add_axes((k * width + 0.03 * width, 0.02, 0.94 * width, 0.76))
        axis.set_axis_off()
        axis.set_title(name, fontsize=8, pad=2)
        drawn.append(axis.imshow(np.zeros((*stamps.shape[1:3], 3), np.uint8), origin="lower", interpolation="nearest"))
    text = made.suptitle("", fontsize=9, y=0.99)
    for number, (stamp, title) in enumerate(zip(stamps, titles, strict=True)):
        levels = [grey(stamp[..., k]) for k in range(len(planes))]
        pictures = [np.repeat(one[..., None], 3, axis=2) for one in levels]
        if maps is not None:
            pictures.append(heat(levels[-1], maps[number]))
        for image, picture in zip(drawn, pictures, strict=True):
            image.set_data(picture)
        text.set_text(title)
        yield png(made)


def sheet(stamps: Array, titles: Sequence[str], columns: int = 8) -> Any:
    """Return a figure of many cut-outs, the last plane of each."""
    rows = max(-(-len(stamps) // columns), 1)
    made = figure(1.3 * columns, 1.5 * rows)
    axes = made.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, stamp, title in zip(axes, stamps, titles, strict=False):
        axis.imshow(grey(stamp[..., -1]), origin="lower", cmap="gray", vmin=0, vmax=255)
        axis.set_title(title, fontsize=7)
    return made
