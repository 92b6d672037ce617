"""What a command prints: aligned text, or one JSON document."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from shared_io.cli.exits import one_line
from shared_io.cli.plain import is_table, plain, to_json
from shared_io.cli.session import Session, current

__all__ = ["as_text", "finish_json", "say", "show", "warn"]


def say(text: str) -> None:
    """Print a line for humans; silent with ``--quiet`` and ``--json``."""
    session = current()
    if not (session.quiet or session.json):
        print(session.redact(text))


def warn(text: str) -> None:
    """Print ``prog: warning: text`` on stderr; silent with ``--quiet``."""
    session = current()
    if not session.quiet:
        print(session.redact(f"{session.prog}: warning: {one_line(text)}"), file=sys.stderr)


def show(result: Any) -> None:
    """Print a result: a dataclass, mapping, table, list of either, report or text.

    Parameters
    ----------
    result
        An object may have a method ``to_text()`` for its text; one with an integer ``exit_code`` (a report of
        a batch) also sets the exit code of the command.

    Notes
    -----
    With ``--json`` everything shown is kept, and printed as one document when the command ends: the result
    itself, or a list if several were shown.
    """
    session = current()
    code = getattr(result, "exit_code", 0)
    if isinstance(code, int) and code:
        session.exit_code = code
    if session.json:
        session.shown.append(result)
        return
    text = as_text(result)
    if text:
        print(session.redact(text))


def finish_json(session: Session, error: dict[str, Any] | None) -> str:
    """The one JSON document of a command that has ended."""
    shown = session.shown
    if error is not None:
        return session.redact(to_json({"error": error, "results": shown} if shown else {"error": error}))
    return session.redact(to_json(shown[0] if len(shown) == 1 else shown or None))


def as_text(result: Any) -> str:
    """The text of a result, without a line break at its end."""
    if result is None:
        return ""
    if isinstance(result, str):
        return result
    if hasattr(result, "to_text"):
        return str(result.to_text())
    if is_table(result):
        return _table_text(result)
    if isinstance(result, Mapping) or _is_dataclass(result):
        return _pairs(_fields(result))
    if isinstance(result, Sequence) and result and all(_is_row(row) for row in result):
        return _rows([_fields(row) for row in result])
    if isinstance(result, Sequence):
        return "\n".join(_cell(value) for value in result)
    return _cell(result)


def _is_dataclass(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _is_row(value: Any) -> bool:
    return isinstance(value, Mapping) or _is_dataclass(value)


def _fields(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return {str(k): v for k, v in value.items()}
    return {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.repr}


def _pairs(fields: Mapping[str, Any]) -> str:
    width = max((len(name) for name in fields), default=0)
    return "\n".join(f"{one_line(name):<{width}}  {_cell(value)}" for name, value in fields.items())


def _table_text(table: Any) -> str:
    heads = []
    for name in table.colnames:
        unit = getattr(table[name], "unit", None)
        heads.append(f"{name} [{unit}]" if unit is not None and str(unit) else name)
    columns = [getattr(table[name], "value", table[name]) for name in table.colnames]
    return _rows([dict(zip(heads, row, strict=True)) for row in zip(*columns, strict=True)], heads)


def _rows(rows: Sequence[Mapping[str, Any]], heads: Sequence[str] | None = None) -> str:
    names = list(heads) if heads is not None else list(dict.fromkeys(name for row in rows for name in row))
    cells = [[_cell(row.get(name, "")) for name in names] for row in rows]
    right = [bool(rows) and all(_is_numeric(row.get(name)) for row in rows) for name in names]
    lines = [[one_line(name) for name in names], *cells]
    widths = [max(len(line[i]) for line in lines) for i in range(len(names))]
    return "\n".join(
        "  ".join(
            cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def _is_numeric(value: Any) -> bool:
    value = value.item() if hasattr(value, "item") and getattr(value, "size", 2) == 1 else value
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _cell(value: Any) -> str:
    """One value in one line; numbers with six digits, arrays by their shape."""
    shape = getattr(value, "shape", ())
    if shape and getattr(value, "size", 0) > 8:
        return f"array {'x'.join(str(n) for n in shape)} {value.dtype}"
    if isinstance(value, float):
        return f"{value:.6g}"
    unit = getattr(value, "unit", None)
    if unit is not None and hasattr(value, "value"):
        return f"{_cell(value.value)} {unit}".rstrip()
    simple = value if isinstance(value, str) else plain(value)
    if isinstance(simple, float):
        return f"{simple:.6g}"
    if isinstance(simple, list):
        return " ".join(_cell(v) for v in simple)
    if isinstance(simple, dict):
        return ", ".join(f"{k}={_cell(v)}" for k, v in simple.items())
    return "-" if simple is None else one_line(str(simple))
