"""Step 2: a PSF for every catalogue, by PSFEx or from its stars."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from shared_io import batch
from shared_io.errors import SchemaMismatch

from dre.config import Settings
from dre.external import programs, psfex
from dre.files import catalogue, sources
from dre.files.layout import find_catalogues
from dre.files.products import adopt
from dre.files.psf import read_psfs, write_psf
from dre.pipeline.planning import Running, found_from_anywhere, provenance, run_step
from dre.psf import PSFModel

if TYPE_CHECKING:
    from astropy.table import Table
    from shared_io.batch import Report

    from dre.extract.stars import StarPsf

_HINT = "give a PSF of your own with --psf"

STAR_COLUMNS = ("X_IMAGE", "Y_IMAGE", "FLUX_RADIUS", "SNR_WIN", "ELONGATION", "FLAGS", "FLUX_APER", "VIGNET")


class NoStars(SchemaMismatch):
    """No star makes a PSF."""


@dataclass(frozen=True)
class Request:
    """What to model and how; see the options of ``psfex_dre``."""

    input: Path
    output: Path
    config: Path | None = None
    engine: str = "auto"


def model_psfs(request: Request, running: Running | None = None) -> Report:
    """Make OUTPUT/NAME.psf from every NAME_cat.fits.

    Parameters
    ----------
    request : Request
        What to do.
    running : Running, optional
        Where and how.

    Returns
    -------
    Report

    Raises
    ------
    InputNotFound
        If there is no catalogue or no such configuration.
    ExternalFailed
        If PSFEx is asked for and is not installed.
    """
    running = running or Running()
    request = found_from_anywhere(request, running)
    settings, config = sources.read_settings(request.config, "psfex")
    program = None if request.engine == "stars" else programs.find("PSFEx")
    if request.engine == "psfex":
        program = programs.require("PSFEx")
    engine = f"PSFEx {program.version()}" if program else "stars"

    def plan(found: tuple[str, Path]) -> batch.Unit:
        name, path = found
        origin = provenance("psfex", {"engine": engine, "settings": dict(settings.values)}, [path])
        return batch.Unit(name, (request.output / f"{name}.psf",), origin, path)

    return run_step(
        find_catalogues(request.input), plan, partial(_model_psf, settings, config, program),
        verb="psfex", folder=request.output, name=lambda found: found[0], running=running, what="catalogues",
    )  # fmt: skip


def _model_psf(settings: Settings, config: Path | None, program: programs.Program | None, unit: batch.Unit) -> str:
    path: Path = unit.payload  # type: ignore[assignment]
    if program is None:
        models = [_from_stars(table, settings, path) for table in catalogue.read_extensions(path)]
        said = _said(models, path)
        write_psf(unit.outputs[0], models, overwrite=True, provenance=unit.provenance)
        return said
    with tempfile.TemporaryDirectory(prefix="dre-psfex-") as folder:
        product = psfex.run(program, path, Path(folder), settings, config)
        said = _said(read_psfs(product), path)
        adopt(product, unit.outputs[0], image=path.name, provenance=unit.provenance, overwrite=True)
    return said


def _from_stars(table: Table, settings: Settings, path: Path) -> PSFModel | None:
    """Return the PSF of one extension; None if no star makes one."""
    try:
        return _model(psf_of(table, settings, path))
    except NoStars:
        return None


def psf_of(table: Table, settings: Settings, path: Path) -> StarPsf:
    """Make a PSF from the stars of one extension's catalogue.

    Raises
    ------
    SchemaMismatch
        If a column is missing.
    NoStars
        If there are no usable stars.
    """
    from dre.extract.stars import choose_stars, psf_from_stars

    catalogue.require(table, STAR_COLUMNS, path)
    rows = choose_stars(table, settings)
    aperture = np.asarray(table["FLUX_APER"], float)
    flux = aperture[:, 0] if aperture.ndim == 2 else aperture
    x, y = (np.asarray(table[name][rows], float) for name in ("X_IMAGE", "Y_IMAGE"))
    try:
        return psf_from_stars(
            np.asarray(table["VIGNET"][rows], float), x - np.rint(x), y - np.rint(y), flux[rows],
            size=int(settings.numbers("PSF_SIZE")[0]),
        )  # fmt: skip
    except ValueError as error:
        raise NoStars(str(error), path=path, hint=_HINT) from error


def _model(psf: StarPsf) -> PSFModel:
    return PSFModel(
        psf.image[None].astype(float), fwhm=psf.fwhm, chi2=psf.chi2, loaded=psf.loaded, accepted=psf.accepted
    )


def _said(models: list[PSFModel | None], path: Path) -> str:
    there = [model for model in models if model is not None]
    if not there:
        raise NoStars("no star to make a PSF from", path=path, hint=_HINT)
    blind = [str(k) for k, model in enumerate(models, 1) if model is None]
    without = f"; none in extension {', '.join(blind)}" if blind else ""
    return f"{sum(model.accepted for model in there)} stars, FWHM {there[0].fwhm:.2f} px{without}"
