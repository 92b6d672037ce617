"""``dre fit``: from cuts to chi cubes, a summary table and mosaics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from shared_io import cli

from dre.cli.choices import Compression, Device, OnDevice, Statistic, Warn


def register(app: cli.App) -> None:
    """Add the verb to the application."""
    app.command("fit")(fit)


def fit(
    model: Annotated[
        Path | None,
        typer.Argument(help="Model cube (dre models); default: the classic grid (dre), a grid of seven indices (chi2)"),
    ] = None,
    model_option: Annotated[Path | None, cli.option("-m", "--model", help="The same as the argument MODEL")] = None,
    psf: Annotated[Path, cli.option("--psf", help="Folder of NAME.psf or NAME.fits, or one file for all")] = Path(
        "PSF"
    ),
    input: Annotated[Path, cli.option("-i", "--input", help="Folder of cuts")] = Path("Cuts"),
    output: Annotated[Path, cli.option("-o", "--output", "--chi", help="Folder of the chi cubes (dre only)")] = Path(
        "Chi"
    ),
    summary: Annotated[Path, cli.option("--summary", help="Folder of the summary tables")] = Path("Summary"),
    catalogs: Annotated[
        Path, cli.option("--catalogs", help="Folder of the catalogues that the summary is joined with")
    ] = Path("Sextracted"),
    mosaics: Annotated[
        bool, cli.option("--mosaics", help="Write object, mask, model and residual of each source")
    ] = False,
    mosaics_dir: Annotated[Path, cli.option("--mosaics-dir", help="Folder of the mosaics")] = Path("Mosaics"),
    statistic: Annotated[
        Statistic,
        cli.option("--statistic", help="chi2: any shape, with errors, flux and sky free; dre: the predecessor's"),
    ] = Statistic.CHI2,
    gain: Annotated[
        float | None, cli.option("--gain", help="Gain (chi2 only); default: the catalogue's SEXGAIN", unit="e-/ADU")
    ] = None,
    zero_point: Annotated[
        float | None,
        cli.option("-zp", "--zero-point", help="Magnitude of 1 ADU (chi2 only); default: SEXMGZPT", unit="mag"),
    ] = None,
    cpu: Annotated[int, cli.option("--cpu", "--workers", help="Cores; with --scheduler slurm, workers", min=1)] = 1,
    device: OnDevice = Device.AUTO,
    scheduler: cli.Scheduler = None,
    chunk: Annotated[
        int, cli.option("--chunk", help="Accepted for old scripts; memory is flat without it", min=1)
    ] = 100,
    compression: Annotated[
        Compression, cli.option("--compression", help="Compression of the HDF5 file")
    ] = Compression.MEDIUM,
    warn: Warn = False,
    overwrite: cli.Overwrite = False,
    resume: cli.Resume = True,
) -> None:
    """Fit every cut with Sersic profiles through the image's PSF.

    By default (--statistic chi2) the best model of a grid is the start of a fit of radius, axis ratio, angle, Sersic
    index, centre, flux and sky, with errors; a MODEL of one Sersic index holds it. With --statistic dre every model
    is compared as the predecessor did.

    Example:
      dre fit --cpu 4 --mosaics
      dre modelbulge.fits --statistic dre --cpu 4
    """
    from dre.pipeline.planning import Running
    from dre.pipeline.stamps import CutFiles

    if model is not None and model_option is not None:
        raise typer.BadParameter("give the model cube once, as MODEL or with -m")
    if gain is not None and not gain > 0:
        raise cli.UsageProblem(f"--gain {gain:g}: must be positive")
    cube, threads = model or model_option, cpu if scheduler is None else 1
    running = Running(overwrite, resume, cpu, scheduler, cli.warn if warn else None)
    shown = mosaics_dir if mosaics else None
    if statistic is Statistic.DRE:
        from dre.pipeline.fitting import Request, fit_all
        from dre.pipeline.modelling import models

        request = Request(
            CutFiles(input), psf, output, summary, catalogs, shown, "dre", threads, compression.value, device.value
        )
        cli.show(fit_all(request, models(cube), running, cube=cube))
        return
    from dre.files.cube import read_axes
    from dre.pipeline import profiling

    axes = read_axes(cube) if cube else None
    own = profiling.Request(
        CutFiles(input), psf, summary, catalogs, shown, axes, gain, zero_point, threads, device.value
    )
    cli.show(profiling.profile_all(own, running))
