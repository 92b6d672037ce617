"""Words of the command line -> values, for the plain types.

Typer asks pydantic, whose import takes longer than most commands need to start. Here are converted only words of which
there is one meaning: a whole number, a decimal number, a text, a path, a member of an enumeration. All others, and all
that are wrong, go Typer's way and meet its messages.
"""

from __future__ import annotations

import os
import re
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin

__all__ = ["plainly", "quicken"]

UNSURE = object()
"""Stands for a value that Typer must convert."""

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_FLOAT = re.compile(r"-?[0-9]{1,18}(\.[0-9]{0,18})?([eE][+-]?[0-9]{1,2})?")


def quicken(param: Any) -> None:
    """Let a parameter of a command convert plain values by `plainly`."""
    param.get_runtime_param = _Quick


class _Quick:
    """What Typer calls the conversion of a parameter at run time."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Convert a value, or all values of an option that may be repeated."""
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        found = plainly(value, param.type_descriptor.annotation, param.type_descriptor.parameter_info)
        if found is not UNSURE:
            return found
        return type(param).get_runtime_param(param).coerce(value, param=param, ctx=ctx)


def plainly(value: Any, kind: Any, info: Any) -> Any:
    """Return the value of a word, or `UNSURE`.

    Parameters
    ----------
    value
        A word; a default, which may have its type already; or several.
    kind
        The type of the parameter.
    info
        `typer.models.ParameterInfo`: the limits.
    """
    if info.parser is not None or info.clamp:
        return UNSURE
    if get_origin(kind) is list and isinstance(value, list | tuple):
        found = [plainly(item, get_args(kind)[0], info) for item in value]
        return UNSURE if any(item is UNSURE for item in found) else found
    if kind is float and type(value) is int:
        value = float(value)
    if not isinstance(kind, type) or isinstance(value, bool) or not isinstance(value, str | kind):
        return UNSURE
    if kind in (int, float):
        return _number(value, kind, info)
    if kind is str:
        return value
    if issubclass(kind, Enum):
        return kind(value) if value in [member.value for member in kind] or isinstance(value, kind) else UNSURE
    return _path(Path(value), info) if kind is Path and isinstance(value, str | Path) else UNSURE


def _number(value: Any, kind: Any, info: Any) -> Any:
    if isinstance(value, str):
        if not (_INTEGER if kind is int else _FLOAT).fullmatch(value):
            return UNSURE
        value = kind(value)
    low = info.min is None or value >= info.min
    return value if low and (info.max is None or value <= info.max) else UNSURE


def _path(value: Path, info: Any) -> Any:
    checked = info.exists or info.writable or info.resolve_path or info.path_type is not None
    if checked or not (info.file_okay and info.dir_okay) or str(value) == "-":
        return UNSURE
    return value if not os.path.lexists(value) or os.access(value, os.R_OK) else UNSURE
