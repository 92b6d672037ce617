"""``dre init`` and ``dre models``: what a working folder needs before the first image."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from shared_io import cli


def register(app: cli.App) -> None:
    """Add the verbs to the application."""
    app.command("init")(init)
    app.command("models")(models)


def init(
    folder: Annotated[Path, typer.Argument(help="Working folder")] = Path(),
    overwrite: cli.Overwrite = False,
) -> None:
    """Write sex_source/ with the configuration of SExtractor and PSFEx.

    Example:
      dre init
      sex_dre -c sex_source/default.sex --gain counts --subdir
    """
    from dre.files.sources import write_sources

    written = write_sources(folder / "sex_source", overwrite=overwrite)
    for path in written:
        cli.say(f"wrote {path}")
    if not written:
        cli.say(f"{folder / 'sex_source'} is complete")


def models(
    output: Annotated[Path, typer.Argument(help="Model cube to write")] = Path("modelbulge.fits"),
    log_r: Annotated[
        tuple[float, float, int],
        cli.option("--log-r", help="log10 of the half-light radius: first, step, count", unit="px"),
    ] = (-0.70, 0.12, 21),
    angle: Annotated[
        tuple[float, float, int], cli.option("--angle", help="Position angle from +x: first, step, count", unit="deg")
    ] = (0.0, 15.0, 13),
    axis_ratio: Annotated[
        tuple[float, float, int], cli.option("--axis-ratio", help="Axis ratio: first, step, count")
    ] = (0.1, 0.1, 10),
    index: Annotated[tuple[float, float, int], cli.option("--index", help="Sersic index: first, step, count")] = (
        4.0,
        1.0,
        1,
    ),
    box: Annotated[int, cli.option("--box", help="Side of a model", unit="px", min=16, max=1024)] = 128,
    overwrite: cli.Overwrite = False,
    resume: cli.Resume = True,
) -> None:
    """Generate a cube of Sersic models; the default is the classic grid of 2,730 de Vaucouleurs models.

    Example:
      dre models modelbulge.fits
      dre models free_n.fits --index 1 1 6
    """
    from dre.grid import GridAxes, axis
    from dre.pipeline.modelling import write_models

    try:
        axes = GridAxes(axis(*log_r), axis(*angle), axis(*axis_ratio), axis(*index), box)
    except ValueError as error:
        raise cli.UsageProblem(f"no such grid: {error}") from error
    cli.show(write_models(output, axes, overwrite=overwrite, resume=resume))
