"""``generate_features_slurm`` and ``generate_features_job_submission``: feature generation on a cluster."""

from __future__ import annotations

from dataclasses import dataclass, replace
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

from shared_io import cli

from scope.cli.declaring import parameters, taking
from scope.cli.generation import Generation

if TYPE_CHECKING:
    from scope.cluster import Resources
    from scope.config import Config
    from scope.lightcurves.folder import Quadrant

# Options of generate_features that a script sets itself, or that concern the writing of the scripts.
_OWN = frozenset({"field", "ccd", "quad", "do_quadrant_file", "quadrant_file", "quadrant_index", "overwrite", "resume"})
_PATHS = frozenset({"light_curves", "fg_dataset", "bright_stars", "catalogs", "alerts", "dirname", "config_path"})

Most = Annotated[int, cli.option("--max-instances", help="Jobs that may run at a time", min=1)]
Wait = Annotated[
    float, cli.option("--wait-time-minutes", help="Between looks at jobs of earlier submissions [min]", min=0)
]
Loop = Annotated[bool, cli.option("--doSubmitLoop", help="Submit again what failed, until nothing more gets done")]
User = Annotated[
    str, cli.option("--user", help="Whose jobs are looked for before any is submitted again", show_default="you")
]
Parallel = Annotated[bool, cli.option("--runParallel/--no-runParallel", help="Jobs at a time, not one after another")]
Listed = Annotated[str, cli.option("--quadrant-file", help="Name of the quadrant file in DIRNAME/slurm")]


def register(app: cli.App) -> None:
    """Add the verbs to the application."""
    app.command("generate-features-slurm")(generate_features_slurm)
    app.command("generate-features-job-submission")(generate_features_job_submission)


@dataclass(frozen=True)
class Cluster:
    """What ``generate_features_slurm`` was asked for beside the options of ``generate_features``."""

    job_name: Annotated[str, cli.option("--job-name", help="Name of the jobs")] = "ztf_fg"
    cluster_name: Annotated[
        str, cli.option("--cluster-name", help="Name of the cluster, kept with the jobs as their comment")
    ] = ""
    partition_type: Annotated[str, cli.option("--partition-type", help="Partition; default: the cluster's")] = ""
    nodes: Annotated[int, cli.option("--nodes", help="Nodes of a job", min=1)] = 1
    gpus: Annotated[int, cli.option("--gpus", help="GPUs of a job; at least 1 with --doGPU", min=0)] = 0
    memory_gb: Annotated[int, cli.option("--memory-GB", help="Memory of a job; 0: the cluster's", unit="GB")] = 0
    time: Annotated[str, cli.option("--time", help="Longest time of a job, as Slurm writes it")] = "48:00:00"
    mail_user: Annotated[str, cli.option("--mail-user", help="Address for news of the jobs")] = ""
    account_name: Annotated[str, cli.option("--account-name", help="Account that is charged")] = ""
    python_env_name: Annotated[
        str, cli.option("--python-env-name", help="Environment to activate: a name of Conda's, or a folder")
    ] = ""
    kowalski_instance_name: Annotated[
        str, cli.option("--kowalski-instance-name", help="Instance of Kowalski that lists the quadrants")
    ] = ""
    generate_quadrant_file: Annotated[
        bool,
        cli.option("--generateQuadrantFile", help="Number the quadrants of the survey files, or of Kowalski's fields"),
    ] = False
    field_list: Annotated[
        list[int] | None, cli.option("--field-list", help="Only these fields", show_default="config.yaml")
    ] = None
    quadrant_file: Listed = "slurm.dat"
    max_instances: Most = 20
    wait_time_minutes: Wait = 5.0
    do_submit_loop: Loop = False
    run_parallel: Parallel = True
    user: User = ""
    overwrite: cli.Overwrite = False


