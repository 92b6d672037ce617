"""Pictures to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scope.lightcurves.record import LightCurve
from scope.periods.grid import FrequencyGrid
from scope.periods.screens import SCREENS
from scope.periods.search import Options
from scope.periods.series import Series

COLOURS = {1: ("#2e7d32", "g"), 2: ("#c62828", "r"), 3: ("#6a4c00", "i")}
_OTHER = ("#1f4e79", "no filter named")


def star_sheet(star: Sequence[LightCurve], series: Series, options: Options, period: float, path: Path) -> None:
    """Draw a star over time and folded, above its periodograms, and save it as PNG.

    Parameters
    ----------
    star : sequence of LightCurve
        Its light curves, one a filter.
    series : Series
        The same, prepared for the search.
    options : Options
        Frequencies that are drawn.
    period : float
        Period of the fold [d].
    path : pathlib.Path
        File to write.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 9.5), layout="constrained", dpi=110)
    mosaic: list[Any] = [["time", "folded"], *[[name, name] for name in SCREENS]]
    axes = figure.subplot_mosaic(mosaic)
    start = min(curve.hjd[0] for curve in star)
    for curve in star:
        _points(axes["time"], curve, curve.hjd - start)
        phase = ((curve.hjd - start) / period) % 1
        _points(axes["folded"], curve, np.concatenate([phase, phase + 1]), twice=True)
    axes["time"].set(xlabel=f"HJD - {start:.4f} [d]", ylabel="mag")
    axes["folded"].set(xlabel="phase", title=f"P = {period:.8g} d", xlim=(0, 2))
    for name in ("time", "folded"):
        axes[name].invert_yaxis()
    axes["time"].legend(loc="best", fontsize=8)
    grid = FrequencyGrid.of(series.baseline, samples_per_peak=options.samples_per_peak, max_freq=options.max_freq)
    for name, screen in SCREENS.items():
        _periodogram(axes[name], grid, screen.power(series.merged, grid), screen.title, 1 / period)
    figure.suptitle("  ".join(str(curve.id) for curve in star), fontsize=9)
    figure.savefig(path, format="png", metadata={"Software": None})


def _points(axes: Any, curve: LightCurve, x: np.ndarray, *, twice: bool = False) -> None:
    colour, label = COLOURS.get(curve.filter, _OTHER)
    mag, err = (np.concatenate([v, v]) if twice else v for v in (curve.mag, curve.magerr))
    axes.errorbar(x, mag, err, fmt=".", ms=3, lw=0.6, color=colour, alpha=0.8, label=label)


def _periodogram(axes: Any, grid: FrequencyGrid, power: np.ndarray, title: str, frequency: float) -> None:
    """Draw the envelope of a periodogram: a line through every sample would hide the peaks."""
    columns = min(2000, grid.size)
    edges = np.linspace(0, grid.size, columns + 1).astype(int)
    top = np.maximum.reduceat(power, edges[:-1])
    middle = np.median(power)
    axes.fill_between(grid.frequencies[edges[:-1]], middle, top, lw=0, color="#1f4e79")
    axes.axvline(frequency, color="#c62828", lw=0.8, ls="--")
    axes.set(xlabel="frequency [1/d]", ylabel=title, xlim=(0, grid.frequencies[-1]))
    axes.yaxis.label.set_size(7)
