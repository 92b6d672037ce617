"""``generate_features_slurm`` and ``generate_features_job_submission``: feature generation on a cluster."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Any, get_args

from shared_io import cli

from scope.cli.generating import generate_features

# Options of generate_features that a script sets itself, or that concern the writing of the scripts.
_OWN = frozenset({"field", "ccd", "quad", "do_quadrant_file", "quadrant_file", "quadrant_index", "overwrite", "resume"})
_PATHS = frozenset({"light_curves", "fg_dataset", "bright_stars", "catalogs", "alerts", "dirname", "config_path"})

Most = Annotated[int, cli.option("--max-instances", help="Jobs that may run at a time", min=1)]
Wait = Annotated[float, cli.option("--wait-time-minutes", help="Accepted for old scripts; nothing is polled", min=0)]
Loop = Annotated[bool, cli.option("--doSubmitLoop", help="Submit again what failed, until nothing more gets done")]
User = Annotated[str, cli.option("--user", help="Accepted for old scripts; nothing is polled")]
Parallel = Annotated[bool, cli.option("--runParallel/--no-runParallel", help="An array of jobs, not one after another")]
Listed = Annotated[str, cli.option("--quadrant-file", help="Name of the quadrant file in DIRNAME/slurm")]


def register(app: cli.App) -> None:
    """Add the verbs to the application."""
    app.command("generate-features-slurm")(_with_options_of(generate_features, generate_features_slurm))
    app.command("generate-features-job-submission")(generate_features_job_submission)


def generate_features_slurm(
    job_name: Annotated[str, cli.option("--job-name", help="Name of the jobs")] = "ztf_fg",
    cluster_name: Annotated[str, cli.option("--cluster-name", help="Accepted for old scripts")] = "",
    partition_type: Annotated[str, cli.option("--partition-type", help="Partition; default: the cluster's")] = "",
    nodes: Annotated[int, cli.option("--nodes", help="Nodes of a job", min=1)] = 1,
    gpus: Annotated[int, cli.option("--gpus", help="GPUs of a job", min=0)] = 0,
    memory_gb: Annotated[int, cli.option("--memory-GB", help="Memory of a job; 0: the cluster's", unit="GB")] = 0,
    time: Annotated[str, cli.option("--time", help="Longest time of a job, as Slurm writes it")] = "48:00:00",
    mail_user: Annotated[str, cli.option("--mail-user", help="Address for news of the jobs")] = "",
    account_name: Annotated[str, cli.option("--account-name", help="Account that is charged")] = "",
    python_env_name: Annotated[
        str, cli.option("--python-env-name", help="Environment to activate: a name of Conda's, or a folder")
    ] = "",
    kowalski_instance_name: Annotated[
        str, cli.option("--kowalski-instance-name", help="Instance of Kowalski that lists the quadrants")
    ] = "",
    generate_quadrant_file: Annotated[
        bool,
        cli.option("--generateQuadrantFile", help="Number the quadrants of the survey files, or of Kowalski's fields"),
    ] = False,
    field_list: Annotated[
        list[int] | None, cli.option("--field-list", help="Only these fields", show_default="config.yaml")
    ] = None,
    quadrant_file: Listed = "slurm.dat",
    max_instances: Most = 20,
    wait_time_minutes: Wait = 5.0,
    do_submit_loop: Loop = False,
    run_parallel: Parallel = True,
    user: User = "",
    overwrite: cli.Overwrite = False,
    **options: Any,
) -> None:
    """Write Slurm scripts that generate the features of all quadrants of a quadrant file.

    All options of generate_features are taken too, and given on to it.

    Example:
      generate_features_slurm --light-curves ztf_dr5 --doCPU --generateQuadrantFile --partition_type compute
    """
    from scope.cli import choices
    from scope.cluster import Resources
    from scope.config import read_config
    from scope.pipeline.cluster import find_quadrants, write_scripts

    config = read_config(options["config_path"])
    local = choices.local_folder(options["light_curves"], options["kowalski"])
    dirname = choices.base_folder(options["dirname"], config)
    options |= {"config_path": config.path, "light_curves": local, "dirname": dirname}
    quadrants = None
    if generate_quadrant_file:
        names = [kowalski_instance_name] if kowalski_instance_name else options["kowalski_instances"] or []
        service = choices.find_service(config, local, names, options["ncore"], options["kowalski"])
        fields = field_list or config.settings.feature_generation.fields_to_run
        catalog = options["source_catalog"] or config.settings.kowalski.collections.sources
        quadrants = find_quadrants(local, fields, service, catalog, options["min_n_lc_points"] or 50)
    resources = Resources(
        job_name, partition_type, account_name, mail_user, time, nodes, gpus, options["ncore"], memory_gb,
        str((dirname / "slurm" / "logs").absolute()),
    )  # fmt: skip
    again = ["--dirname", str(dirname.absolute()), "--filename", options["filename"], "--quadrant-file", quadrant_file]
    again += ["--max-instances", str(max_instances), *(["--doSubmitLoop"] if do_submit_loop else [])]
    cli.show(
        write_scripts(
            dirname, quadrant_file, forwarded(options), again, resources, quadrants=quadrants, most=max_instances,
            parallel=run_parallel, environment=python_env_name, overwrite=overwrite,
        )
    )  # fmt: skip


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
    """Submit the jobs whose feature tables are not there yet, as one Slurm array.

    Example:
      generate_features_job_submission --dirname generated_features --max_instances 20
    """
    from scope.pipeline.cluster import submit

    cli.show(submit(dirname, filename, quadrant_file, most=max_instances, until_done=do_submit_loop))


def forwarded(options: dict[str, Any]) -> list[str]:
    """Return options of generate_features as words, those that differ from their defaults.

    Paths are made absolute: a job starts in another folder.
    """
    words: list[str] = []
    for name, parameter in inspect.signature(generate_features, eval_str=True).parameters.items():
        value = options.get(name, parameter.default)
        if name in _OWN or (value == parameter.default and name not in _PATHS) or value is None:
            continue
        spelling = _spelling(parameter)
        if isinstance(value, bool):
            positive, _, negative = spelling.partition("/")
            words += [positive if value else negative] if value or negative else []
        elif isinstance(value, list):
            words += [spelling, *map(str, value)]
        else:
            words += [spelling, str(value.absolute() if isinstance(value, Path) else value)]
    return words


def _spelling(parameter: inspect.Parameter) -> str:
    option = get_args(parameter.annotation)[-1]
    # In an annotation typer keeps the first spelling where its default would be.
    return next(text for text in (option.default, *(option.param_decls or ())) if str(text).startswith("--"))


def _with_options_of(given: Any, function: Any) -> Any:
    """Return `function` with the options of `given`, but `_OWN`, in place of ``**options``."""
    own = inspect.signature(function, eval_str=True)
    mine = [p for p in own.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    theirs = [p for n, p in inspect.signature(given, eval_str=True).parameters.items() if n not in _OWN]

    def command(**options: Any) -> None:
        function(**options)

    command.__name__, command.__doc__ = function.__name__, function.__doc__
    command.__signature__ = own.replace(parameters=mine + theirs)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in mine + theirs}
    return command
