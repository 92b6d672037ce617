"""The run: plan, hand out, collect, note in the ledger, report."""

from __future__ import annotations

import contextlib
import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sized
from pathlib import Path
from typing import Protocol

from shared_io.batch.attempt import Outcome, Told, Work
from shared_io.batch.decide import decide
from shared_io.batch.executors import Executor, choose
from shared_io.batch.units import Entry, Report, Unit
from shared_io.errors import OutputExists
from shared_io.ledger import Ledger

__all__ = ["run"]

_GROUP = 64
"""Entries that wait for one commit of the ledger at most."""


class _Counter(Protocol):
    def advance(self, count: int = 1) -> None: ...


def run(
    units: Iterable[Unit],
    work: Work,
    *,
    overwrite: bool = False,
    resume: bool = True,
    what: str = "units",
    workers: int = 1,
    scheduler: str | None = None,
    ledger: str | os.PathLike[str] | None = None,
    total: int | None = None,
    tell: Callable[[str], None] | None = None,
) -> Report:
    """Do the work of every unit that is not done yet.

    Parameters
    ----------
    units
        The units, in the order in which they are reported. An iterator is drawn from as the work goes on, a few
        units ahead, so that any number of them needs little memory.
    work
        Writes the outputs of one unit; a text that it returns goes into the report. It may replace whatever it
        finds at their paths: that is either an earlier result of the same unit or, with ``overwrite``, given up
        by the user. For other processes it must be a function of a module (or a `functools.partial` of one).
    overwrite
        Replace outputs that other work left.
    resume
        Skip units that are done; otherwise their outputs are in the way like any other file.
    what
        What the units are called while they are counted.
    workers
        Processes to use; 1 works in this one. With ``scheduler="slurm"``, the workers to ask Slurm for.
    scheduler
        None for this machine, ``dask``, ``slurm``, or the address of a Dask scheduler (see `scheduler`); its workers
        must see the same files under the same names.
    ledger
        The run's journal, see `shared_io.ledger.home`; None keeps none.
    total
        How many units there are, where ``units`` cannot tell.
    tell
        Takes the texts that the work passes to `note`.

    Returns
    -------
    Report
        One entry a unit. A failing unit never stops the others, nor does one that kills its worker; an
        interruption stops all, and the next run goes on from there.

    Raises
    ------
    OutputExists
        If two units of a sequence would write the same file: nothing is done then. (Of an iterator the second one
        is refused.)
    CorruptInput, WriteFailed
        If the ledger is damaged, cannot be written or is another run's.
    ExternalFailed
        If workers cannot be had.
    """
    from shared_io.cli.meter import progress

    listener = tell or _ignore
    if isinstance(units, Sized):
        total = len(units)
        _refuse_shared_outputs(units)
    with Ledger(ledger, fresh=not resume) as journal, progress(total, what) as shown:
        executor = choose(work, workers, scheduler, journal.started, listener)
        return _Run(executor, journal, shown, listener, overwrite=overwrite, resume=resume).of(units)


