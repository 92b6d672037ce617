"""``sex_dre``, ``psfex_dre`` and ``make_cuts``: from sky images to cuts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from shared_io import cli

from dre.cli.choices import CatalogueEngine, Centroid, Compression, Filters, PsfEngine, Warn, Workers


def register(app: cli.App) -> None:
    """Add the verbs to the application."""
    app.command("sex")(sex)
    app.command("psfex")(psfex)
    app.command("cuts")(cuts)


def sex(
    inputs: Annotated[
        list[Path], cli.option("-i", "--input", help="Folder of images; two folders: detection and measurement images")
    ] = [Path("Tiles")],  # noqa: B006
    output: Annotated[Path, cli.option("-o", "--output", help="Folder of the catalogues and check images")] = Path(
        "Sextracted"
    ),
    config: Annotated[
        Path | None,
        cli.option("-c", "--config", help="SExtractor configuration; default: default.sex here or in sex_source/"),
    ] = None,
    subdir: Annotated[bool, cli.option("--subdir", help="Make a folder for each image")] = False,
    flags: Annotated[Path | None, cli.option("--flags", help="Folder of flag images NAME_flag.fits")] = None,
    weights: Annotated[
        list[Path] | None, cli.option("--weights", help="Folder(s) of weight images NAME_wht.fits")
    ] = None,
    gain: Annotated[
        str | None,
        cli.option("--gain", help="'counts': the header's; 'cps': times EXPTIME; or a number", unit="e-/ADU"),
    ] = None,
    gain_key: Annotated[str, cli.option("--gain-key", help="Header keyword of the gain; 'auto' searches")] = "auto",
    zero_point: Annotated[
        float | None, cli.option("-zp", "--zero-point", help="Magnitude zero point", unit="mag")
    ] = None,
    fwhm: Annotated[
        float | None, cli.option("-fwhm", "--fwhm", help="FWHM of stars, in the unit of PIXEL_SCALE", unit="arcsec")
    ] = None,
    separator: Annotated[str, cli.option("-sep", "--sep", help="Divides the common part of paired names")] = "_",
    arg: Annotated[
        list[tuple[str, str]] | None, cli.option("--arg", help="Another SExtractor setting: NAME VALUE")
    ] = None,
    file: Annotated[
        list[tuple[str, str]] | None, cli.option("--file", help="Setting whose value is each image's file: NAME FOLDER")
    ] = None,
    engine: Annotated[CatalogueEngine, cli.option("--engine", help="Who extracts")] = CatalogueEngine.AUTO,
    workers: Workers = 1,
    scheduler: cli.Scheduler = None,
    overwrite: cli.Overwrite = False,
    resume: cli.Resume = True,
) -> None:
    """Extract the sources of every image: catalogue, background-subtracted image, noise and segmentation.

    SExtractor is used where it is installed, else the embedded extractor; both obey the same configuration file.

    Example:
      sex_dre -c sex_source/default.sex --gain cps
      sex_dre -i Tiles_i Tiles_r --weights Weights_i Weights_r --workers 4
    """
    from dre.pipeline.extraction import Request, sextract
    from dre.pipeline.planning import Running

    request = Request(
        inputs, output, config, engine.value, subdir, separator, flags, tuple(weights or ()), gain, gain_key,
        zero_point, fwhm, tuple(arg or ()), tuple(file or ()),
    )  # fmt: skip
    cli.show(sextract(request, Running(overwrite, resume, workers, scheduler)))


def psfex(
    input: Annotated[Path, cli.option("-i", "--input", help="Folder of catalogues")] = Path("Sextracted"),
    output: Annotated[Path, cli.option("-o", "--output", help="Folder of the PSFs")] = Path("PSF"),
    config: Annotated[
        Path | None,
        cli.option("-c", "--config", help="PSFEx configuration; default: default.psfex here or in sex_source/"),
    ] = None,
    engine: Annotated[PsfEngine, cli.option("--engine", help="Who models the PSF")] = PsfEngine.AUTO,
    workers: Workers = 1,
    scheduler: cli.Scheduler = None,
    overwrite: cli.Overwrite = False,
    resume: cli.Resume = True,
) -> None:
    """Model the PSF of every catalogue.

    PSFEx is used where it is installed, else the PSF is made from the catalogue's stars.

    Example:
      psfex_dre -c sex_source/default.psfex
    """
    from dre.pipeline.planning import Running
    from dre.pipeline.psf_models import Request, model_psfs

    running = Running(overwrite, resume, workers, scheduler)
    cli.show(model_psfs(Request(input, output, config, engine.value), running))


def cuts(
    input: Annotated[Path, cli.option("-i", "--input", help="Folder of images")] = Path("Tiles"),
    sextracted: Annotated[Path, cli.option("-s", "--sextracted", help="Folder of the check images")] = Path(
        "Sextracted"
    ),
    catalogs: Annotated[
        Path | None, cli.option("-c", "--catalogs", help="Folder of other catalogues than those of --sextracted")
    ] = None,
    output: Annotated[Path, cli.option("-o", "--output", help="Folder of the cuts")] = Path("Cuts"),
    margin: Annotated[float, cli.option("--margin", help="Leave out sources nearer to an edge", unit="px")] = 80,
    max_stellarity: Annotated[
        float, cli.option("--max-stellarity", help="Leave out sources of CLASS_STAR from here on")
    ] = 0.5,
    filters: Filters = None,
    centroids: Annotated[bool, cli.option("--centroids", help="Recentre each cut on its centroid")] = False,
    centroids_mode: Annotated[
        Centroid, cli.option("--centroids-mode", help="Centre of mass, two 1-D Gaussians or a 2-D Gaussian")
    ] = Centroid.COM,
    compression: Annotated[
        Compression, cli.option("--compression", help="Compression of the HDF5 file")
    ] = Compression.MEDIUM,
    warn: Warn = False,
    workers: Workers = 1,
    scheduler: cli.Scheduler = None,
    overwrite: cli.Overwrite = False,
    resume: cli.Resume = True,
) -> None:
    """Cut 128x128 pixels around every galaxy: pixels, mask and noise.

    Example:
      make_cuts --max-stellarity 0.5 -f MAG_AUTO 15 21
    """
    from dre.cutouts import Selection
    from dre.pipeline.cutting import Request, make_cuts
    from dre.pipeline.planning import Running

    selection = Selection(margin, max_stellarity, tuple(filters or ()))
    centroid = centroids_mode.value if centroids else None
    request = Request([input], sextracted, catalogs, output, selection, centroid, compression.value)
    cli.show(make_cuts(request, Running(overwrite, resume, workers, scheduler, cli.warn if warn else None)))
