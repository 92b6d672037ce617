"""``dre bands``: the same sources in several bands, fitted together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from shared_io import cli

from dre.cli.choices import Warn


def register(app: cli.App) -> None:
    """Add the verb to the application."""
    app.command("bands")(bands)


def bands(
    cuts: Annotated[
        list[Path] | None, typer.Argument(help="Folder of cuts of each band, the one that names the sources first")
    ] = None,
    input: Annotated[list[Path] | None, cli.option("-i", "--input", help="The same as the arguments CUTS")] = None,
    psf: Annotated[
        list[Path] | None, cli.option("--psf", help="Folder (or file) of PSFs of each band; default: CUTS as PSF")
    ] = None,
    catalogs: Annotated[
        list[Path] | None, cli.option("--catalogs", help="Folder of catalogues of each band, for gain and zero point")
    ] = None,
    output: Annotated[Path, cli.option("-o", "--output", help="Folder of the tables")] = Path("Bands"),
    band: Annotated[
        list[str] | None, cli.option("--band", help="Name of each band; default: what ends the folders' names")
    ] = None,
    separator: Annotated[str, cli.option("-sep", "--sep", help="Divides the common part of paired names")] = "_",
    model: Annotated[
        Path | None, cli.option("-m", "--model", help="Model cube whose axes the starts are sought on")
    ] = None,
    gain: Annotated[
        list[float] | None,
        cli.option("--gain", help="Gain of each band; default: the catalogue's SEXGAIN", unit="e-/ADU"),
    ] = None,
    zero_point: Annotated[
        list[float] | None,
        cli.option("-zp", "--zero-point", help="Magnitude of 1 ADU in each band; default: SEXMGZPT", unit="mag"),
    ] = None,
    cpu: Annotated[int, cli.option("--cpu", "--workers", help="Cores; with --scheduler slurm, workers", min=1)] = 1,
    scheduler: cli.Scheduler = None,
    warn: Warn = False,
    overwrite: cli.Overwrite = False,
    resume: cli.Resume = True,
) -> None:
    """Fit the same sources in several bands at once: one shape and centre, flux and sky of each band.

    The images lie on one grid of pixels, and their catalogues come from one detection image (sex_dre -i Tiles_r
    Tiles_g): NAME_bands.fits has a row a source, and BAND/NAME_tab.fits is a summary of each band as of dre fit.

    Example:
      dre bands Cuts_r Cuts_g Cuts_i --psf PSF_r PSF_g PSF_i --catalogs Sex_r Sex_g Sex_i --cpu 4
      dre report -i Bands/g --cuts Cuts_g --psf PSF_g
    """
    from dre.files.cube import read_axes
    from dre.pipeline.joint import Request, band_names, fit_all_bands
    from dre.pipeline.planning import Running

    folders = (*(cuts or []), *(input or []))
    if len(folders) < 2:
        raise cli.UsageProblem("name the folders of cuts of two bands or more")
    psfs = tuple(psf or (folder.with_name(folder.name.replace("Cuts", "PSF", 1)) for folder in folders))
    lists = {"--psf": psfs, "--catalogs": catalogs, "--band": band, "--gain": gain, "--zero-point": zero_point}
    for name, values in lists.items():
        if values and len(values) != len(folders):
            raise cli.UsageProblem(f"{name}: {len(values)} given for {len(folders)} bands")
    if gain and not all(value > 0 for value in gain):
        raise cli.UsageProblem("--gain: must be positive")
    names = tuple(band) if band else band_names(folders, separator)
    request = Request(
        folders, psfs, output, names, tuple(catalogs or ()), separator, read_axes(model) if model else None,
        tuple(gain or ()), tuple(zero_point or ()), cpu if scheduler is None else 1,
    )  # fmt: skip
    cli.show(fit_all_bands(request, Running(overwrite, resume, cpu, scheduler, cli.warn if warn else None)))
