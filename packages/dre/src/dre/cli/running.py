"""``dre run``: the whole chain; ``dre report``: its sheets and page; ``dre export``: a fit for another program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from shared_io import cli

from dre.cli.choices import CatalogueEngine, Device, OnDevice, PsfEngine, Warn


def register(app: cli.App) -> None:
    """Add the verbs to the application."""
    app.command("run")(run)
    app.command("report")(report)
    app.command("export")(export)


def run(
    images: Annotated[
        list[Path] | None, typer.Argument(help="Image, folder or pattern; several are taken together")
    ] = None,
    input: Annotated[list[Path] | None, cli.option("-i", "--input", help="The same as the arguments IMAGES")] = None,
    output: Annotated[Path, cli.option("-o", "--output", help="Working folder of all products")] = Path(),
    config: Annotated[
        Path | None, cli.option("-c", "--config", help="SExtractor configuration; default: one that dre writes")
    ] = None,
    psfex_config: Annotated[
        Path | None, cli.option("--psfex-config", help="PSFEx configuration; default: one that dre writes")
    ] = None,
    model: Annotated[
        Path | None, cli.option("-m", "--model", help="Model cube whose axes the starts are sought on")
    ] = None,
    engine: Annotated[CatalogueEngine, cli.option("--engine", help="Who extracts")] = CatalogueEngine.AUTO,
    psf_engine: Annotated[PsfEngine, cli.option("--psf-engine", help="Who models the PSF")] = PsfEngine.AUTO,
    gain: Annotated[
        str | None,
        cli.option(
            "--gain", help="'counts': the header's; 'cps': times EXPTIME; or a number; default: GAIN_KEY", unit="e-/ADU"
        ),
    ] = None,
    zero_point: Annotated[
        float | None, cli.option("-zp", "--zero-point", help="Magnitude of 1 ADU", unit="mag")
    ] = None,
    margin: Annotated[float, cli.option("--margin", help="Leave out sources nearer to an edge", unit="px")] = 80,
    max_stellarity: Annotated[
        float, cli.option("--max-stellarity", help="Leave out sources of CLASS_STAR from here on")
    ] = 0.5,
    cpu: Annotated[int, cli.option("--cpu", "--workers", help="Processes (fit: threads)", min=1)] = 1,
    device: OnDevice = Device.AUTO,
    scheduler: cli.Scheduler = None,
    warn: Warn = False,
    dry_run: cli.DryRun = False,
    overwrite: cli.Overwrite = False,
    resume: cli.Resume = True,
) -> None:
    """Do everything: images -> catalogues, PSFs, cuts, profiles, sheets and one page, in one working folder.

    Run again after any interruption it goes on where it was; a bad image fails alone.

    Example:
      dre run Tiles -o survey --cpu 4
      dre run image.fits -o work --gain cps
    """
    from dre.pipeline.chain import Request, plan_of, run_chain
    from dre.pipeline.planning import Running

    found = [*(images or []), *(input or [])]
    if not found:
        raise cli.UsageProblem("name an image, a folder or a pattern")
    request = Request(
        tuple(found), output, config, psfex_config, model, engine.value, psf_engine.value, gain, zero_point, margin,
        max_stellarity, device.value,
    )  # fmt: skip
    if dry_run:
        cli.show(plan_of(request))
        return
    for one in run_chain(request, Running(overwrite, resume, cpu, scheduler, cli.warn if warn else None), cli.say):
        cli.show(one)


def report(
    summary: Annotated[Path, cli.option("-i", "--input", help="Folder of the summary tables")] = Path("Summary"),
    cuts: Annotated[Path, cli.option("--cuts", help="Folder of the cuts")] = Path("Cuts"),
    psf: Annotated[Path, cli.option("--psf", help="Folder of NAME.psf or NAME.fits, or one file")] = Path("PSF"),
    output: Annotated[Path, cli.option("-o", "--output", help="Folder of the sheets and the page")] = Path("Report"),
    workers: Annotated[int, cli.option("--workers", "--cpu", help="Images at a time", min=1)] = 1,
    scheduler: cli.Scheduler = None,
    overwrite: cli.Overwrite = False,
    resume: cli.Resume = True,
) -> None:
    """Draw the fits: a sheet of data, models and residuals for each image, and one page to scan for bad fits.

    Example:
      dre report
      open Report/index.html
    """
    from dre.pipeline.planning import Running
    from dre.pipeline.reporting import Request, report_all

    for one in report_all(Request(summary, cuts, psf, output), Running(overwrite, resume, workers, scheduler)):
        cli.show(one)


def export(
    image: Annotated[str, typer.Argument(help="Name of the image, as in NAME_tab.fits")],
    source: Annotated[str, typer.Argument(help="EE_NNNN, or the NUMBER in an image of one extension")],
    summary: Annotated[Path, cli.option("-i", "--input", help="Folder of the summary tables")] = Path("Summary"),
    cuts: Annotated[Path, cli.option("--cuts", help="Folder of the cuts")] = Path("Cuts"),
    psf: Annotated[Path, cli.option("--psf", help="Folder of NAME.psf or NAME.fits, or one file")] = Path("PSF"),
    output: Annotated[Path, cli.option("-o", "--output", help="Folder to write to")] = Path("Export"),
    overwrite: cli.Overwrite = False,
) -> None:
    """Write one fit as a GALFIT feedme and an imfit configuration, with image, noise, mask and PSF.

    Example:
      dre export image1 00_0012
      cd Export; imfit image1_00_0012.fits -c image1_00_0012.imfit --noise image1_00_0012_sigma.fits
    """
    from dre.pipeline.exporting import Request, export_fit

    for path in export_fit(Request(image, source, summary, cuts, psf, output), overwrite=overwrite):
        cli.say(f"wrote {path}")
