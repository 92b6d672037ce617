"""Units of work, and the report on them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from shared_io.provenance import Provenance

__all__ = ["Entry", "Report", "State", "Unit"]

State = Literal["done", "skipped", "refused", "failed"]

MOST = 20
"""Units done that a report in words names."""


@dataclass(frozen=True)
class Unit:
    """One piece of work.

    Attributes
    ----------
    name
        What messages call it.
    outputs
        The files it writes, each carrying ``provenance``.
    provenance
        What the outputs depend on.
    payload
        Whatever the work needs. For work in other processes it is pickled: plain data and paths, not
        the arrays behind them.
    """

    name: str
    outputs: tuple[Path, ...]
    provenance: Provenance
    payload: object = None

    @property
    def names(self) -> tuple[str, ...]:
        """The paths of the outputs."""
        return tuple(str(path) for path in self.outputs)


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of one unit."""

    name: str
    state: State
    outputs: tuple[str, ...] = ()
    message: str = ""


@dataclass(frozen=True)
class Report:
    """What became of all units, in their order."""

    entries: tuple[Entry, ...]

    def _in(self, state: State) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.state == state)

    @property
    def done(self) -> tuple[Entry, ...]:
        """The units that were worked on and succeeded."""
        return self._in("done")

    @property
    def skipped(self) -> tuple[Entry, ...]:
        """The units whose outputs were already there."""
        return self._in("skipped")

    @property
    def refused(self) -> tuple[Entry, ...]:
        """The units with an unknown file in the way."""
        return self._in("refused")

    @property
    def failed(self) -> tuple[Entry, ...]:
        """The units whose work raised an exception."""
        return self._in("failed")

    @property
    def exit_code(self) -> int:
        """3 if any unit failed, else 6 if any was refused, else 0."""
        return 3 if self.failed else 6 if self.refused else 0

    def to_json(self) -> dict[str, object]:
        """The entries, their sums and the exit code."""
        states: tuple[State, ...] = ("done", "skipped", "failed", "refused")
        sums: dict[str, object] = {state: len(self._in(state)) for state in states}
        return {"exit_code": self.exit_code, **sums, "entries": list(self.entries)}

    def to_text(self) -> str:
        """A line for each unit that has something to say (of those done, the first 20), and the sums."""
        told = [e for e in self.done if e.message]
        lines = [f"{e.state}: {e.name}: {e.message}" for e in (*told[:MOST], *self.failed, *self.refused)]
        states: tuple[State, ...] = ("done", "skipped", "failed", "refused")
        sums = [f"{len(self._in(state))} {state}" for state in states if self._in(state)]
        return "\n".join([*lines, ", ".join(sums) or "nothing to do"])
