"""Options: how commands declare theirs, and the ones that every command has."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer

from shared_io.cli.coerce import quicken
from shared_io.cli.spelling import Spec, UsageProblem

__all__ = [
    "DryRun",
    "Input",
    "Output",
    "Overwrite",
    "Resume",
    "Scheduler",
    "Secret",
    "Seed",
    "Workers",
    "add_common",
    "common_values",
    "option",
    "specs",
    "token_option",
]

_PREFIX = "common_"


class Secret:
    """A value that never shows itself: `reveal` gives it, text forms give ``***``."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value.reveal() if isinstance(value, Secret) else value

    def reveal(self) -> str:
        """The value itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __reduce__(self) -> Any:
        raise TypeError("a secret is not pickled")


def option(*spellings: str, help: str = "", unit: str = "", **more: Any) -> Any:
    """Declare an option: `typer.Option` that shows its default and its unit.

    Parameters
    ----------
    *spellings
        As for `typer.Option`; none means ``--parameter-name``.
    help
        One line.
    unit
        Unit of the value, shown behind the help in brackets.
    **more
        Passed to `typer.Option`.
    """
    text = f"{help} [{unit}]" if unit else help
    return typer.Option(*spellings, help=text, show_default=more.pop("show_default", True), **more)


def token_option(*spellings: str, help: str = "", **more: Any) -> Any:
    """Declare an option that carries a secret; annotate its parameter ``cli.Secret | None``.

    Its value is taken with a warning (other users of the machine can read command lines) and is left out of
    messages, logs, tracebacks, settings and provenance. The environment is the better place for it.
    """
    text = help or "Secret; better given through the environment"
    return typer.Option(
        *spellings, help=text, parser=Secret, hide_input=True, metavar="TOKEN", show_default=False, **more
    )


def _scheduler(text: str | None) -> str | None:
    from shared_io.batch.executors import scheduler

    try:
        return scheduler(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


Input = Annotated[Path, option("-i", "--input", help="Folder or file to read")]
Output = Annotated[Path, option("-o", "--output", help="Folder or file to write")]
Overwrite = Annotated[bool, option("--overwrite", help="Replace outputs that are in the way")]
Resume = Annotated[bool, option("--resume/--no-resume", help="Skip what is already done")]
DryRun = Annotated[bool, option("--dry-run", help="Say what would be done and stop")]
Workers = Annotated[int, option("--workers", help="Processes to use", min=1)]
Scheduler = Annotated[
    str | None,
    option(
        "--scheduler",
        help="Where they run: 'local', 'dask', 'slurm', or a Dask scheduler's address, tcp://HOST:PORT",
        show_default="local",
        callback=_scheduler,
        metavar="WHERE",
    ),
]
Seed = Annotated[int, option("--seed", help="Seed of the random numbers", min=0)]


def _common(
    common_settings: Annotated[
        str | None,
        typer.Option("--config", "--settings", metavar="FILE.yaml", help="Read option values from this file"),
    ] = None,
    common_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output")] = False,
    common_quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only")] = False,
    common_verbose: Annotated[
        int, typer.Option("-v", "--verbose", count=True, show_default=False, help="Say more; twice for all")
    ] = 0,
    common_log_file: Annotated[
        Path | None, typer.Option("--log-file", metavar="FILE", help="Append a full log to this file")
    ] = None,
    common_debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error")] = False,
    common_version: Annotated[bool, typer.Option("--version", help="Print the version and stop")] = False,
) -> None:
    """Nothing: only its parameters are used."""


@cache
def _common_params() -> tuple[Any, ...]:
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(_common)
    return tuple(typer.main.get_command(app).params)


def add_common(command: Any, tool: str) -> None:
    """Give a built command the options that all commands share, where it has no such spelling itself."""
    taken = {s for p in command.params for s in (*p.opts, *p.secondary_opts)}
    for common in _common_params():
        if common.name in {p.name for p in command.params}:
            continue
        param = copy.copy(common)
        param.opts = [s for s in common.opts if s not in taken]
        param.secondary_opts = [s for s in common.secondary_opts if s not in taken]
        short = common.name.removeprefix(_PREFIX).upper()
        param.envvar = f"{tool.upper().replace('-', '_')}_{short}"
        param.allow_from_autoenv = False
        param.show_envvar = False
        quicken(param)
        if any(s.startswith("--") for s in param.opts):
            command.params.append(param)


def common_values(params: dict[str, Any]) -> dict[str, Any]:
    """Take the shared options out of the parsed parameters."""
    names = [name for name in params if name.startswith(_PREFIX)]
    return {name.removeprefix(_PREFIX): params.pop(name) for name in names}


def negatives(param: Any) -> list[str]:
    """The spellings that unset a flag: the declared ones, or a hidden ``--no-NAME``."""
    if not getattr(param, "is_bool_flag", False):
        return []
    longest = max(param.opts, key=len).lstrip("-")
    return list(param.secondary_opts) or [f"--no-{longest}"]


def specs(command: Any) -> tuple[Spec, ...]:
    """What `normalise` needs to know of a built command."""
    found = [Spec("help", ("--help", "-h"), kind="flag", negatives=("--no-help",))]
    for param in command.params:
        if param.param_type_name == "option":
            found.append(_spec(param))
    return tuple(found)


def _spec(param: Any) -> Spec:
    annotation = param.type_descriptor.annotation
    element = get_args(annotation)[0] if get_origin(annotation) is list else annotation
    return Spec(
        name=param.name,
        spellings=tuple(sorted(param.opts, key=lambda s: not s.startswith("--"))),
        negatives=tuple(negatives(param)),
        kind="count" if param.count else "flag" if param.is_flag else "value",
        nargs=param.nargs,
        many=param.multiple and not param.is_flag,
        number=element in (int, float),
        secret=bool(param.hide_input),
    )


def find(name: str, command: Any) -> Any:
    """The option of ``command`` that a settings key means, or None."""
    from shared_io.cli.spelling import match_name

    bodies = {s.lstrip("-"): p for p in command.params if p.param_type_name == "option" for s in p.opts}
    found = {id(bodies[b]): bodies[b] for b in match_name(name, list(bodies), prefixes=False)}
    if len(found) > 1:
        raise UsageProblem(f"ambiguous setting: {name}")
    return next(iter(found.values()), None)


def common_specs() -> tuple[Spec, ...]:
    """What `normalise` needs to know where no command has been named yet."""
    found = [Spec("help", ("--help", "-h"), kind="flag", negatives=("--no-help",))]
    return (*found, *(_spec(param) for param in _common_params()))
