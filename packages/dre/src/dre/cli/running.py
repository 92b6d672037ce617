"""``dre run``: the whole chain; ``dre report``: its sheets and page; ``dre export``: a fit for another program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from shared_io import cli

from dre.cli.choices import CatalogueEngine, Device, Filters, OnDevice, PsfEngine, Statistic, Warn

Images = Annotated[
    list[Path] | None,
    cli.option("--images", help="Images, folders or patterns to cut from, instead of --cuts"),
]
Sextracted = Annotated[Path, cli.option("-s", "--sextracted", help="Folder of the images' check images")]


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
        Path | None,
        cli.option("-m", "--model", help="Model cube: its axes are searched (chi2), or its models fitted (dre)"),
    ] = None,
    statistic: Annotated[
        Statistic,
        cli.option("--statistic", help="chi2: any shape, with errors, flux and sky free; dre: the predecessor's"),
    ] = Statistic.CHI2,
    engine: Annotated[CatalogueEngine, cli.option("--engine", help="Who extracts")] = CatalogueEngine.AUTO,
    psf_engine: Annotated[PsfEngine, cli.option("--psf-engine", help="Who models the PSF")] = PsfEngine.AUTO,
    psf: Annotated[
        Path | None, cli.option("--psf", help="PSF of your own: folder of NAME.psf or NAME.fits, or one file for all")
    ] = None,
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
    filters: Filters = None,
    keep_cuts: Annotated[
        bool, cli.option("--keep-cuts", help="Write Cuts/NAME_cuts.h5 too; else sources are cut in memory")
    ] = False,
    report: Annotated[bool, cli.option("--report/--no-report", help="Draw sheets and the page of the fits")] = True,
    cpu: Annotated[int, cli.option("--cpu", "--workers", help="Cores; with --scheduler slurm, workers", min=1)] = 1,
    device: OnDevice = Device.AUTO,
    scheduler: cli.Scheduler = None,
    warn: Warn = False,
    dry_run: cli.DryRun = False,
    overwrite: cli.Overwrite = False,
    resume: cli.Resume = True,
) -> None:
    """Do everything: images -> catalogues, PSFs, profiles, sheets and one page, in one working folder.

    Run again after any interruption it goes on where it was; a bad image fails alone.

    Example:
      dre run Tiles -o survey --cpu 4
      dre run image.fits -o work --gain cps
      dre run Tiles -o survey -m modelbulge.fits --statistic dre
    """
    from dre.cutouts import Selection
    from dre.pipeline.chain import Request, plan_of, run_chain
    from dre.pipeline.planning import Running

    found = [*(images or []), *(input or [])]
    if not found:
        raise cli.UsageProblem("name an image, a folder or a pattern")
    request = Request(
        tuple(found), output, config, psfex_config, model, engine.value, psf_engine.value, psf, gain, zero_point,
        Selection(margin, max_stellarity, tuple(filters or ())), device.value, statistic.value, keep_cuts,
        report,
    )  # fmt: skip
    if dry_run:
        cli.show(plan_of(request))
        return
    for one in run_chain(request, Running(overwrite, resume, cpu, scheduler, cli.warn if warn else None), cli.say):
        cli.show(one)


def report(
    summary: Annotated[Path, cli.option("-i", "--input", help="Folder of the summary tables")] = Path("Summary"),
    cuts: Annotated[Path, cli.option("--cuts", help="Folder of the cuts")] = Path("Cuts"),
    images: Images = None,
    sextracted: Sextracted = Path("Sextracted"),
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
    from dre.pipeline.stamps import CutFiles, Tiles

    stamps = Tiles(tuple(images), sextracted) if images else CutFiles(cuts)
    for one in report_all(Request(summary, stamps, psf, output), Running(overwrite, resume, workers, scheduler)):
        cli.show(one)


def export(
    image: Annotated[str, typer.Argument(help="Name of the image, as in NAME_tab.fits")],
    source: Annotated[str, typer.Argument(help="EE_NNNN, or the NUMBER in an image of one extension")],
    summary: Annotated[Path, cli.option("-i", "--input", help="Folder of the summary tables")] = Path("Summary"),
    cuts: Annotated[Path, cli.option("--cuts", help="Folder of the cuts")] = Path("Cuts"),
    images: Images = None,
    sextracted: Sextracted = Path("Sextracted"),
    psf: Annotated[Path, cli.option("--psf", help="Folder of NAME.psf or NAME.fits, or one file")] = Path("PSF"),
    output: Annotated[Path, cli.option("-o", "--output", help="Folder to write to")] = Path("Export"),
    overwrite: cli.Overwrite = False,
) -> None:
    """Write one fit as a GALFIT feedme and an imfit configuration, with image, noise, mask and PSF.

    Example:
      dre export image1 00_0012
      dre export image1 00_0012 --images ../Tiles
      cd Export; imfit image1_00_0012.fits -c image1_00_0012.imfit --noise image1_00_0012_sigma.fits
    """
    from dre.pipeline.exporting import Request, export_fit
    from dre.pipeline.stamps import CutFiles, Tiles

    stamps = Tiles(tuple(images), sextracted) if images else CutFiles(cuts)
    for path in export_fit(Request(image, source, summary, stamps, psf, output), overwrite=overwrite):
        cli.say(f"wrote {path}")
