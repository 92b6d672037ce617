"""Step 4 in several bands: fit the cuts of the same sources in the images of each band together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from shared_io import batch, table
from shared_io.errors import CorruptInput, SchemaMismatch

from dre.bands import BandsFit, BandsFitter, Stamps, deblended_bands, fit_bands
from dre.bands_results import bands_table
from dre.files import catalogue
from dre.files.images import pair
from dre.grid import GridAxes
from dre.pipeline.jobs import Job, by_extension, job_of
from dre.pipeline.planning import Running, found_from_anywhere, provenance, run_step, shared_out
from dre.pipeline.profiling import NOTHING_KNOWN, SAMPLE, Frame, fitter_of, frames_of
from dre.pipeline.stamps import CutFiles, StampReader
from dre.profiles import Fitter, ProfileFit
from dre.results import profile_table
from dre.search import SEARCH

if TYPE_CHECKING:
    from shared_io.batch import Report

    from dre.stamp import Stamp

_ROOM = 1 << 27
"""Stamps of all bands that are kept in memory, bytes."""

APART = 0.5
"""Sources of one number further apart than this in two bands are not the same, px."""


@dataclass(frozen=True)
class Request:
    """What to fit and how; see the options of ``dre bands``. One entry a band in every tuple that is not empty."""

    cuts: tuple[Path, ...]
    psf: tuple[Path, ...]
    output: Path
    bands: tuple[str, ...]
    catalogues: tuple[Path, ...] = ()
    separator: str = "_"
    axes: GridAxes | None = None
    gain: tuple[float, ...] = ()
    zero_point: tuple[float, ...] = ()
    workers: int = 1


def fit_all_bands(request: Request, running: Running | None = None) -> Report:
    """Fit every source of the first band's cuts in all bands.

    Parameters
    ----------
    request : Request
        What to do. Its ``workers`` are cores: fields in processes of their own, and threads on the objects of each.
    running : Running, optional
        Where and how. Its ``workers`` count with a scheduler only.

    Returns
    -------
    Report

    Raises
    ------
    InputNotFound, SchemaMismatch
        If there are no cuts, or the images of the bands cannot be paired by name.
    """
    running = running or Running()
    request = found_from_anywhere(request, running)
    axes = request.axes or SEARCH
    options = {
        "statistic": "chi2", "n": list(axes.n), "q": list(axes.q), "angle": list(axes.angle),
        "log_r": list(axes.log_r), "gain": list(request.gain), "zero_point": list(request.zero_point),
        "bands": list(request.bands),
    }  # fmt: skip

    def plan(cuts: tuple[Path, ...]) -> batch.Unit:
        catalogues = request.catalogues or (None,) * len(cuts)
        jobs = [job_of(*band) for band in zip(_folders(request), cuts, request.psf, catalogues, strict=True)]
        inputs = [path for job in jobs for path in job.inputs]
        tables = [request.output / b / f"{job.name}_tab.fits" for b, job in zip(request.bands, jobs, strict=True)]
        name = jobs[0].name
        outputs = (request.output / f"{name}_bands.fits", *tables)
        return batch.Unit(name, outputs, provenance("bands", options, inputs), tuple(jobs))

    fields = _fields(request)
    running, threads = shared_out(running, request.workers, len(fields))
    return run_step(
        fields, plan, partial(_fit_field, replace(request, workers=threads)),
        verb="bands", folder=request.output, name=lambda cuts: _folders(request)[0].name(cuts[0]), running=running,
        what="fields",
    )  # fmt: skip


def _folders(request: Request) -> list[CutFiles]:
    return [CutFiles(folder) for folder in request.cuts]


def _fields(request: Request) -> list[tuple[Path, ...]]:
    """The cuts of each field, one file a band."""
    named = [{Path(f"{own.name(path)}.fits"): path for path in own.paths()} for own in _folders(request)]
    first = list(named[0])
    columns = [[own[match] for match, _ in pair(list(own), first, request.separator)] for own in named[1:]]
    return list(zip(named[0].values(), *columns, strict=True))


def _fit_field(request: Request, unit: batch.Unit) -> str:
    jobs: tuple[Job, ...] = unit.payload  # type: ignore[assignment]
    frames = [frames_of(job) for job in jobs]
    lost: list[str] = []
    found: list[BandsFit] = []
    drawn = [job.stamps.open(room=_ROOM // len(jobs)) for job in jobs]
    for extension, names in by_extension(drawn[0].names):
        known = [own.get(extension) or NOTHING_KNOWN for own in frames]
        fitter = _fitter(request, jobs, drawn, extension, names, known)
        if fitter is None:
            lost += [f"{name}: no cut of extension {extension} can be read in some band" for name in names]
            continue
        own = list(fit_bands(_objects(jobs, drawn, names, lost), fitter, workers=request.workers))
        own = deblended_bands(own, partial(_objects, jobs, drawn), fitter, workers=request.workers)
        for one in own:
            if not one.ok:
                why = next((fit.reason for fit in one.fits if fit is not None and fit.reason), "")
                batch.note(f"{jobs[0].name}: {one.name} has no fit: {why}")
        found += own
    _write(request, unit, jobs, frames, found)
    if lost:
        raise CorruptInput(
            f"{len(lost)} source(s) could not be read, {len(found)} were fitted and written; first: {lost[0]}",
            path=jobs[0].stamps.inputs[0], hint="run make_cuts again with --overwrite",
        )  # fmt: skip
    bad = sum(not one.ok for one in found)
    return f"{len(found)} objects in {len(jobs)} bands" + (f", {bad} without a fit (see FIT_FLAG)" if bad else "")


def _fitter(
    request: Request, jobs: tuple[Job, ...], drawn: list[StampReader], extension: int, names: list[str],
    known: list[Frame],
) -> BandsFitter | None:  # fmt: skip
    fitters: list[Fitter] = []
    for k, (job, own, frame) in enumerate(zip(jobs, drawn, known, strict=True)):
        there = set(own.names)
        gain = request.gain[k] if request.gain else frame.gain
        sample = list(islice(own.read([name for name in names if name in there]), SAMPLE))
        if not sample:
            return None
        fitters.append(fitter_of(job, extension, sample, request.axes or SEARCH, gain))
    return BandsFitter(tuple(fitters))


def _objects(
    jobs: tuple[Job, ...], drawn: list[StampReader], names: list[str], lost: list[str] | None = None
) -> Iterator[Stamps]:
    """Read the stamps of each source in every band; those of one number that are not at one place are lost."""
    lost = [] if lost is None else lost
    there = [set(own.names) for own in drawn]
    streams = [own.read([n for n in names if n in known]) for own, known in zip(drawn, there, strict=True)]
    waiting: list[Stamp | None] = [next(stream, None) for stream in streams]
    for name in names:
        stamps: list[Stamp | None] = []
        for k, stream in enumerate(streams):
            held = waiting[k]
            if held is not None and held.name == name:
                stamps.append(held)
                waiting[k] = next(stream, None)
            else:
                stamps.append(None)
                if name in there[k]:
                    lost.append(f"{jobs[k].name}: {name} is damaged")
        if (apart := _apart([stamp for stamp in stamps if stamp is not None])) is not None:
            lost.append(f"{name}: {apart:.1f} px apart in two bands: catalogues of one detection image are needed")
        elif any(stamp is not None for stamp in stamps):
            yield tuple(stamps)


def _apart(stamps: Iterable[Stamp]) -> float | None:
    places = [(stamp.x, stamp.y) for stamp in stamps if stamp.x is not None and stamp.y is not None]
    largest = max((abs(a - b) for one in places for a, b in zip(one, places[0], strict=True)), default=0.0)
    return largest if largest > APART else None


def _write(
    request: Request, unit: batch.Unit, jobs: tuple[Job, ...], frames: list[dict[int, Frame]], found: list[BandsFit]
) -> None:
    zero = [
        {k: request.zero_point[b] if request.zero_point else frame.zero_point for k, frame in own.items()}
        for b, own in enumerate(frames)
    ]
    if request.zero_point:
        extensions = {fit.ext_number for one in found for fit in one.fits if fit is not None}
        zero = [dict.fromkeys(extensions, value) for value in request.zero_point]
    systems = {k: frame.system for k, frame in frames[0].items() if frame.system is not None}
    rows = bands_table(found, request.bands, zero_points=zero, systems=systems)
    table.write(rows, unit.outputs[0], overwrite=True, provenance=unit.provenance)
    for b, (job, path) in enumerate(zip(jobs, unit.outputs[1:], strict=True)):
        own: list[ProfileFit] = [fit for one in found if (fit := one.fits[b]) is not None]
        world = {k: frame.system for k, frame in frames[b].items() if frame.system is not None}
        sources = catalogue.read_catalogue(job.catalogue) if job.catalogue else None
        rows = profile_table(own, sources, zero_points=zero[b], systems=world)
        path.parent.mkdir(parents=True, exist_ok=True)
        table.write(rows, path, overwrite=True, provenance=unit.provenance)


def band_names(cuts: tuple[Path, ...], separator: str) -> tuple[str, ...]:
    """Name the bands after what their folders are called behind the last separator.

    Raises
    ------
    SchemaMismatch
        Names that are not different.
    """
    names = tuple((folder.parent if folder.is_file() else folder).resolve().name.rsplit(separator, 1)[-1]
                  if separator else folder.resolve().name for folder in cuts)  # fmt: skip
    if len(set(names)) < len(names):
        raise SchemaMismatch(f"two bands would be called {', '.join(names)}", hint="name them: --band g r i")
    return names
