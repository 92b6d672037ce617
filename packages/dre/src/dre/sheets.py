"""Sheets of fits: each object's data, model and residual with its values, many on one picture.

A sheet is a picture of 254 colours: two ramps for the panels, and black and red text at ten strengths.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont

PANEL, TEXT, COLUMNS, PER_SHEET = 96, 40, 4, 120
"""Side of a panel and height of the text below (px of the sheet); objects in a row, and on a sheet."""

CARD = 3 * PANEL + 6, PANEL + TEXT
"""Width and height of one object on the sheet, px."""

_RAMP, _STRENGTHS, _FONT_SIZE = 116, 10, 9
_GREY = 2 * _RAMP
_WHITE = _GREY + 1
_BLACK, _RED = _WHITE + 1, _WHITE + 1 + _STRENGTHS


@dataclass(frozen=True, eq=False)
class Card:
    """One object on a sheet.

    Attributes
    ----------
    obj, model, noise : ndarray, shape (box, box)
        Data, model with its sky, noise of background and model, as they lie on the sky image.
    lines : tuple of str
        Two lines of text.
    good : bool
        Whether nothing is flagged.
    radius : float
        Half-light radius, px: what is shown is six of it, and at least 32 px.
    """

    obj: NDArray
    model: NDArray
    noise: NDArray
    lines: tuple[str, str]
    good: bool
    radius: float


def place(k: int) -> tuple[int, int]:
    """Left and top of card `k` on its sheet, px."""
    return (k % COLUMNS) * CARD[0], (k // COLUMNS) * CARD[1]


def sheet(cards: Sequence[Card]) -> Image:
    """Draw a sheet of at most `PER_SHEET` cards."""
    from PIL import Image

    rows = max(math.ceil(len(cards) / COLUMNS), 1)
    picture = np.full((rows * CARD[1], COLUMNS * CARD[0]), _WHITE, np.uint8)
    for k, card in enumerate(cards):
        left, top = place(k)
        for column, panel in enumerate(_panels(card)):
            start = left + column * (PANEL + 1)
            picture[top : top + PANEL, start : start + PANEL] = panel[::-1]  # north up: rows of the sheet run down
        picture[top + PANEL : top + CARD[1], left : left + CARD[0]] = _text(card)
    image = Image.fromarray(picture)
    image.putpalette(_palette())
    return image


def _panels(card: Card) -> list[NDArray[np.uint8]]:
    """Data, model and residual as places in the palette, their rows upwards."""
    box = card.obj.shape[0]
    noise = float(np.nanmedian(card.noise)) or 1.0
    side = int(np.clip(round(6 * card.radius) if np.isfinite(card.radius) else 64, min(32, box), box))
    inner = slice((box - side) // 2, (box - side) // 2 + side)
    obj, model, sigma = (plane[inner, inner] for plane in (card.obj, card.model, card.noise))
    shown_best = card.model if np.isfinite(card.model).any() else card.obj
    brightest = float(np.max(shown_best, where=np.isfinite(shown_best), initial=0.0))
    top = max(float(np.arcsinh(brightest / (3 * noise))), 1.0)
    with np.errstate(invalid="ignore"):
        shown = [(np.arcsinh(plane / (3 * noise)) + 0.4) / (top + 0.4) for plane in (obj, model)]
        residual = (obj - model) / (10 * sigma) + 0.5
    rows = (np.arange(PANEL) * side) // PANEL
    enlarged = np.ix_(rows, rows)
    return [_coloured(plane, ramp)[enlarged] for plane, ramp in ((shown[0], 0), (shown[1], 0), (residual, 1))]


def _coloured(values: NDArray, ramp: int) -> NDArray[np.uint8]:
    """Places in the palette of values from 0 to 1; grey where there is none."""
    steps = np.clip(np.where(np.isfinite(values), values, 0.0), 0, 1) * (_RAMP - 1) + 0.5
    return np.where(np.isfinite(values), steps.astype(np.uint8) + ramp * _RAMP, _GREY).astype(np.uint8)


def _text(card: Card) -> NDArray[np.uint8]:
    """Places in the palette of the lines of a card; what is too long is cut off."""
    from PIL import Image, ImageDraw

    canvas = Image.new("L", (CARD[0] - 4, TEXT))
    pen = ImageDraw.Draw(canvas)
    for line, text in enumerate(card.lines):
        pen.text((2, 12 + 15 * line), text, fill=255, font=_font(), anchor="lm")
    strength = (np.asarray(canvas).astype(np.uint16) * _STRENGTHS + 127) // 255
    out = np.full((TEXT, CARD[0]), _WHITE, np.uint8)
    ink = (_BLACK if card.good else _RED) - 1 + strength
    out[:, : strength.shape[1]] = np.where(strength > 0, ink, _WHITE)
    return out


@lru_cache(maxsize=1)
def _font() -> FreeTypeFont:
    from pathlib import Path

    from matplotlib import get_data_path
    from PIL import ImageFont

    path = Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSansMono.ttf"
    return ImageFont.truetype(str(path), _FONT_SIZE, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=1)
def _palette() -> bytes:
    """Red, green and blue of each place."""
    from matplotlib import colormaps

    steps = np.linspace(0, 1, _RAMP)
    ramps = [colormaps[name](steps, bytes=True)[:, :3] for name in ("magma", "RdBu_r")]
    fade = 1 - np.arange(1, _STRENGTHS + 1)[:, None] / _STRENGTHS
    inks = [np.rint(255 * fade + (1 - fade) * np.array(ink)) for ink in ((0, 0, 0), (178, 34, 34))]
    return np.concatenate([*ramps, [[153] * 3], [[255] * 3], *inks]).astype(np.uint8).tobytes()
