"""Settings files: option values in YAML, and ``config show``, which tells where each value comes from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from shared_io.cli.options import find
from shared_io.cli.spelling import UsageProblem, match_name, suggest
from shared_io.errors import CorruptInput, InputNotFound, InputTooLarge, UnsafeInput

__all__ = ["config_app", "defaults", "load"]

MAX_BYTES = 1 << 20


def load(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a settings file: a mapping of plain YAML, at most 1 MiB.

    Raises
    ------
    InputNotFound, InputTooLarge, UnsafeInput, CorruptInput
        If it is missing, too large, uses aliases or tags, or is not a mapping with unique keys.
    """
    text = _text(path)
    import yaml

    from shared_io.cli.strict_yaml import StrictLoader

    try:
        content = yaml.load(text, Loader=StrictLoader)  # noqa: S506 (a SafeLoader that refuses more)
    except yaml.constructor.ConstructorError as error:
        raise UnsafeInput(_where(error), path=path) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise CorruptInput(f"not valid YAML: {_where(error)}", path=path) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise CorruptInput("not a mapping of option names to values", path=path)
    return {str(key): value for key, value in content.items()}


def defaults(content: Mapping[str, Any], commands: Mapping[tuple[str, ...], Any], verb: tuple[str, ...]) -> Any:
    """The values that a settings file gives one command, by parameter name.

    Parameters
    ----------
    content
        What `load` gave: option values, and a section for each verb.
    commands
        All commands of the application by their path of verbs; every key is checked against them.
    verb
        The path of the command that runs.

    Raises
    ------
    UsageProblem
        For a key that no command knows.
    """
    names = {path[0]: command for path, command in commands.items() if len(path) == 1}
    found: dict[str, Any] = {}
    section: dict[str, Any] = {}
    for key, value in content.items():
        verbs = match_name(key, list(names), prefixes=False)
        if verbs and isinstance(value, Mapping):
            section |= _section(verbs[0], value, names[verbs[0]], (verbs[0],) == verb)
            continue
        owners = [path for path, command in commands.items() if find(key, command) is not None]
        if not owners:
            raise UsageProblem(f"settings: unknown key '{key}'{suggest(key, [*names, *_all(commands)])}")
        for path in owners:
            param = find(key, commands[path])
            checked = _value(key, value, param)
            if path == verb and checked is not None:
                found[param.name] = checked
    return found | section


def _section(verb: str, values: Mapping[Any, Any], command: Any, wanted: bool) -> dict[str, Any]:
    found = {}
    for key, value in values.items():
        param = find(str(key), command)
        if param is None:
            raise UsageProblem(f"settings: unknown key '{verb}: {key}'{suggest(str(key), _all({(): command}))}")
        checked = _value(f"{verb}: {key}", value, param)
        if wanted and checked is not None:
            found[param.name] = checked
    return found


def _all(commands: Mapping[tuple[str, ...], Any]) -> list[str]:
    found = [s.lstrip("-") for c in commands.values() for p in c.params for s in p.opts if s.startswith("--")]
    return list(dict.fromkeys(found))


def _value(key: str, value: Any, param: Any) -> Any:
    """A YAML value in the form that the command line would have given."""
    if param.hide_input:
        raise UsageProblem(f"settings: '{key}' is a secret; give it through the environment")
    if value is None:
        return None
    if param.is_flag:
        if not isinstance(value, bool):
            raise UsageProblem(f"settings: '{key}' takes true or false")
        return value
    if param.multiple:
        values = value if isinstance(value, list) else [value]
        return [_words(key, v, param.nargs) for v in values]
    return _words(key, value, param.nargs)


def _words(key: str, value: Any, nargs: int) -> Any:
    if nargs == 1:
        if isinstance(value, dict | list):
            raise UsageProblem(f"settings: '{key}' takes one value, not a {type(value).__name__}")
        return str(value)
    if not isinstance(value, list) or len(value) != nargs:
        raise UsageProblem(f"settings: '{key}' takes a list of {nargs} values")
    return tuple(str(v) for v in value)


def _text(path: str | os.PathLike[str]) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputNotFound(f"the settings cannot be read: {error.strerror}", path=path) from error
    if len(data) > MAX_BYTES:
        raise InputTooLarge("larger than a settings file may be (1 MiB)", path=path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CorruptInput("not UTF-8 text", path=path) from error


def _where(error: BaseException) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or type(error).__name__
    return f"line {mark.line + 1}: {problem}" if mark is not None else str(problem)


def config_app(tool: str) -> typer.Typer:
    """The ``config`` verb of the application of ``tool``."""
    from shared_io.cli.app import Command

    app = typer.Typer(help="Look at the settings.", rich_markup_mode=None)

    text = f"""Print the value of every option and where it comes from.

    An option's value is taken from the command line, else from the environment, else from the settings file
    (--settings), else it is the default.

    Example:
      $ {tool} config show --settings settings.yaml
    """

    @app.command("show", cls=Command, help=text)
    def config_show(
        verb: Annotated[str | None, typer.Argument(help="Only this command")] = None,
    ) -> None:
        """Print the value of every option and where it comes from."""
        from shared_io.cli.output import show
        from shared_io.cli.resolve import rows

        show(rows(verb))

    app.callback()(lambda: None)
    return app
