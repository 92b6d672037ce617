"""``scope generate-features``: light curves of a quadrant to its feature table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from shared_io import cli

_CONFIG = "config.yaml"
_GAIA = "Table of Gaia stars: ra, dec, phot_g_mean_mag, bp_rp"


def register(app: cli.App) -> None:
    """Add the verb to the application."""
    app.command("generate-features")(generate_features)


def generate_features(
    light_curves: Annotated[
        Path | None,
        cli.option(
            "-i",
            "--input",
            "--light-curves",
            help="Folder of survey files, or one file",
            show_default="light_curves, if that is there; else Kowalski",
        ),
    ] = None,
    kowalski: Annotated[bool, cli.option("--kowalski", help="Take light curves and catalogues from Kowalski")] = False,
    kowalski_instances: Annotated[
        list[str] | None,
        cli.option("--kowalski-instances", help="Its instances to ask", show_default="all with a token"),
    ] = None,
    config_path: Annotated[
        Path | None,
        cli.option("--config-path", "--config", help="Settings; see config show", show_default="config.yaml, if there"),
    ] = None,
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
    fg_dataset: Annotated[
        Path | None, cli.option("--fg-dataset", help="Table with a column ztf_id, or JSON", show_default=_CONFIG)
    ] = None,
    do_cpu: Annotated[bool, cli.option("--doCPU", help="Search periods on the CPU")] = False,
    do_gpu: Annotated[bool, cli.option("--doGPU", help="Search periods on a GPU")] = False,
    period_algorithms: Annotated[
        list[str] | None,
        cli.option(
            "--period-algorithms",
            help="Any of LS, CE, AOV, FPW, BLS and MHF, also with E in front, and ELS_ECE_EAOV",
            show_default="those of config.yaml: ELS ECE EAOV ELS_ECE_EAOV",
        ),
    ] = None,
    samples_per_peak: Annotated[
        int | None,
        cli.option("--samples-per-peak", help="Frequencies in the width of a peak", min=1, show_default="10"),
    ] = None,
    max_freq: Annotated[
        float | None,
        cli.option("--max-freq", help="Highest frequency", unit="1/d", min=0.001, show_default="48; Rubin: 288"),
    ] = None,
    do_scale_min_period: Annotated[
        bool, cli.option("--doScaleMinPeriod", help="Highest frequency 1 / (2 min-cadence-minutes) instead")
    ] = False,
    do_remove_terrestrial: Annotated[
        bool, cli.option("--doRemoveTerrestrial", help="Distrust frequencies that the day and the year imitate")
    ] = False,
    top_n_periods: Annotated[int, cli.option("--top-n-periods", help="Distinct peaks of each algorithm", min=1)] = 10,
    max_fap: Annotated[
        float, cli.option("--max-fap", help="False-alarm probability up to which a star is periodic", min=0, max=1)
    ] = 0.01,
    compatible: Annotated[
        bool, cli.option("--compatible", help="Search as scope-ml does: one grid, each filter alone, its top periods")
    ] = False,
    full_search: Annotated[
        bool, cli.option("--full-search", help="Fold at all frequencies, not only where a quick screen is high")
    ] = False,
    join_bands: Annotated[
        bool, cli.option("--join-bands/--no-join-bands", help="Search all filters of a star together")
    ] = True,
    min_n_lc_points: Annotated[
        int | None, cli.option("--min-n-lc-points", help="Fewest good points", min=5, show_default="50")
    ] = None,
    min_cadence_minutes: Annotated[
        float | None,
        cli.option(
            "--min-cadence-minutes", help="Shortest time between points", unit="min", min=0, show_default="30; Rubin: 5"
        ),
    ] = None,
    max_timestamp_hjd: Annotated[
        float | None, cli.option("--max-timestamp-hjd", help="Leave later points out", unit="d", show_default=_CONFIG)
    ] = None,
    bright_stars: Annotated[
        Path | None, cli.option("--bright-stars", help=_GAIA, show_default="Kowalski's, where it is asked")
    ] = None,
    skip_close_sources: Annotated[
        bool, cli.option("--skipCloseSources", help="Keep sources close to bright stars")
    ] = False,
    bright_star_query_radius_arcsec: Annotated[
        float, cli.option("--bright-star-query-radius-arcsec", help="Reach of bright stars", unit="arcsec", min=0)
    ] = 300.0,
    catalogs: Annotated[
        Path | None,
        cli.option(
            "--catalogs",
            help="Folder with AllWISE, Gaia_EDR3 and PS1_DR1 as tables",
            show_default="Kowalski's, where it is asked",
        ),
    ] = None,
    alerts: Annotated[
        Path | None,
        cli.option(
            "--alerts", help="Table of ZTF alerts: ra, dec, braai", show_default="Kowalski's, where it is asked"
        ),
    ] = None,
    xmatch_radius_arcsec: Annotated[
        float, cli.option("--xmatch-radius-arcsec", help="Farthest match", unit="arcsec", min=0)
    ] = 2.0,
    do_cesium: Annotated[bool, cli.option("--doCesium", help="Add features of the cesium library")] = False,
    do_drw: Annotated[bool, cli.option("--doDRW", help="Add features of a damped random walk")] = False,
    do_flares: Annotated[bool, cli.option("--doFlares", help="Add features of flares")] = False,
    dirname: Annotated[Path, cli.option("-o", "--output", "--dirname", help="Folder of the feature tables")] = Path(
        "generated_features"
    ),
    filename: Annotated[str, cli.option("--filename", help="What their names begin with")] = "gen_features",
    do_not_save: Annotated[bool, cli.option("--doNotSave", help="Measure, and write nothing")] = False,
    stop_early: Annotated[bool, cli.option("--stop-early", help="Stop after --query-size-limit sources")] = False,
    query_size_limit: Annotated[
        int, cli.option("--query-size-limit", "--limit", help="Most sources of a query, and of --stop-early", min=1)
    ] = 10000,
    ncore: Annotated[int, cli.option("--Ncore", "--workers", help="Threads; not more than there are cores", min=1)] = 8,
    period_batch_size: Annotated[
        int, cli.option("--period-batch-size", help="Accepted for old scripts; memory is flat without it", min=1)
    ] = 1000,
    source_catalog: Annotated[
        str | None, cli.option("--source-catalog", help="Kowalski's collection of light curves", show_default=_CONFIG)
    ] = None,
    alerts_catalog: Annotated[
        str | None, cli.option("--alerts-catalog", help="Kowalski's collection of alerts", show_default=_CONFIG)
    ] = None,
    gaia_catalog: Annotated[
        str | None, cli.option("--gaia-catalog", help="Kowalski's collection of Gaia stars", show_default=_CONFIG)
    ] = None,
    overwrite: cli.Overwrite = False,
    resume: cli.Resume = True,
) -> None:
    """Measure features and periods of all sources of a quadrant.

    Example:
      generate_features --field 250 --ccd 1 --quad 1 --light-curves ztf_dr5 --doCPU
    """
    options = dict(locals())
    from scope.cli import choices
    from scope.config import read_config
    from scope.pipeline.features import generate, table

    config = read_config(config_path)
    threads, local = choices.threads_of(ncore), choices.local_folder(light_curves, kowalski)
    request = choices.request_of(options, config, local)
    quadrant = choices.quadrant_of(options, request)
    service = choices.find_service(config, local, kowalski_instances or [], threads, kowalski)
    if do_not_save:
        values = table(request, quadrant, service=service, threads=threads)
        cli.show({"sources": len(values["ra"]), "columns": len(request.columns)})
    else:
        cli.show(
            generate(request, quadrant, service=service, overwrite=overwrite, resume=resume, threads=threads)
        )  # fmt: skip
