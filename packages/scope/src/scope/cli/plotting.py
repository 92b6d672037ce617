"""``scope plot-lightcurve``: one star, its periodograms, and its curve folded at the period found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from shared_io import cli


def register(app: cli.App) -> None:
    """Add the verb to the application."""
    app.command("plot-lightcurve")(plot_lightcurve)


def plot_lightcurve(
    light_curves: Annotated[Path, cli.option("-i", "--input", "--light-curves", help="Folder of files, or one file")],
    id: Annotated[
        list[int] | None, cli.option("--id", help="Sources to draw, one star; default: the first of the file")
    ] = None,
    period: Annotated[float | None, cli.option("--period", help="Fold at this; default: search", unit="d")] = None,
    max_freq: Annotated[float, cli.option("--max-freq", help="Highest frequency", unit="1/d", min=0.001)] = 48.0,
    output: Annotated[Path, cli.option("-o", "--output", help="Picture to write")] = Path("lightcurve.png"),
    overwrite: cli.Overwrite = False,
) -> None:
    """Draw a light curve over time and folded, above its periodograms.

    Example:
      scope plot-lightcurve --input LINEAR_11375941.csv --output star.png
    """
    from scope.pipeline.plotting import plot

    cli.show(plot(light_curves, id or [], output, period=period, max_freq=max_freq, overwrite=overwrite))
