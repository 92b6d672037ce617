"""``generate_features``: a quadrant's light curves -> its feature table."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from shared_io import batch, cli, ledger
from shared_io.errors import InputNotFound
from shared_io.provenance import Provenance, digest

from scope import files
from scope.features import schema
from scope.features.assembly import Recipe, measure
from scope.features.bright_stars import spoilt
from scope.lightcurves.folder import Folder, Quadrant
from scope.lightcurves.quality import Cuts, clean
from scope.lightcurves.record import LightCurves
from scope.periods.search import Options

if TYPE_CHECKING:
    from shared_io.batch import Report


@dataclass(frozen=True)
class Request:
    """What to generate, from what, into what.

    Parameters
    ----------
    light_curves : pathlib.Path
        A folder of survey files, or one file.
    identifiers : pathlib.Path or None
        A table with a column ztf_id: these sources instead of a quadrant's.
    dirname : pathlib.Path
        Folder of the feature tables.
    filename : str
        What their names begin with.
    cuts : Cuts
        Which points and light curves are kept.
    periods : Options or None
        The period search; None: all periods are 1 d.
    bright_stars : pathlib.Path or None
        Table of Gaia stars (ra, dec [deg], phot_g_mean_mag, bp_rp [mag]); None: no source is left out.
    bright_radius, match_radius : float
        Reach of a bright star and of a match [arcsec].
    catalogues : pathlib.Path or None
        Folder of catalogues to match with.
    cesium : tuple of str
        Features of the cesium library.
    join_bands : bool
        Search the period of a star in all its filters together.
    limit : int or None
        Stop after so many sources.
    """

    light_curves: Path
    identifiers: Path | None = None
    dirname: Path = Path("generated_features")
    filename: str = "gen_features"
    cuts: Cuts = Cuts()  # noqa: RUF009 - frozen
    periods: Options | None = Options()  # noqa: RUF009 - frozen
    bright_stars: Path | None = None
    bright_radius: float = 300.0
    match_radius: float = 2.0
    catalogues: Path | None = None
    cesium: tuple[str, ...] = ()
    join_bands: bool = True
    limit: int | None = None

    @property
    def algorithms(self) -> tuple[str, ...]:
        """Return the names of the period columns."""
        return self.periods.algorithms if self.periods is not None else (schema.ONES,)

    @property
    def columns(self) -> dict[str, str]:
        """Return the columns of the tables with their types."""
        top = self.periods.top_n if self.periods is not None else 1
        return schema.columns(self.algorithms, top, cesium=self.cesium)


@dataclass(frozen=True)
class Job:
    """One feature table to be made.

    Parameters
    ----------
    request : Request
        How.
    quadrant : Quadrant or None
        Of what; None: of the given identifiers.
    threads : int
        Stars measured at a time.
    """

    request: Request
    quadrant: Quadrant | None
    threads: int


def generate(
    request: Request, quadrant: Quadrant | None, *, overwrite: bool = False, resume: bool = True, threads: int = 1
) -> Report:
    """Generate the feature table of a quadrant, or of the given identifiers.

    Returns
    -------
    shared_io.batch.Report

    Raises
    ------
    InputNotFound
        When there are no light curves.
    """
    path = files.feature_path(request.dirname, request.filename, quadrant)
    name = str(quadrant) if quadrant else files.SPECIFIC
    unit = batch.Unit(name, (path,), _provenance(request, quadrant), Job(request, quadrant, threads))
    path.parent.mkdir(parents=True, exist_ok=True)
    journal = ledger.home(request.dirname, "scope", f"generate-features-{path.stem}")
    return batch.run([unit], _work, overwrite=overwrite, resume=resume, what="quadrants", ledger=journal, total=1)


def table(request: Request, quadrant: Quadrant | None, *, threads: int = 1) -> dict[str, Any]:
    """Measure the features of a quadrant without writing them; see :func:`generate`."""
    curves = load(request, quadrant)
    recipe = Recipe(
        request.periods, files.read_catalogues(request.catalogues), request.match_radius, request.cesium,
        request.join_bands,
    )  # fmt: skip
    with cli.progress(len(curves), "light curves") as bar:
        return dict(measure(curves, recipe, threads=threads, advance=bar.advance))


def load(request: Request, quadrant: Quadrant | None) -> LightCurves:
    """Read and clean the light curves of a quadrant (None: of the identifiers).

    Raises
    ------
    InputNotFound
        When there are none, or none survives the cuts.
    """
    source = Folder(request.light_curves)
    if quadrant is not None:
        raw = source.quadrant(quadrant)
    elif request.identifiers is not None:
        raw = source.sources(files.read_identifiers(request.identifiers))
    else:
        raise ValueError("a quadrant or a table of identifiers is needed")
    curves = clean(raw, request.cuts)
    if request.bright_stars is not None:
        stars = files.read_catalogue(request.bright_stars)
        colour, g = stars.columns["bp_rp"], stars.columns["phot_g_mean_mag"]
        curves = curves.take(
            ~spoilt(curves.ra, curves.dec, stars.ra, stars.dec, g, colour, radius=request.bright_radius)
        )
    if not len(curves):
        raise InputNotFound(
            f"none of {len(raw)} light curves has {request.cuts.min_points} good points away from bright stars",
            path=request.light_curves, hint="lower --min-n-lc-points to keep shorter ones",
        )  # fmt: skip
    return curves.take(np.arange(request.limit)) if request.limit and request.limit < len(curves) else curves


def _provenance(request: Request, quadrant: Quadrant | None) -> Provenance:
    from scope import __version__

    inputs = Folder(request.light_curves).files(quadrant)
    inputs += [path for path in (request.identifiers, request.bright_stars) if path is not None]
    if request.catalogues is not None:
        inputs += [p for p in sorted(request.catalogues.iterdir()) if p.is_file()]
    config = json.loads(json.dumps(asdict(request), default=str))
    for key in ("dirname", "filename", "light_curves", "identifiers", "bright_stars", "catalogues"):
        config.pop(key)
    config["quadrant"] = str(quadrant)
    sums = {f"{path.absolute().parent.name}/{path.name}": digest(path) for path in inputs}
    return Provenance("scope", __version__, "generate-features", config, sums)


def _work(unit: batch.Unit) -> str:
    job: Any = unit.payload  # a Job
    values = table(job.request, job.quadrant, threads=job.threads)
    count = len(np.asarray(values["_id"]))
    files.write_features(
        unit.outputs[0], values, job.request.columns, meta=_meta(job.request, unit.provenance),
        provenance=unit.provenance, overwrite=True,
    )  # fmt: skip
    return f"{count} sources -> {unit.outputs[0].name}"


def _meta(request: Request, provenance: Provenance) -> dict[str, object]:
    """Return the metadata that readers of earlier tables expect, and what they missed: options and grid."""
    start = datetime.fromtimestamp(batch.started(), UTC).strftime("%Y-%m-%d %H:%M:%S")
    return {
        "scope_code_version": provenance.version,
        "feature_generation_start_dateTime_utc": start,
        "ZTF_source_catalog": request.light_curves.name,
        "ZTF_alerts_catalog": None,
        "Gaia_catalog": request.bright_stars.name if request.bright_stars else None,
        "options": provenance.config,
        "frequency_grid": "2 / T to max_freq in steps of 1 / (samples_per_peak T); T: baseline of the star, up to 10 d",
    }
