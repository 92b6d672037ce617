"""``scope generate-features``: light curves of a quadrant to its feature table."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from shared_io import cli

if TYPE_CHECKING:
    from scope.lightcurves.folder import Quadrant
    from scope.lightcurves.quality import Cuts
    from scope.periods.search import Options

_NAME = "Name of a Kowalski collection; local files are read without it"


def register(app: cli.App) -> None:
    """Add the verb to the application."""
    app.command("generate-features")(generate_features)


def generate_features(
    light_curves: Annotated[
        Path, cli.option("-i", "--input", "--light-curves", help="Folder of survey files, or one file")
    ] = Path("light_curves"),
    field: Annotated[int, cli.option("--field", help="ZTF field", min=0)] = 296,
    ccd: Annotated[int, cli.option("--ccd", help="ZTF CCD", min=1, max=16)] = 1,
    quad: Annotated[int, cli.option("--quad", help="ZTF quadrant", min=1, max=4)] = 1,
    do_quadrant_file: Annotated[
        bool, cli.option("--doQuadrantFile", help="Take field, CCD and quadrant from the quadrant file")
    ] = False,
    quadrant_file: Annotated[
        Path, cli.option("--quadrant-file", help="Lines 'job field ccd quad', there or in DIRNAME/slurm")
    ] = Path("slurm.dat"),
    quadrant_index: Annotated[int, cli.option("--quadrant-index", help="Job of that file to run", min=0)] = 0,
    do_specific_ids: Annotated[
        bool, cli.option("--doSpecificIDs", help="Take the sources of --fg-dataset instead of a quadrant's")
    ] = False,
    fg_dataset: Annotated[Path | None, cli.option("--fg-dataset", help="Table with a column ztf_id")] = None,
    do_cpu: Annotated[bool, cli.option("--doCPU", help="Search periods on the CPU")] = False,
    do_gpu: Annotated[bool, cli.option("--doGPU", help="Search periods on a GPU")] = False,
    period_algorithms: Annotated[
        list[str] | None,
        cli.option(
            "--period-algorithms",
            help="Any of LS, CE, AOV, FPW, BLS and MHF, also with E in front, and ELS_ECE_EAOV",
            show_default="ELS ECE EAOV ELS_ECE_EAOV",
        ),
    ] = None,
    samples_per_peak: Annotated[
        int, cli.option("--samples-per-peak", help="Frequencies in the width of a peak", min=1)
    ] = 10,
    max_freq: Annotated[float, cli.option("--max-freq", help="Highest frequency", unit="1/d", min=0.001)] = 48.0,
    do_scale_min_period: Annotated[
        bool, cli.option("--doScaleMinPeriod", help="Highest frequency 1 / (2 min-cadence-minutes) instead")
    ] = False,
    do_remove_terrestrial: Annotated[
        bool, cli.option("--doRemoveTerrestrial", help="Distrust frequencies that the day and the year imitate")
    ] = False,
    top_n_periods: Annotated[int, cli.option("--top-n-periods", help="Distinct peaks of each algorithm", min=1)] = 10,
    join_bands: Annotated[
        bool, cli.option("--join-bands/--no-join-bands", help="Search all filters of a star together")
    ] = True,
    min_n_lc_points: Annotated[int, cli.option("--min-n-lc-points", help="Fewest good points", min=5)] = 50,
    min_cadence_minutes: Annotated[
        float, cli.option("--min-cadence-minutes", help="Shortest time between points", unit="min", min=0)
    ] = 30.0,
    max_timestamp_hjd: Annotated[
        float | None, cli.option("--max-timestamp-hjd", help="Leave later points out", unit="d")
    ] = None,
    bright_stars: Annotated[
        Path | None, cli.option("--bright-stars", help="Gaia stars: ra, dec, phot_g_mean_mag, bp_rp")
    ] = None,
    skip_close_sources: Annotated[
        bool, cli.option("--skipCloseSources", help="Keep sources close to bright stars")
    ] = False,
    bright_star_query_radius_arcsec: Annotated[
        float, cli.option("--bright-star-query-radius-arcsec", help="Reach of bright stars", unit="arcsec", min=0)
    ] = 300.0,
    catalogs: Annotated[
        Path | None, cli.option("--catalogs", help="Folder with AllWISE, Gaia_EDR3 and PS1_DR1 as tables")
    ] = None,
    xmatch_radius_arcsec: Annotated[
        float, cli.option("--xmatch-radius-arcsec", help="Farthest match", unit="arcsec", min=0)
    ] = 2.0,
    do_cesium: Annotated[bool, cli.option("--doCesium", help="Add features of the cesium library")] = False,
    dirname: Annotated[Path, cli.option("-o", "--output", "--dirname", help="Folder of the feature tables")] = Path(
        "generated_features"
    ),
    filename: Annotated[str, cli.option("--filename", help="What their names begin with")] = "gen_features",
    do_not_save: Annotated[bool, cli.option("--doNotSave", help="Measure, and write nothing")] = False,
    stop_early: Annotated[bool, cli.option("--stop-early", help="Stop after --query-size-limit sources")] = False,
    query_size_limit: Annotated[
        int, cli.option("--query-size-limit", "--limit", help="Sources of --stop-early", min=1)
    ] = 10000,
    ncore: Annotated[int, cli.option("--Ncore", "--workers", help="Threads; not more than there are cores", min=1)] = 8,
    period_batch_size: Annotated[
        int, cli.option("--period-batch-size", help="Accepted for old scripts; memory is flat without it", min=1)
    ] = 1000,
    source_catalog: Annotated[str, cli.option("--source-catalog", help=_NAME)] = "ZTF_sources_20240515",
    alerts_catalog: Annotated[str, cli.option("--alerts-catalog", help=_NAME)] = "ZTF_alerts",
    gaia_catalog: Annotated[str, cli.option("--gaia-catalog", help=_NAME)] = "Gaia_EDR3",
    overwrite: cli.Overwrite = False,
    resume: cli.Resume = True,
) -> None:
    """Measure features and periods of all sources of a quadrant.

    Example:
      generate_features --field 250 --ccd 1 --quad 1 --light-curves ztf_dr5 --doCPU
    """
    from scope.pipeline.features import Request, generate, table

    if do_specific_ids != (fg_dataset is not None):
        raise typer.BadParameter("--doSpecificIDs and --fg-dataset FILE go together")
    highest = 720.0 / min_cadence_minutes if do_scale_min_period and min_cadence_minutes > 0 else max_freq
    if bright_stars is None and not skip_close_sources:
        cli.warn("no --bright-stars table: sources close to bright stars are kept")
    request = Request(
        light_curves, fg_dataset, dirname, filename,
        _cuts(min_n_lc_points, min_cadence_minutes, max_timestamp_hjd),
        _periods(do_cpu, do_gpu, period_algorithms, samples_per_peak, highest, top_n_periods, do_remove_terrestrial),
        None if skip_close_sources else bright_stars, bright_star_query_radius_arcsec, xmatch_radius_arcsec, catalogs,
        _cesium(do_cesium), join_bands, query_size_limit if stop_early else None,
    )  # fmt: skip
    quadrant = None if do_specific_ids else _quadrant(
        field, ccd, quad, quadrant_index if do_quadrant_file else None, quadrant_file, dirname
    )  # fmt: skip
    threads = min(ncore, os.cpu_count() or 1)
    if do_not_save:
        cli.show({"sources": len(table(request, quadrant, threads=threads)["ra"]), "columns": len(request.columns)})
    else:
        cli.show(generate(request, quadrant, overwrite=overwrite, resume=resume, threads=threads))


def _cuts(points: int, cadence: float, latest: float | None) -> Cuts:
    from scope.lightcurves.quality import Cuts

    return Cuts(points, cadence, latest)


def _periods(
    cpu: bool, gpu: bool, algorithms: list[str] | None, samples: int, max_freq: float, top_n: int, terrestrial: bool
) -> Options | None:
    """Return the search asked for; without --doCPU there is none."""
    from scope.periods.search import Options, canonical

    if cpu and gpu:
        raise typer.BadParameter("--doCPU and --doGPU exclude each other")
    if gpu:
        from shared_io.errors import ExternalFailed

        raise ExternalFailed("no GPU can be used", hint="--doCPU gives the same columns")
    if not cpu:
        cli.warn("neither --doCPU nor --doGPU: all periods are set to 1 d")
        return None
    names = algorithms or list(Options().algorithms)
    try:
        return Options(canonical(names), samples, max_freq, top_n, terrestrial)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _cesium(wanted: bool) -> tuple[str, ...]:
    if not wanted:
        return ()
    from scope.features.cesium import NAMES

    return NAMES


def _quadrant(field: int, ccd: int, quad: int, job: int | None, listed: Path, dirname: Path) -> Quadrant:
    from scope.files import read_quadrants
    from scope.lightcurves.folder import Quadrant

    if job is None:
        return Quadrant(field, ccd, quad)
    path = listed if listed.exists() else dirname / "slurm" / listed
    found = read_quadrants(path)
    if job not in found:
        raise typer.BadParameter(f"{path} has no job {job}; it has {len(found)}, up to {max(found, default=-1)}")
    return found[job]