class _Run:
    """The state of one run."""

    def __init__(
        self,
        executor: Executor,
        ledger: Ledger,
        shown: _Counter,
        tell: Callable[[str], None],
        *,
        overwrite: bool,
        resume: bool,
    ) -> None:
        self._executor, self._ledger, self._shown, self._tell = executor, ledger, shown, tell
        self._overwrite, self._resume = overwrite, resume
        self._entries: list[Entry | None] = []
        self._fresh: list[tuple[int, Entry]] = []  # not yet durable
        self._flying: dict[int, Unit] = {}
        self._suspects: list[tuple[int, Unit, str]] = []
        self._folders: set[Path] = set()
        self._taken: set[int] = set()

    def of(self, units: Iterable[Unit]) -> Report:
        """Work them all off."""
        try:
            self._work_off(self._planned(units))
            self._try_suspects()
        except BaseException:
            self._executor.stop(now=True)
            self._sweep_all()
            with contextlib.suppress(Exception):
                self._commit()
            raise
        self._executor.stop(now=False)
        self._sweep_all()  # workers of a killed run may have lived a little longer than it
        return Report(tuple(entry for entry in self._entries if entry is not None))

    def _work_off(self, planned: Iterator[tuple[int, Unit]]) -> None:
        """Keep the executor filled.

        What is handed out has been noted in the ledger one turn before, so that one commit a turn serves both
        the units that come and those that go, while the workers are at work.
        """
        ready: deque[tuple[int, Unit]] = deque()
        more = True
        while True:
            while ready and self._executor.busy < self._executor.capacity:
                self._submit(*ready.popleft())
            while more and len(ready) < self._executor.capacity:
                item = next(planned, None)
                more = item is not None
                if item is not None:
                    ready.append(item)
            self._commit()
            if self._executor.busy and (not ready or self._executor.busy >= self._executor.capacity):
                self._take(self._executor.wait())
            elif not ready:
                return

    def _planned(self, units: Iterable[Unit]) -> Iterator[tuple[int, Unit]]:
        """Yield what is to be done, noted as begun; enter what is not."""
        for ticket, unit in enumerate(units):
            self._entries.append(None)
            self._look_after(unit)
            entry = self._doubled(unit) or decide(unit, self._ledger, overwrite=self._overwrite, resume=self._resume)
            if entry is None:
                self._ledger.begin(unit.name, unit.provenance.key, unit.outputs)
                yield ticket, unit
                continue
            self._fresh.append((ticket, entry))
            if len(self._fresh) >= _GROUP:
                self._commit()

    def _look_after(self, unit: Unit) -> None:
        """Remove the temporaries that killed runs left where the unit writes."""
        for folder in {path.parent for path in unit.outputs} - self._folders:
            self._folders.add(folder)
            _sweep(folder)

    def _sweep_all(self) -> None:
        for folder in sorted(self._folders):
            _sweep(folder)

    def _doubled(self, unit: Unit) -> Entry | None:
        """Refuse a unit whose output an earlier one has."""
        for path in unit.outputs:
            if hash(path) in self._taken:
                message = f"{path} is the output of another unit of this run too; rename one of them"
                return Entry(unit.name, "refused", unit.names, message)
        self._taken.update(map(hash, unit.outputs))
        return None

    def _submit(self, ticket: int, unit: Unit) -> None:
        self._flying[ticket] = unit
        self._executor.submit(ticket, unit)

    def _take(self, outcomes: Iterable[Outcome], *, alone: bool = False) -> None:
        for outcome in outcomes:
            unit = self._flying.pop(outcome.ticket)
            for record in outcome.records:
                _log_again(record)
            for text in outcome.notes:
                self._tell(text)
            if outcome.state == "died" and not alone:
                self._suspects.append((outcome.ticket, unit, outcome.message))
            else:
                self._enter(unit, outcome)

    def _enter(self, unit: Unit, outcome: Outcome) -> None:
        key = unit.provenance.key
        if outcome.state == "done":
            self._ledger.done(unit.name, key, unit.outputs, outcome.seals)
            entry = Entry(unit.name, "done", unit.names, outcome.message)
        else:
            self._ledger.failed(unit.name, key, unit.outputs, outcome.message)
            entry = Entry(unit.name, "failed", unit.names, outcome.message)
        self._fresh.append((outcome.ticket, entry))

    def _try_suspects(self) -> None:
        """Give each unit whose worker died a second chance, alone, so that it can blame nobody else."""
        for ticket, unit, _ in self._suspects:
            self._submit(ticket, unit)
            outcomes = [
                outcome
                if outcome.state != "died"
                else Outcome(ticket, "died", f"{outcome.message}, twice, the second time while it was alone")
                for outcome in self._executor.wait()
            ]
            self._take(outcomes, alone=True)
            self._commit()
        self._suspects.clear()

    def _commit(self) -> None:
        """Make the ledger durable; only then count and report what it says."""
        self._ledger.commit()
        for ticket, entry in self._fresh:
            self._entries[ticket] = entry
            self._shown.advance()
        self._fresh.clear()


def _ignore(text: str) -> None:
    return None


def _log_again(told: Told) -> None:
    """Log here what a worker logged, if anybody here wants it."""
    logger = logging.getLogger(told.logger)
    if logger.isEnabledFor(told.level):
        record = logger.makeRecord(told.logger, told.level, "", 0, told.message, (), None)
        record.exc_text = told.trace
        logger.handle(record)


def _sweep(folder: Path) -> None:
    from shared_io import atomic

    if folder.is_dir():
        atomic.sweep(folder)


def _refuse_shared_outputs(units: Iterable[Unit]) -> None:
    owners: dict[Path, str] = {}
    for unit in units:
        for path in unit.outputs:
            if path in owners:
                hint = f"'{owners[path]}' and '{unit.name}' both write it"
                raise OutputExists("two units have the same output", path=path, hint=hint)
            owners[path] = unit.name
