"""Pictures of single cut-outs: as titled figures, and as small plain images for pages."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from otrain.figures.canvas import figure

__all__ = ["encode", "enlarged", "grey", "heat", "sheet", "titled"]

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
        + chunk(b"IDAT", zlib.compress(rows.tobytes(), 3))
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
    made = figure(_PANEL * len(names) / _DPI, 2.5, dpi=_DPI)
    made.set_layout_engine("none")
    for k, name in enumerate(names):
        made.text((k + 0.5) / len(names), 0.8, name, fontsize=8, ha="center")
    text = made.suptitle("", fontsize=9, y=0.99)
    for number, (stamp, title) in enumerate(zip(stamps, titles, strict=True)):
        levels = [grey(stamp[..., k]) for k in range(len(planes))]
        pictures = [np.repeat(one[..., None], 3, axis=2) for one in levels]
        if maps is not None:
            pictures.append(heat(levels[-1], maps[number]))
        text.set_text(title)
        made.canvas.draw()
        whole = np.asarray(made.canvas.buffer_rgba())[..., :3].copy()  # type: ignore[attr-defined]
        for k, picture in enumerate(pictures):
            _paste(whole, enlarged(picture[::-1], _SIDE), k)
        yield encode(whole[::-1])


_DPI, _PANEL, _SIDE = 80, 156, 148


def enlarged(picture: Array, side: int) -> Array:
    """Return a picture (ny, nx, 3) whose longer side has so many pixels, by its nearest pixels."""
    ny, nx = picture.shape[:2]
    height, width = (max(side * n // max(ny, nx), 1) for n in (ny, nx))
    return picture[(np.arange(height) * ny // height)[:, None], np.arange(width) * nx // width]


def _paste(whole: Array, picture: Array, panel: int) -> None:
    """Put a picture into a panel, at the bottom and in the middle."""
    height, width = picture.shape[:2]
    left = panel * _PANEL + (_PANEL - width) // 2
    bottom = len(whole) - 4
    whole[bottom - height : bottom, left : left + width] = picture


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
