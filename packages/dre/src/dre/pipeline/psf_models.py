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

STAR_COLUMNS = ("X_IMAGE", "Y_IMAGE", "FLUX_RADIUS", "SNR_WIN", "ELONGATION", "FLAGS", "FLUX_APER", "VIGNET")


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
        psfs = [psf_of(table, settings, path) for table in catalogue.read_extensions(path)]
        models = [_model(psf) for psf in psfs]
        write_psf(unit.outputs[0], models, overwrite=True, provenance=unit.provenance)
        return _said(models)
    with tempfile.TemporaryDirectory(prefix="dre-psfex-") as folder:
        product = psfex.run(program, path, Path(folder), settings, config)
        adopt(product, unit.outputs[0], image=path.name, provenance=unit.provenance, overwrite=True)
    return _said(read_psfs(unit.outputs[0]))


def psf_of(table: Table, settings: Settings, path: Path) -> StarPsf:
    """Make a PSF from the stars of one extension's catalogue.

    Raises
    ------
    SchemaMismatch
        If a column is missing, or there are no usable stars.
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
        raise SchemaMismatch(
            f"no PSF from its stars: {error}", path=path, hint="give a PSF of your own with dre --psf"
        ) from error


def _model(psf: StarPsf) -> PSFModel:
    return PSFModel(
        psf.image[None].astype(float), fwhm=psf.fwhm, chi2=psf.chi2, loaded=psf.loaded, accepted=psf.accepted
    )


def _said(models: list[PSFModel]) -> str:
    return f"{sum(model.accepted for model in models)} stars, FWHM {models[0].fwhm:.2f} px"
