"""Sheets of fits: each object's data, model and residual with its values, many on one picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANEL, TEXT, COLUMNS, PER_SHEET = 96, 40, 4, 120
"""Side of a panel and height of the text below (px of the sheet); objects in a row, and on a sheet."""

CARD = 3 * PANEL + 6, PANEL + TEXT
"""Width and height of one object on the sheet, px."""


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


def sheet(cards: Sequence[Card]) -> Figure:
    """Draw a sheet of at most `PER_SHEET` cards."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = max(math.ceil(len(cards) / COLUMNS), 1)
    width, height = COLUMNS * CARD[0], rows * CARD[1]
    picture = np.ones((height, width, 3))
    figure = Figure(figsize=(width / 100, height / 100), dpi=100)
    FigureCanvasAgg(figure)
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set_axis_off()
    for k, card in enumerate(cards):
        left, top = place(k)
        for column, panel in enumerate(_panels(card)):
            start = left + column * (PANEL + 1)
            picture[top : top + PANEL, start : start + PANEL] = panel[::-1]  # north up: rows of the sheet run down
        colour = "black" if card.good else "firebrick"
        for line, text in enumerate(card.lines):
            y = top + PANEL + 12 + 15 * line
            axis.text(left + 2, y, text, fontsize=6.2, color=colour, family="monospace", va="center", parse_math=False)
    axis.imshow(picture, extent=(0, width, height, 0), interpolation="nearest", aspect="auto")
    return figure


def _panels(card: Card) -> list[NDArray[np.float64]]:
    """Data, model and residual as colours, their rows upwards."""
    from matplotlib import colormaps

    box = card.obj.shape[0]
    noise = float(np.nanmedian(card.noise)) or 1.0
    side = int(np.clip(round(6 * card.radius) if np.isfinite(card.radius) else 64, min(32, box), box))
    rows = (box - side) // 2 + (np.arange(PANEL) * side) // PANEL
    inner = np.ix_(rows, rows)
    shown_best = card.model if np.isfinite(card.model).any() else card.obj
    brightest = float(np.max(shown_best, where=np.isfinite(shown_best), initial=0.0))
    top = max(float(np.arcsinh(brightest / (3 * noise))), 1.0)
    with np.errstate(invalid="ignore"):
        shown = [(np.arcsinh(plane[inner] / (3 * noise)) + 0.4) / (top + 0.4) for plane in (card.obj, card.model)]
        residual = (card.obj - card.model)[inner] / (10 * card.noise[inner]) + 0.5
    colours = [colormaps["magma"](np.clip(plane, 0, 1))[..., :3] for plane in shown]
    colours.append(colormaps["RdBu_r"](np.clip(residual, 0, 1))[..., :3])
    for plane, source in zip(colours, (card.obj, card.model, card.obj - card.model), strict=True):
        plane[~np.isfinite(source[inner])] = 0.6
    return colours
