"""The value of every option of a command and where it comes from."""

from __future__ import annotations

from typing import Any

from shared_io.cli.app import leaves
from shared_io.cli.plain import plain
from shared_io.cli.session import current
from shared_io.cli.settings import defaults, load
from shared_io.cli.spelling import UsageProblem, match_name, suggest

__all__ = ["context_settings", "rows", "variable_prefix"]

_SOURCES = {"ENVIRONMENT": "environment", "DEFAULT_MAP": "settings", "DEFAULT": "default"}


def variable_prefix(tool: str, verb: tuple[str, ...]) -> str:
    """What the environment variables of a command begin with: ``TOOL_VERB``."""
    return "_".join((tool, *verb)).upper().replace("-", "_")


def context_settings(root: Any, tool: str, verb: tuple[str, ...], settings: str | None) -> dict[str, Any]:
    """What a command's context needs in order to see the environment and the settings file."""
    values = defaults(load(settings), leaves(root), verb) if settings else {}
    return {
        "auto_envvar_prefix": variable_prefix(tool, verb),
        "default_map": values,
        "help_option_names": ["-h", "--help"],
    }


def rows(verb: str | None) -> list[dict[str, Any]]:
    """One row an option of one command, or of all: verb, option, value, source."""
    session = current()
    commands = {p: c for p, c in leaves(session.root).items() if p[:1] != ("config",)}
    if verb is not None:
        names = {" ".join(path): path for path in commands}
        found = match_name(verb, list(names), prefixes=False)
        if not found:
            raise UsageProblem(f"no such command: {verb}{suggest(verb, list(names))}")
        commands = {names[found[0]]: commands[names[found[0]]]}
    return [row for path, command in commands.items() for row in _rows_of(path, command)]


def _rows_of(path: tuple[str, ...], command: Any) -> list[dict[str, Any]]:
    session = current()
    extra = context_settings(session.root, session.tool, path, session.settings)
    ctx = command.make_context(" ".join(path), [], resilient_parsing=True, **extra)
    found = []
    for param in command.params:
        if param.name.startswith("common_") or param.param_type_name != "option":
            continue
        value, source = param.consume_value(ctx, {})
        name = max(param.opts, key=len)
        if param.hide_input:
            value = None if value is None else "***"
        elif value is not None:
            value = param.process_value(ctx, value)
        origin = "required" if param.required and value is None else _SOURCES.get(source.name, "")
        found.append({"verb": " ".join(path), "option": name, "value": plain(value), "source": origin})
    return found
