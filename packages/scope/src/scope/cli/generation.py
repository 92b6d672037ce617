"""The options of ``generate_features``, as one settings object."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from shared_io import cli
from shared_io.cli import option

_CONFIG = "config.yaml"
_GAIA = "Table of Gaia stars: ra, dec, phot_g_mean_mag, bp_rp"
_ASKED = "Kowalski's, where it is asked"


class Device(StrEnum):
    """Where periods are searched."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


@dataclass(frozen=True)
class Generation:
    """What ``generate_features`` was asked for; None leaves a value to the survey, or to ``config.yaml``.

    The help of each option says what its field means.
    """

    # Light curves.
    light_curves: Annotated[
        Path | None,
        option(
            "-i",
            "--input",
            "--light-curves",
            help="Folder of survey files, or one file",
            show_default="light_curves, if that is there; else Kowalski",
        ),
    ] = None
    kowalski: Annotated[bool, option("--kowalski", help="Take light curves and catalogues from Kowalski")] = False
    kowalski_instances: Annotated[
        list[str] | None, option("--kowalski-instances", help="Its instances to ask", show_default="all with a token")
    ] = None
    config_path: Annotated[
        Path | None,
        option("--config-path", "--config", help="Settings; see config show", show_default="config.yaml, if there"),
    ] = None

    # Which sources.
    field: Annotated[int, option("--field", help="ZTF field", min=0)] = 296
    ccd: Annotated[int, option("--ccd", help="ZTF CCD", min=1, max=16)] = 1
    quad: Annotated[int, option("--quad", help="ZTF quadrant", min=1, max=4)] = 1
    do_quadrant_file: Annotated[
        bool, option("--doQuadrantFile", help="Take field, CCD and quadrant from the quadrant file")
    ] = False
    quadrant_file: Annotated[
        Path, option("--quadrant-file", help="Lines 'job field ccd quad', there or in DIRNAME/slurm")
    ] = Path("slurm.dat")
    quadrant_index: Annotated[int, option("--quadrant-index", help="Job of that file to run", min=0)] = 0
    do_specific_ids: Annotated[
        bool, option("--doSpecificIDs", help="Take the sources of --fg-dataset instead of a quadrant's")
    ] = False
    fg_dataset: Annotated[
        Path | None, option("--fg-dataset", help="Table with a column ztf_id, or JSON", show_default=_CONFIG)
    ] = None

    # Period search.
    do_cpu: Annotated[bool, option("--doCPU", help="Search periods on the CPU")] = False
    do_gpu: Annotated[bool, option("--doGPU", help="Search periods on a GPU, with CuPy")] = False
    device: Annotated[
        Device | None,
        option("--device", help="cpu: as --doCPU; cuda: as --doGPU; auto: a GPU where CuPy finds one, else the CPU"),
    ] = None
    period_algorithms: Annotated[
        list[str] | None,
        option(
            "--period-algorithms",
            help="Any of LS, CE, AOV, FPW, BLS and MHF, also with E in front, and ELS_ECE_EAOV",
            show_default="those of config.yaml: ELS ECE EAOV ELS_ECE_EAOV",
        ),
    ] = None
    samples_per_peak: Annotated[
        int | None, option("--samples-per-peak", help="Frequencies in the width of a peak", min=1, show_default="10")
    ] = None
    max_freq: Annotated[
        float | None,
        option("--max-freq", help="Highest frequency", unit="1/d", min=0.001, show_default="48; Rubin: 288"),
    ] = None
    do_scale_min_period: Annotated[
        bool, option("--doScaleMinPeriod", help="Highest frequency 1 / (2 min-cadence-minutes) instead")
    ] = False
    do_remove_terrestrial: Annotated[
        bool, option("--doRemoveTerrestrial", help="Distrust frequencies that the day and the year imitate")
    ] = False
    top_n_periods: Annotated[
        int, option("--top-n-periods", help="Distinct peaks of each algorithm; more than 20 are all judged", min=1)
    ] = 10
    max_fap: Annotated[
        float, option("--max-fap", help="False-alarm probability up to which a star is periodic", min=0, max=1)
    ] = 0.01
    compatible: Annotated[
        bool, option("--compatible", help="Search as scope-ml does: one grid, each filter alone, its top periods")
    ] = False
    full_search: Annotated[
        bool, option("--full-search", help="Fold at all frequencies, not only where a quick screen is high")
    ] = False
    join_bands: Annotated[
        bool, option("--join-bands/--no-join-bands", help="Search all filters of a star together")
    ] = True

    # Cuts.
    min_n_lc_points: Annotated[
        int | None, option("--min-n-lc-points", help="Fewest good points", min=5, show_default="50")
    ] = None
    min_cadence_minutes: Annotated[
        float | None,
        option(
            "--min-cadence-minutes", help="Shortest time between points", unit="min", min=0, show_default="30; Rubin: 5"
        ),
    ] = None
    max_timestamp_hjd: Annotated[
        float | None, option("--max-timestamp-hjd", help="Leave later points out", unit="d", show_default=_CONFIG)
    ] = None

    # The sky around.
    bright_stars: Annotated[Path | None, option("--bright-stars", help=_GAIA, show_default=_ASKED)] = None
    skip_close_sources: Annotated[bool, option("--skipCloseSources", help="Keep sources close to bright stars")] = False
    bright_star_query_radius_arcsec: Annotated[
        float, option("--bright-star-query-radius-arcsec", help="Reach of bright stars", unit="arcsec", min=0)
    ] = 300.0
    catalogs: Annotated[
        Path | None,
        option("--catalogs", help="Folder with AllWISE, Gaia_EDR3 and PS1_DR1 as tables", show_default=_ASKED),
    ] = None
    alerts: Annotated[
        Path | None, option("--alerts", help="Table of ZTF alerts: ra, dec, braai", show_default=_ASKED)
    ] = None
    xmatch_radius_arcsec: Annotated[
        float, option("--xmatch-radius-arcsec", help="Farthest match", unit="arcsec", min=0)
    ] = 2.0

    # More features.
    do_cesium: Annotated[bool, option("--doCesium", help="Add features of the cesium library")] = False
    do_drw: Annotated[bool, option("--doDRW", help="Add features of a damped random walk")] = False
    do_flares: Annotated[bool, option("--doFlares", help="Add features of flares")] = False

    # Output.
    dirname: Annotated[Path, option("-o", "--output", "--dirname", help="Folder of the feature tables")] = Path(
        "generated_features"
    )
    filename: Annotated[str, option("--filename", help="What their names begin with")] = "gen_features"
    do_not_save: Annotated[bool, option("--doNotSave", help="Measure, and write nothing")] = False

    # How much, and where it runs.
    stop_early: Annotated[bool, option("--stop-early", help="Stop after --query-size-limit sources")] = False
    query_size_limit: Annotated[
        int, option("--query-size-limit", "--limit", help="Most sources of a query, and of --stop-early", min=1)
    ] = 10000
    ncore: Annotated[
        int, option("--Ncore", "--workers", help="Processes; here not more than there are cores", min=1)
    ] = 8
    scheduler: cli.Scheduler = None
    period_batch_size: Annotated[
        int, option("--period-batch-size", help="Most sources that a process searches at a time", min=1)
    ] = 1000

    # Kowalski's collections.
    source_catalog: Annotated[
        str | None, option("--source-catalog", help="Kowalski's collection of light curves", show_default=_CONFIG)
    ] = None
    alerts_catalog: Annotated[
        str | None, option("--alerts-catalog", help="Kowalski's collection of alerts", show_default=_CONFIG)
    ] = None
    gaia_catalog: Annotated[
        str | None, option("--gaia-catalog", help="Kowalski's collection of Gaia stars", show_default=_CONFIG)
    ] = None

    # Running again.
    overwrite: cli.Overwrite = False
    resume: cli.Resume = True
