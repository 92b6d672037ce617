"""Figures without a window, and how they become files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from shared_io import atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["BOGUS", "REAL", "figure", "png", "save"]

REAL, BOGUS = "#1f6fb4", "#c8442e"
"""Colours of the two classes in all pictures."""


def figure(width: float, height: float, *, dpi: int = 100) -> Figure:
    """Return an empty figure of so many inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), dpi=dpi, layout="constrained")
    FigureCanvasAgg(made)
    return made


def png(made: Figure) -> bytes:
    """Return the bytes of a PNG; the same for the same figure."""
    out = io.BytesIO()
    made.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def save(made: Figure, path: Path) -> None:
    """Write a figure as PNG, replacing an older one."""
    atomic.write_bytes(path, png(made), overwrite=True)
