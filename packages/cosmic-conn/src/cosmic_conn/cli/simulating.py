"""``cosmic-conn simulate``: exposures whose cosmic rays are known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from shared_io import cli


def register(app: cli.App) -> None:
    """Add the verbs to the application."""
    group = cli.App("cosmic-conn", "cosmic-conn", "Make exposures whose cosmic rays are known.")
    group.command("night")(night)
    app.add_typer(group, name="simulate")


def night(
    output: Annotated[Path, typer.Argument(help="Folder of the night")],
    fields: Annotated[int, cli.option("--fields", help="Fields that are exposed", min=1)] = 2,
    frames: Annotated[int, cli.option("--frames", help="How often each is", min=1)] = 3,
    side: Annotated[int, cli.option("--side", help="Of the square frames", unit="pixel", min=64)] = 512,
    sky: Annotated[float, cli.option("--sky", help="Level of the sky", unit="e-")] = 200.0,
    seeing: Annotated[float, cli.option("--seeing", help="Full width at half maximum", unit="pixel")] = 3.5,
    tracks: Annotated[float, cli.option("--tracks", help="Cosmic rays in a million pixels", min=0)] = 300.0,
    satellites: Annotated[int, cli.option("--satellites", help="Fields that a satellite crosses once", min=0)] = 1,
    stamps: Annotated[
        Path | None, cli.option("--stamps", help="JSON of real cosmic rays; then half of the tracks are real")
    ] = None,
    aligned: Annotated[bool, cli.option("--aligned", help="Also write the aligned files")] = False,
    seed: cli.Seed = 1,
    overwrite: cli.Overwrite = False,
    resume: cli.Resume = True,
) -> None:
    """Write a night of dithered exposures as LCO's pipeline does, in banzai_frms, and the truth about them.

    Stars, galaxies, changing air and sky, bad columns (in BPM), satellites, tracks through thin and thick sensors.

    Example:
      cosmic-conn simulate night data/demo_data --aligned
      cosmic-conn reduce --data data/demo_data
    """
    from cosmic_conn.cli.requests import night_of
    from cosmic_conn.pipeline.nights import align_night, make_night

    made = night_of(cli.resolved())
    cli.show(make_night(output, made, stamps, overwrite=overwrite, resume=resume))
    if aligned:
        cli.show(align_night(output, overwrite=overwrite, resume=resume))
