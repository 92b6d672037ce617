"""``otrain-convert`` and ``otrain inject``: data cubes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from shared_io import cli

from otrain.cli.choices import Planes, planes_of


def register(app: cli.App) -> None:
    """Add the verbs to the application."""
    app.command("convert")(convert)
    app.command("inject")(inject)


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


def inject(
    path_datacube: Annotated[Path, cli.option("--path-datacube", "--path", "-o", "--output",
                                              help="Where to store the cube: in PATH/datacube/")],
    cube: Annotated[str, cli.option("--cube", help="Name of the cube, without extension")],
    cutouts: Annotated[Path | None, cli.option("--cutouts", "-i", "--input", help="Folder of unlabelled cut-outs "
                                               "with science, template and difference")] = None,
    widen: Annotated[Path | None, cli.option("--widen", help="Cube of injected sources and residuals to make more of")]
        = None,
    science: Annotated[Path | None, cli.option("--science", help="Image to put sources into")] = None,
    template: Annotated[Path | None, cli.option("--template", help="Its reference image, on the same grid")] = None,
    difference: Annotated[Path | None, cli.option("--difference", help="Difference image",
                                                  show_default="science - template")] = None,
    psf: Annotated[Path | None, cli.option("--psf", help="Picture of the PSF, odd sides",
                                           show_default="Moffat of the FWHM, else the stars")] = None,
    fwhm: Annotated[float | None, cli.option("--fwhm", help="Of the PSF, where files do not tell", unit="px")] = None,
    size: Annotated[int, cli.option("--size", "--cutout-size", help="Side of the cut-outs", unit="px", min=16)] = 31,
    snr: Annotated[tuple[float, float], cli.option("--snr", help="Range of the signal-to-noise ratio")] = (5.5, 1500.0),
    gain: Annotated[float, cli.option("--gain", help="Electrons for each count", unit="e-/ADU", min=1e-6)] = 1.0,
    nuclear: Annotated[float, cli.option("--nuclear", help="Part put on sources of the template", min=0, max=1)] = 0.3,
    real: Annotated[int, cli.option("--real", help="Injected sources for each cut-out or image", min=1)] = 1,
    bogus: Annotated[int, cli.option("--bogus", help="Bogus ones for each", min=1)] = 1,
    seed: cli.Seed = 0,
    overwrite: cli.Overwrite = False,
    resume: cli.Resume = True,
) -> None:  # fmt: skip
    """Make a training set without labels: sources put into one's own images, residuals of subtraction, artifacts.

    With --widen the pixels of injected cut-outs become the sky of more: brighter sources, sources on residuals, cosmic
    rays, tracks, bands, dipoles, saturated cores, ghosts. Train on the difference alone (--planes difference).

    Example:
      otrain inject --path-datacube . --cube made --cutouts candidates
      otrain inject --path-datacube . --cube more --widen datacube/made.npz --real 3 --bogus 3
      otrain inject --path-datacube . --cube made --science new.fits --template ref.fits --real 500 --bogus 500
    """
    from otrain.inject import Recipe
    from otrain.pipeline.injecting import Request, inject
    from otrain.pipeline.running import Running

    images = tuple(path for path in (science, template, difference) if path is not None)
    if images and (science is None or template is None):
        raise typer.BadParameter("--science and --template belong together")
    recipe = Recipe(size, snr, gain, nuclear, real, bogus, float("nan") if fwhm is None else fwhm)
    request = Request(path_datacube, cube, recipe, cutouts, images, psf, seed=seed, base=widen)
    cli.show(inject(request, Running(overwrite, resume)))
