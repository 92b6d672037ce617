"""``otrain-convert`` and ``otrain inject``: data cubes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from shared_io import cli

from otrain.cli.choices import Planes, planes_of


def register(app: cli.App) -> None:
    """Add the verbs to the application."""
    app.command("convert")(convert)


def convert(
    path_datacube: Annotated[Path, cli.option("--path-datacube", "--path", "-o", "--output",
                                              help="Where to store the cube: in PATH/datacube/")],
    cube: Annotated[str, cli.option("--cube", help="Name of the cube, without extension")],
    cutouts: Annotated[Path, cli.option("--cutouts", "-i", "--input", help="Folder with the folders true and false")],
    frac_true: Annotated[
        float, cli.option("--frac-true", help="Part of true cut-outs; the others are left out at random", min=0, max=1)
    ] = 0.5,
    everything: Annotated[bool, cli.option("--all", help="Keep every cut-out, whatever the balance")] = False,
    cutout_size: Annotated[int, cli.option("--cutout-size", help="Cut out the central N x N; -1: all", unit="px",
                                           min=-1)] = -1,
    planes: Planes = None,
    seed: cli.Seed = 0,
    workers: cli.Workers = 1,
    overwrite: cli.Overwrite = False,
    resume: cli.Resume = True,
) -> None:  # fmt: skip
    """Convert classified cut-outs (FITS files or alert packets in true/ and false/) into a data cube.

    Keywords: CANDID (or NAME), MAG (or mag_calib), MAGERR, FILTER, FWHM and EDGE; what is missing becomes NaN or empty.
    Cut-outs with EDGE true are left out. OBJECT, NIGHT (or DATE-OBS, JD) and FIELD serve to split by.

    Example:
      otrain-convert --path-datacube . --cube night1 --cutouts cutouts --frac-true 0.5 --cutout-size 32
    """
    from otrain.pipeline.convert import Request, convert
    from otrain.pipeline.running import Running

    share = None if everything else frac_true
    request = Request(path_datacube, cube, cutouts, share, cutout_size, planes_of(planes), seed, workers)
    cli.show(convert(request, Running(overwrite, resume)))
