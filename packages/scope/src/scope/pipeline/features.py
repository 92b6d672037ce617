"""``generate_features``: a quadrant's light curves -> its feature table."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared_io import batch, cli, ledger
from shared_io.errors import ExternalFailed, SharedIOError, WriteFailed
from shared_io.provenance import Provenance, digest

from scope import files
from scope.feature_table import write_features
from scope.features import schema
from scope.features.assembly import FAILURE, Recipe
from scope.features.dmdt import DM_EDGES, DT_EDGES
from scope.index import update_index
from scope.lightcurves.folder import Quadrant
from scope.lightcurves.quality import Cuts
from scope.periods.device import open_device
from scope.periods.search import Options
from scope.pipeline import blocks
from scope.pipeline.blocks import HERE, Blocks, Running
from scope.pipeline.division import MOST_SOURCES
from scope.pipeline.inputs import Inputs

if TYPE_CHECKING:
    from shared_io.batch import Report

    from scope.kowalski.client import Service

_LISTED = 10  # sources that failed, in a message

_GRID = "2 / T to max_freq in steps of 1 / (samples_per_peak T); T: baseline of the star, rounded up to 10 d"
_COMMON_GRID = "2 / T to max_freq in steps of 1 / (samples_per_peak T); T: longest baseline of the run"


@dataclass(frozen=True)
class Request:
    """What to generate, from what, into what.

    Parameters
    ----------
    inputs : Inputs
        Light curves and what is around them.
    dirname : pathlib.Path
        Folder of the feature tables.
    filename : str
        What their names begin with.
    cuts : Cuts
        Which points and light curves are kept.
    periods : Options or None
        The period search; None: all periods are 1 d.
    cesium : tuple of str
        Features of the cesium library.
    extras : tuple of str
        Features of a damped random walk and of flares.
    dmdt_edges : pair of tuples of float
        Edges of the dm-dt picture [d, mag].
    join_bands : bool
        Search the period of a star in all its filters together.
    together : int
        Most light curves in a block of stars, which one process measures.
    """

    inputs: Inputs = field(default_factory=Inputs)
    dirname: Path = Path("generated_features")
    filename: str = "gen_features"
    cuts: Cuts = Cuts()  # noqa: RUF009 - frozen
    periods: Options | None = Options()  # noqa: RUF009 - frozen
    cesium: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    dmdt_edges: tuple[tuple[float, ...], tuple[float, ...]] = (DT_EDGES, DM_EDGES)
    join_bands: bool = True
    together: int = MOST_SOURCES

    @property
    def columns(self) -> dict[str, str]:
        """Return the columns of the tables with their types."""
        searched = self.periods is not None
        names = self.periods.algorithms if self.periods is not None else (schema.ONES,)
        return schema.columns(
            names, self.periods.top_n if self.periods is not None else 1, catalogues=self.inputs.matched,
            cesium=self.cesium, extras=self.extras, named=any(self.inputs.names.values()),
            decided=searched and not (self.periods is not None and self.periods.compatible),
        )  # fmt: skip


@dataclass(frozen=True)
class Job:
    """One feature table to be made.

    Parameters
    ----------
    request : Request
        How.
    quadrant : Quadrant or None
        Of what; None: of the given identifiers.
    running : Running
        Where its stars are measured.
    service : Service or None
        Kowalski.
    """

    request: Request
    quadrant: Quadrant | None
    running: Running
    service: Service | None


def generate(
    request: Request, quadrant: Quadrant | None, *, service: Service | None = None, overwrite: bool = False,
    resume: bool = True, running: Running = HERE,
) -> Report:  # fmt: skip
    """Generate the feature table of a quadrant, or of the given identifiers.

    Stars are measured in blocks (:mod:`scope.pipeline.blocks`): a run that was killed goes on after the last of them.

    Returns
    -------
    shared_io.batch.Report

    Raises
    ------
    InputNotFound
        When there are no light curves.
    ExternalFailed
        When the workers of a scheduler cannot be had, Kowalski fails, or there is no GPU here to search on.
    """
    if request.periods is not None and running.scheduler is None:
        open_device(request.periods.device)  # what is missing is said before anything is done
    path = files.feature_path(request.dirname, request.filename, quadrant)
    name = str(quadrant) if quadrant else files.SPECIFIC
    unit = batch.Unit(name, (path,), _provenance(request, quadrant), Job(request, quadrant, running, service))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteFailed(f"the folder cannot be made: {error.strerror}", path=path.parent) from error
    if not resume:
        blocks.remove(_shards(path))
    journal = ledger.home(request.dirname, "scope", f"generate-features-{path.stem}")
    lost: list[ExternalFailed] = []
    report = batch.run(
        [unit], partial(_work, lost), overwrite=overwrite, resume=resume, what="quadrants", ledger=journal, total=1
    )
    if lost:  # of a service or a scheduler: no failure of the quadrant
        raise lost[0]
    if report.exit_code == 0:
        blocks.remove(_shards(path))
    if quadrant is not None and path.exists():
        update_index(request.dirname, request.filename, path)
    return report


def count(request: Request, quadrant: Quadrant | None, *, service: Service | None = None, threads: int = 1) -> int:
    """Measure the features of a quadrant without writing them, and return the number of its sources."""
    if request.periods is not None:
        open_device(request.periods.device)
    made = _blocks(request, quadrant, service, None)
    failed = 0
    with cli.progress(len(made.curves), "light curves") as bar:
        for k in range(len(made)):
            found = blocks.measure(made.block(k, threads), advance=bar.advance)
            failed += sum(why is not None for why in found.get(FAILURE, ()))
    if failed:
        cli.warn(f"{failed} of {len(made.curves)} sources could not be measured")
    return len(made.curves)


def _blocks(request: Request, quadrant: Quadrant | None, service: Service | None, room: Path | None) -> Blocks:
    inputs = request.inputs
    curves = inputs.curves(quadrant, request.cuts, service, room)
    catalogues, alerts = inputs.surroundings(curves, service)
    recipe = Recipe(
        request.periods, catalogues, inputs.matched, alerts, inputs.match_radius, request.cesium, request.extras,
        request.dmdt_edges, request.join_bands,
    )  # fmt: skip
    return Blocks(curves, recipe, request.columns, request.together)


def _shards(path: Path) -> Path:
    """Return the folder for the blocks of a table: hidden, beside it."""
    return path.with_name(f".{path.stem}.blocks")


def _provenance(request: Request, quadrant: Quadrant | None) -> Provenance:
    from scope import __version__

    periods = None if request.periods is None else request.periods.recorded()
    config = json.loads(json.dumps(asdict(request) | {"periods": periods}, default=str))
    for key in ("dirname", "filename"):
        config.pop(key)
    for key in ("light_curves", "identifiers", "bright_stars", "catalogues", "alerts"):
        config["inputs"].pop(key)
    if request.inputs.light_curves is not None:
        config["inputs"].pop("collections")
    config["quadrant"] = str(quadrant)
    sums = {f"{path.absolute().parent.name}/{path.name}": digest(path) for path in request.inputs.local(quadrant)}
    return Provenance("scope", __version__, "generate-features", config, sums)


def _work(lost: list[ExternalFailed], unit: batch.Unit) -> str:
    try:
        return _table(unit)
    except ExternalFailed as error:
        lost.append(error)
        raise


def _table(unit: batch.Unit) -> str:
    """Make a feature table; where some sources cannot be measured, one in which they are empty, and raise."""
    job: Any = unit.payload  # a Job
    path = unit.outputs[0]
    service = None if job.service is None else replace(job.service, kept=_shards(path))
    made = _blocks(job.request, job.quadrant, service, path.parent)
    shards, there = made.measure(_shards(path), job.running)
    failed = made.failures(shards)
    meta = _meta(job.request, unit.provenance, job.service is not None)
    meta["blocks"] = {"count": len(made), "most_sources": made.largest}
    meta |= {"failed": {str(k): why for k, why in failed.items()}} if failed else {}
    names = job.request.inputs.names
    more = {"fritz_name": [names.get(int(i)) for i in made.curves.id]} if any(names.values()) else {}
    write_features(
        path, made.groups(shards, more), job.request.columns, meta=meta, provenance=unit.provenance, overwrite=True,
    )  # fmt: skip
    if failed:
        listed = ", ".join(f"{k} ({why})" for k, why in list(failed.items())[:_LISTED])
        raise SharedIOError(
            f"{path.name}: {len(failed)} of {len(made.curves)} sources could not be measured and are empty: {listed}"
            f"{', ...' if len(failed) > _LISTED else ''}"
        )
    taken = f"; {there} of {len(made)} blocks were there already" if there else ""
    return f"{len(made.curves)} sources -> {path.name}{taken}"


def _meta(request: Request, provenance: Provenance, asked: bool) -> dict[str, object]:
    """Return the metadata that readers of earlier tables expect, and what they missed: options, grid, release.

    Start and end are the one time that a run keeps: the same input gives the same bytes, also after a kill.
    """
    inputs = request.inputs
    start = datetime.fromtimestamp(batch.started(), UTC).strftime("%Y-%m-%d %H:%M:%S")
    sources = inputs.light_curves.name if inputs.light_curves is not None else inputs.collections.sources
    return {
        "scope_code_version": provenance.version,
        "feature_generation_start_dateTime_utc": start,
        "feature_generation_end_dateTime_utc": start,
        "ZTF_source_catalog": sources,
        "ZTF_alerts_catalog": _name(inputs.alerts, inputs.collections.alerts if asked else None),
        "Gaia_catalog": _name(inputs.bright_stars, inputs.collections.gaia if asked else None),
        "minobs": request.cuts.min_points,
        "data_release": _release([sources, *provenance.inputs]),
        "options": provenance.config,
        "frequency_grid": _COMMON_GRID if request.periods is not None and request.periods.compatible else _GRID,
    }


def _name(path: Path | None, collection: str | None) -> str | None:
    return collection if path is None else path.name


def _release(names: list[str]) -> str | None:
    """Return the data release that the names of files or collections tell, e.g. DR5; of a dated collection the date."""
    found = {m[1].upper() for name in names if (m := re.search(r"[_/](dr\d+|\d{8})(?=[_./]|$)", name, re.IGNORECASE))}
    return " ".join(sorted(found)) or None
