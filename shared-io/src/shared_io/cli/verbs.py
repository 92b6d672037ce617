"""Which command of an application the words of a command line mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared_io.cli.options import common_specs, specs
from shared_io.cli.spelling import Parsed, UsageProblem, match_name, normalise, suggest

__all__ = ["Chosen", "choose"]

_WORD = re.compile(r"[A-Za-z][\w-]*")


@dataclass(frozen=True)
class Chosen:
    """The command that a line means.

    Attributes
    ----------
    path
        The verbs that lead to it; empty for the application itself.
    command
        The built command, or the group if only ``--help`` or ``--version`` can follow.
    args
        The words left for it.
    """

    path: tuple[str, ...]
    command: Any
    args: list[str]

    @property
    def is_group(self) -> bool:
        """No command was named."""
        return hasattr(self.command, "commands")


def choose(root: Any, args: list[str], default: str | None) -> Chosen:
    """Follow the verbs of a line; without one, take the default verb.

    Raises
    ------
    UsageProblem
        If a verb is unknown, with the most similar one.
    """
    path: tuple[str, ...] = ()
    node = root
    while hasattr(node, "commands"):
        fallback = default if node is root else None
        parsed = _preview(node, args, fallback)
        verb = _verb(node, parsed)
        if verb is not None:
            index = parsed.positionals[0][0]
            args = args[:index] + args[index + 1 :]
            path, node = (*path, verb), node.commands[verb]
            continue
        if fallback is None or _asks_group(parsed):
            if parsed.positionals:
                word = parsed.positionals[0][1]
                raise UsageProblem(f"no such command: {word}{suggest(word, list(node.commands))}")
            return Chosen(path, node, args)
        _refuse_mistyped(node, parsed)
        path, node = (*path, fallback), node.commands[fallback]
    return Chosen(path, node, args)


def _preview(node: Any, args: list[str], fallback: str | None) -> Parsed:
    """Find the positional words; before a verb only the shared options and the default verb's are known."""
    if args and not args[0].startswith("-"):
        return Parsed(positionals=[(0, args[0])])
    known = specs(node.commands[fallback]) if fallback else common_specs()
    return normalise(args, known)


def _verb(node: Any, parsed: Parsed) -> str | None:
    if not parsed.positionals:
        return None
    found = match_name(parsed.positionals[0][1], list(node.commands), prefixes=False)
    return found[0] if found else None


def _asks_group(parsed: Parsed) -> bool:
    """``dre --help`` and ``dre --version`` speak of the application."""
    return not parsed.positionals and bool(parsed.values("help") or parsed.values("common_version"))


def _refuse_mistyped(node: Any, parsed: Parsed) -> None:
    """``dre modles`` is a mistyped verb, not a file, unless there is such a file."""
    word = parsed.positionals[0][1] if parsed.positionals else ""
    if _WORD.fullmatch(word) and not Path(word).exists():
        hint = suggest(word, list(node.commands))
        if hint:
            raise UsageProblem(f"no such command or file: {word}{hint}")
