"""From the options of a command line and ``config.yaml`` to what the pipeline takes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from shared_io import cli

from scope.cli.generation import Device

if TYPE_CHECKING:
    from scope.cli.generation import Generation
    from scope.config import Config
    from scope.kowalski.client import Service
    from scope.lightcurves.folder import Quadrant
    from scope.lightcurves.quality import Cuts
    from scope.periods.search import Options
    from scope.pipeline.features import Request
    from scope.pipeline.inputs import Inputs

LOCAL = Path("light_curves")
"""Folder of survey files that is read where none is named."""

_ZTF = {"max_freq": 48.0, "samples_per_peak": 10, "min_n_lc_points": 50, "min_cadence_minutes": 30.0}


def local_folder(given: Path | None, kowalski: bool) -> Path | None:
    """Return the folder or file of light curves; None where Kowalski is to be asked."""
    if given is not None and kowalski:
        raise typer.BadParameter("--light-curves and --kowalski exclude each other")
    return given if given is not None or kowalski or not LOCAL.exists() else LOCAL


def find_service(
    config: Config, light_curves: Path | None, names: list[str], threads: int, kowalski: bool
) -> Service | None:
    """Return a service of Kowalski where light curves are not local.

    Raises
    ------
    InputNotFound
        When there are neither light curves nor a token.
    """
    from shared_io.cli.session import current
    from shared_io.errors import InputNotFound

    from scope.kowalski.client import Service, connect

    settings = config.settings.kowalski
    for host in settings.hosts.values():
        current().secrets += [s.get_secret_value() for s in (host.token, host.password) if s is not None]
    if light_curves is not None:
        return None
    if not kowalski and not any(host.usable for host in settings.hosts.values()):
        raise InputNotFound(
            "no light curves", path=LOCAL,
            hint="name a folder with --light-curves, or set KOWALSKI_INSTANCE_TOKEN",
        )  # fmt: skip
    return Service(connect(settings, names), settings.max_retries, threads=threads)


def request_of(o: Generation, config: Config, light_curves: Path | None) -> Request:
    """Return the request that options and a configuration make."""
    from scope.features.damped_walk import NAMES as WALK
    from scope.features.flares import NAMES as FLARES
    from scope.pipeline.features import Request

    if "/" in o.filename:
        raise typer.BadParameter("--filename is what names begin with; --dirname is the folder")
    generation = config.settings.feature_generation
    steps = _steps(o, config, light_curves)
    return Request(
        _inputs(o, config, light_curves), base_folder(o.dirname, config), o.filename,
        _cuts(o, config, steps), _periods(o, config, steps), _cesium(o.do_cesium, generation.cesium_features),
        (*(WALK if o.do_drw else ()), *(FLARES if o.do_flares else ())),
        (tuple(generation.dmdt_ints.dtints), tuple(generation.dmdt_ints.dmints)), o.join_bands,
        o.period_batch_size,
    )  # fmt: skip


def base_folder(dirname: Path, config: Config) -> Path:
    """Return the folder of feature tables."""
    base = config.settings.feature_generation.path_to_features
    return Path(base) / dirname if base else dirname


def quadrant_of(o: Generation, request: Request) -> Quadrant | None:
    """Return the quadrant asked for; None for given identifiers."""
    from scope.files import read_quadrants
    from scope.lightcurves.folder import Quadrant

    if request.inputs.identifiers is not None:
        return None
    if not o.do_quadrant_file:
        return Quadrant(o.field, o.ccd, o.quad)
    listed, job = o.quadrant_file, o.quadrant_index
    path = listed if listed.exists() else request.dirname / "slurm" / listed
    found = read_quadrants(path)
    if job not in found:
        raise typer.BadParameter(f"{path} has no job {job}; it has {len(found)}, up to {max(found, default=-1)}")
    return found[job]


def threads_of(ncore: int) -> int:
    """Return how many threads to use."""
    return min(ncore, os.cpu_count() or 1)


def _steps(o: Generation, config: Config, light_curves: Path | None) -> dict[str, Any]:
    """Return the numbers whose defaults depend on the survey."""
    from scope.lightcurves.folder import Folder

    rubin = light_curves is not None and Folder(light_curves).is_rubin
    defaults = config.settings.feature_generation.period_search.model_dump() if rubin else _ZTF
    return {name: value if getattr(o, name) is None else getattr(o, name) for name, value in defaults.items()}


def _inputs(o: Generation, config: Config, light_curves: Path | None) -> Inputs:
    from shared_io.errors import InputNotFound

    from scope.pipeline.inputs import Collections, Inputs

    named, external = config.settings.kowalski.collections, config.settings.feature_generation.external_catalog_features
    collections = Collections(
        o.source_catalog or named.sources, o.alerts_catalog or named.alerts, o.gaia_catalog or named.gaia
    )
    if o.catalogs is not None and not o.catalogs.is_dir():
        raise InputNotFound("no such folder of catalogues", path=o.catalogs)
    if light_curves is not None and o.bright_stars is None and not o.skip_close_sources:
        cli.warn("no --bright-stars table: sources close to bright stars are kept")
    return Inputs(
        light_curves, _identifiers(o, config), o.bright_stars, o.skip_close_sources,
        o.bright_star_query_radius_arcsec, o.xmatch_radius_arcsec, o.catalogs,
        {name: tuple(e.projection) for name, e in external.items()},
        {name: e.filter for name, e in external.items() if e.filter}, o.alerts, collections,
        o.query_size_limit, o.query_size_limit if o.stop_early else None,
    )  # fmt: skip


def _identifiers(o: Generation, config: Config) -> Path | None:
    if not o.do_specific_ids:
        if o.fg_dataset is not None:
            raise typer.BadParameter("--fg-dataset FILE needs --doSpecificIDs")
        return None
    generation = config.settings.feature_generation
    skipped = generation.ids_skip_gaia if o.skip_close_sources else None
    found = o.fg_dataset or generation.dataset or skipped
    if not found:
        raise typer.BadParameter(
            "--doSpecificIDs and --fg-dataset FILE go together (or feature_generation.dataset in config.yaml)"
        )
    return Path(found)


def _cuts(o: Generation, config: Config, steps: dict[str, Any]) -> Cuts:
    from scope.lightcurves.quality import Cuts

    latest = o.max_timestamp_hjd
    latest = config.settings.kowalski.max_timestamp_hjd if latest is None else latest
    return Cuts(steps["min_n_lc_points"], steps["min_cadence_minutes"], latest)


def _periods(o: Generation, config: Config, steps: dict[str, Any]) -> Options | None:
    """Return the search asked for; without a device there is none."""
    from scope.periods.compatible import check
    from scope.periods.search import Options, canonical

    device = _device(o)
    if device is None:
        cli.warn("neither --doCPU nor --doGPU: all periods are set to 1 d")
        return None
    known = config.settings.feature_generation.period_algorithms
    cadence = steps["min_cadence_minutes"]
    highest = 720.0 / cadence if o.do_scale_min_period and cadence > 0 else steps["max_freq"]
    try:
        names = canonical(o.period_algorithms or (known.CPU if device == "cpu" else known.GPU))
        if o.compatible:
            check(names)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return Options(
        names, steps["samples_per_peak"], highest, o.top_n_periods, o.do_remove_terrestrial, o.compatible,
        o.max_fap, o.full_search, device,
    )  # fmt: skip


def _device(o: Generation) -> str | None:
    """Return where periods are searched: ``cpu`` or ``cuda``; None: nowhere.

    Raises
    ------
    ExternalFailed
        When there is no GPU here.
    """
    if o.do_cpu and o.do_gpu:
        raise typer.BadParameter("--doCPU and --doGPU exclude each other")
    from scope.periods.device import open_device

    meant = {"cpu": o.do_cpu, "cuda": o.do_gpu}
    if o.device is not None and any(asked and name != o.device.value for name, asked in meant.items()):
        raise typer.BadParameter(f"--device {o.device.value} and {'--doCPU' if o.do_cpu else '--doGPU'} differ")
    if o.device is None:
        found = next((name for name, asked in meant.items() if asked), None)
    elif o.device is Device.AUTO:
        found = "cpu" if open_device("auto") is None else "cuda"
    else:
        found = o.device.value
    if found == "cuda" and o.scheduler is None:
        open_device(found)  # what is missing is said before anything is looked at
    return found


def _cesium(wanted: bool, names: list[str]) -> tuple[str, ...]:
    if not wanted:
        return ()
    from scope.features.cesium import NAMES

    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise typer.BadParameter(f"config.yaml: cesium_features: not among the known ones: {', '.join(unknown)}")
    return tuple(names)
