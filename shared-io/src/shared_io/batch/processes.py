"""Units worked on by processes of this machine.

Each worker is a fresh interpreter (spawn) with a pipe of its own and one unit at a time. So it is always known which
unit a dead worker had; the others never notice. A worker whose parent dies, even by SIGKILL, ends at once.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection, resource_tracker
from multiprocessing.connection import Connection
from typing import Any

from shared_io.batch.attempt import Outcome, Work
from shared_io.batch.units import Unit
from shared_io.batch.worker import Setting, serve
from shared_io.errors import ExternalFailed

__all__ = ["Processes"]

_STARTS = 3
_GRACE = 10.0


@contextmanager
def _held_back() -> Iterator[None]:
    """Hold Ctrl-C back from a worker that is started here, until it can ignore it: else its traceback is shown."""
    resource_tracker.ensure_running()  # its own start lets signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@dataclass(eq=False)
class _Worker:
    """A process, our end of its pipe, and the unit it has."""

    process: Any
    pipe: Connection
    ready: bool = False
    ticket: int = -1
    unit: Unit | None = None


class Processes:
    """Several workers on this machine, started as they are needed.

    Parameters
    ----------
    work
        A function of a module, or a `functools.partial` of one; each worker gets it once.
    workers
        How many at most.
    began
        When the run was started.
    """

    def __init__(self, work: Work, workers: int, began: int) -> None:
        self.capacity = workers
        self._setting = Setting(work, began, _levels())
        self._idle: list[_Worker] = []
        self._busy: list[_Worker] = []
        self._stillborn = 0

    @property
    def busy(self) -> int:
        """How many units are being worked on."""
        return len(self._busy)

    def submit(self, ticket: int, unit: Unit) -> None:
        """Give a unit to an idle or a new worker."""
        while True:
            worker = self._idle.pop() if self._idle else self._start()
            worker.ticket, worker.unit = ticket, unit
            try:
                worker.pipe.send((ticket, unit))
            except (BrokenPipeError, ConnectionResetError):
                self._bury(worker)  # it died before the unit reached it
                continue
            self._busy.append(worker)
            return

    def wait(self) -> Sequence[Outcome]:
        """Wait until a worker has finished or died."""
        outcomes: list[Outcome] = []
        while not outcomes:
            awake = connection.wait([w.pipe for w in self._busy] + [w.process.sentinel for w in self._busy])
            for worker in [w for w in self._busy if w.pipe in awake or w.process.sentinel in awake]:
                outcomes += self._heard(worker)
        return outcomes

    def stop(self, *, now: bool) -> None:
        """End the workers: idle ones by themselves, busy ones (``now``) by SIGTERM, then by SIGKILL."""
        workers = self._idle + self._busy
        self._idle, self._busy = [], []
        for worker in workers:
            if now and worker.process.is_alive():
                worker.process.terminate()
            worker.pipe.close()
        for worker in workers:
            worker.process.join(_GRACE)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.process.close()

    def _start(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs, self._setting), name="batch worker")
        with _held_back():
            process.start()
        theirs.close()
        return _Worker(process, ours)

    def _heard(self, worker: _Worker) -> list[Outcome]:
        """Take one message of a worker, or notice its death."""
        try:
            message = worker.pipe.recv() if worker.pipe.poll() else None
            dead = message is None
        except (EOFError, OSError):
            dead = True
        if dead:
            self._busy.remove(worker)
            return self._died(worker)
        if not isinstance(message, Outcome):
            worker.ready, self._stillborn = True, 0
            return []
        self._busy.remove(worker)
        self._idle.append(worker)
        return [message]

    def _died(self, worker: _Worker) -> list[Outcome]:
        ticket, unit, ready = worker.ticket, worker.unit, worker.ready
        how = self._bury(worker)
        if ready or unit is None:
            return [Outcome(ticket, "died", f"its worker process {how}")]
        self._stillborn += 1
        if self._stillborn >= _STARTS:
            raise ExternalFailed(
                f"the worker processes do not start: the last one {how}", hint="use --workers 1 to see why"
            )
        self.submit(ticket, unit)
        return []

    def _bury(self, worker: _Worker) -> str:
        """Release what a dead worker held and say how it died."""
        worker.pipe.close()
        worker.process.join(_GRACE)
        if worker.process.exitcode is None:
            worker.process.kill()
            worker.process.join()
        code = worker.process.exitcode or 0
        worker.process.close()
        return f"was killed by {_signal(-code)}" if code < 0 else f"ended with exit code {code}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _levels() -> tuple[tuple[str, int], ...]:
    """The plain loggers that have a level of their own, so that workers log as much as this process.

    Loggers of a special class are left to the library that makes them.
    """
    known = sorted(logging.root.manager.loggerDict.items())
    own = [(name, one.level) for name, one in known if type(one) is logging.Logger and one.level]
    return (("", logging.root.level), *own)