@taking(Cluster, Generation, but=_OWN)
def generate_features_slurm(asked: Cluster, generation: Generation) -> None:
    """Write Slurm scripts that generate the features of all quadrants of a quadrant file.

    All options of generate_features are taken too, and given on to it.

    Example:
      generate_features_slurm --light-curves ztf_dr5 --doCPU --generateQuadrantFile --partition_type compute
    """
    from scope.cli import choices
    from scope.config import read_config
    from scope.pipeline.cluster import write_scripts

    config = read_config(generation.config_path)
    local = choices.local_folder(generation.light_curves, generation.kowalski)
    dirname = choices.base_folder(generation.dirname, config)
    generation = replace(generation, config_path=config.path, light_curves=local, dirname=dirname)
    quadrants = _quadrants(asked, generation, config) if asked.generate_quadrant_file else None
    cli.show(
        write_scripts(
            dirname, asked.quadrant_file, forwarded(generation), _submission(asked, generation),
            _resources(asked, generation), quadrants=quadrants, most=asked.max_instances, parallel=asked.run_parallel,
            environment=asked.python_env_name, overwrite=asked.overwrite,
        )
    )  # fmt: skip


def _quadrants(asked: Cluster, generation: Generation, config: Config) -> list[Quadrant]:
    from scope.cli import choices
    from scope.pipeline.cluster import find_quadrants

    names = [asked.kowalski_instance_name] if asked.kowalski_instance_name else generation.kowalski_instances or []
    local = generation.light_curves
    service = choices.find_service(config, local, names, generation.ncore, generation.kowalski)
    fields = asked.field_list or config.settings.feature_generation.fields_to_run
    catalog = generation.source_catalog or config.settings.kowalski.collections.sources
    return find_quadrants(local, fields, service, catalog, generation.min_n_lc_points or 50)


def _resources(asked: Cluster, generation: Generation) -> Resources:
    from scope.cluster import Resources

    gpus = max(asked.gpus, 1) if generation.do_gpu or generation.device == "cuda" else asked.gpus
    return Resources(
        asked.job_name, asked.partition_type, asked.account_name, asked.mail_user, asked.time, asked.nodes, gpus,
        generation.ncore, asked.memory_gb, str((generation.dirname / "slurm" / "logs").absolute()), asked.cluster_name,
    )  # fmt: skip


def _submission(asked: Cluster, generation: Generation) -> list[str]:
    """Return the words of generate_features_job_submission."""
    words = ["--dirname", str(generation.dirname.absolute()), "--filename", generation.filename]
    words += ["--quadrant-file", asked.quadrant_file, "--max-instances", str(asked.max_instances)]
    words += [] if asked.run_parallel else ["--no-runParallel"]
    words += ["--user", asked.user] if asked.user else []
    words += ["--wait-time-minutes", str(asked.wait_time_minutes)]
    return [*words, *(["--doSubmitLoop"] if asked.do_submit_loop else [])]


def generate_features_job_submission(
    dirname: Annotated[Path, cli.option("--dirname", help="Folder of the feature tables")] = Path("generated_features"),
    filename: Annotated[str, cli.option("--filename", help="What their names begin with")] = "gen_features",
    quadrant_file: Listed = "slurm.dat",
    max_instances: Most = 20,
    wait_time_minutes: Wait = 5.0,
    do_submit_loop: Loop = False,
    run_parallel: Parallel = True,
    user: User = "",
) -> None:
    """Submit the jobs whose feature tables are not there yet and that are not at work, as one Slurm array.

    Example:
      generate_features_job_submission --dirname generated_features --max_instances 20
    """
    from scope.pipeline.cluster import submit

    most = max_instances if run_parallel else 1
    found = submit(
        dirname, filename, quadrant_file, most=most, until_done=do_submit_loop, user=user, wait=60 * wait_time_minutes
    )
    cli.show(found)


def forwarded(generation: Generation) -> list[str]:
    """Return options of generate_features as words, those that differ from their defaults.

    Paths are made absolute: a job starts in another folder.
    """
    words: list[str] = []
    for parameter in parameters(Generation, _OWN):
        value = getattr(generation, parameter.name)
        if (value == parameter.default and parameter.name not in _PATHS) or value is None:
            continue
        spelling = _spelling(parameter)
        if isinstance(value, bool):
            positive, _, negative = spelling.partition("/")
            words += [positive if value else negative] if value or negative else []
        elif isinstance(value, list):
            words += [spelling, *map(str, value)] if value else []
        else:
            words += [spelling, str(value.absolute() if isinstance(value, Path) else value)]
    return words


def _spelling(parameter: Parameter) -> str:
    option = get_args(parameter.annotation)[-1]
    # In an annotation typer keeps the first spelling where its default would be.
    return next(text for text in (option.default, *(option.param_decls or ())) if str(text).startswith("--"))
