"""Many units of work, each from files to files: skipped when done, isolated when they fail, reported.

A unit is done when all of its outputs exist and carry its provenance key, which stands for tool, version,
configuration and inputs. So a second run skips it, a run after an interruption goes on with the rest, and a
file that somebody else put there is never overwritten unasked.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from shared_io.errors import OutputExists, SharedIOError

if TYPE_CHECKING:
    from shared_io.provenance import Provenance

__all__ = ["Entry", "Report", "State", "Unit", "run"]

State = Literal["done", "skipped", "refused", "failed"]

MOST = 20
"""Units done that a report in words names."""

_log = logging.getLogger(__name__)


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
        Whatever the work needs.
    """

    name: str
    outputs: tuple[Path, ...]
    provenance: Provenance
    payload: object = None


@dataclass(frozen=True)
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


def run(
    units: Sequence[Unit],
    work: Callable[[Unit], object],
    *,
    overwrite: bool = False,
    resume: bool = True,
    what: str = "units",
) -> Report:
    """Do the work of every unit that is not done yet.

    Parameters
    ----------
    units
        The units, in the order in which they are worked on and reported.
    work
        Writes the outputs of one unit; a text that it returns goes into the report. It may replace whatever it
        finds at their paths: that is either an earlier result of the same unit or, with ``overwrite``, given up
        by the user.
    overwrite
        Replace outputs that other work left.
    resume
        Skip units that are done; otherwise their outputs are in the way like any other file.
    what
        What the units are called while they are counted.

    Returns
    -------
    Report
        One entry a unit. A failing unit never stops the others; an interruption stops all.

    Raises
    ------
    OutputExists
        If two units would write the same file: nothing is done then.
    """
    from shared_io.cli.meter import progress

    _refuse_shared_outputs(units)
    _sweep({path.parent for unit in units for path in unit.outputs})
    entries = []
    with progress(len(units), what) as shown:
        for entry in _entries(units, work, overwrite=overwrite, resume=resume):
            entries.append(entry)
            shown.advance()
    return Report(tuple(entries))


def _entries(
    units: Sequence[Unit], work: Callable[[Unit], object], *, overwrite: bool, resume: bool
) -> Iterator[Entry]:
    for unit in units:
        planned = _planned(unit, overwrite=overwrite, resume=resume)
        yield planned if planned is not None else _worked(unit, work)


def _planned(unit: Unit, *, overwrite: bool, resume: bool) -> Entry | None:
    """The entry of a unit that needs no work or may not be worked on; None if it is to be done."""
    there = [path for path in unit.outputs if path.exists() or path.is_symlink()]
    ours = [path for path in there if resume and _carries(path, unit.provenance)]
    if unit.outputs and len(ours) == len(unit.outputs):
        return Entry(unit.name, "skipped", _names(unit))
    strange = [path for path in there if path not in ours]
    if strange and not overwrite:
        return Entry(unit.name, "refused", _names(unit), f"{strange[0]} is in the way; --overwrite replaces it")
    return None


def _worked(unit: Unit, work: Callable[[Unit], object]) -> Entry:
    try:
        for folder in {path.parent for path in unit.outputs}:
            folder.mkdir(parents=True, exist_ok=True)
        said = work(unit)
    except SharedIOError as error:
        _log.debug("%s failed", unit.name, exc_info=True)
        return Entry(unit.name, "failed", _names(unit), str(error))
    except Exception as error:  # one bad unit must not stop the others
        _log.debug("%s failed", unit.name, exc_info=True)
        message = " ".join(str(error).split())
        return Entry(unit.name, "failed", _names(unit), f"{type(error).__name__}: {message}")
    return Entry(unit.name, "done", _names(unit), said if isinstance(said, str) else "")


def _names(unit: Unit) -> tuple[str, ...]:
    return tuple(str(path) for path in unit.outputs)


def _carries(path: Path, wanted: Provenance) -> bool:
    """Whether a file was written by this unit's work; a damaged or foreign file was not."""
    from shared_io import provenance

    try:
        found = provenance.read(path)
    except (SharedIOError, OSError, ValueError):
        return False
    return found is not None and found.key == wanted.key


def _sweep(folders: set[Path]) -> None:
    """Remove the temporaries that killed runs left in the folders of the outputs."""
    from shared_io import atomic

    for folder in sorted(folders):
        if folder.is_dir():
            atomic.sweep(folder)


def _refuse_shared_outputs(units: Sequence[Unit]) -> None:
    owners: dict[Path, str] = {}
    for unit in units:
        for path in unit.outputs:
            if path in owners:
                hint = f"'{owners[path]}' and '{unit.name}' both write it"
                raise OutputExists("two units have the same output", path=path, hint=hint)
            owners[path] = unit.name
