"""``dre fit``: from cuts to chi cubes, a summary table and mosaics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from shared_io import cli

from dre.cli.choices import Compression, Statistic, Warn


def register(app: cli.App) -> None:
    """Add the verb to the application."""
    app.command("fit")(fit)


def fit(
    model: Annotated[Path | None, typer.Argument(help="Model cube (dre models); default: the classic grid")] = None,
    model_option: Annotated[Path | None, cli.option("-m", "--model", help="The same as the argument MODEL")] = None,
    psf: Annotated[Path, cli.option("--psf", help="Folder of NAME.psf or NAME.fits, or one file for all")] = Path(
        "PSF"
    ),
    input: Annotated[Path, cli.option("-i", "--input", help="Folder of cuts")] = Path("Cuts"),
    output: Annotated[Path, cli.option("-o", "--output", "--chi", help="Folder of the chi cubes")] = Path("Chi"),
    summary: Annotated[Path, cli.option("--summary", help="Folder of the summary tables")] = Path("Summary"),
    catalogs: Annotated[
        Path, cli.option("--catalogs", help="Folder of the catalogues that the summary is joined with")
    ] = Path("Sextracted"),
    mosaics: Annotated[
        bool, cli.option("--mosaics", help="Write object, mask, model and residual of each source")
    ] = False,
    mosaics_dir: Annotated[Path, cli.option("--mosaics-dir", help="Folder of the mosaics")] = Path("Mosaics"),
    statistic: Annotated[Statistic, cli.option("--statistic", help="Goodness of fit")] = Statistic.DRE,
    cpu: Annotated[int, cli.option("--cpu", "--workers", help="Threads; with --scheduler slurm, workers", min=1)] = 1,
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
    """Fit every cut with every model of the grid, convolved with the image's PSF.

    Example:
      dre models modelbulge.fits
      dre modelbulge.fits --cpu 4 --mosaics
    """
    from dre.pipeline.fitting import Request, fit_all
    from dre.pipeline.modelling import models
    from dre.pipeline.planning import Running

    if model is not None and model_option is not None:
        raise typer.BadParameter("give the model cube once, as MODEL or with -m")
    grid = models(model or model_option)
    threads = cpu if scheduler is None else 1
    request = Request(
        input,
        psf,
        output,
        summary,
        catalogs,
        mosaics_dir if mosaics else None,
        statistic.value,
        threads,
        compression.value,
    )
    running = Running(overwrite, resume, cpu, scheduler, cli.warn if warn else None)
    cli.show(fit_all(request, grid, running, cube=model or model_option))
