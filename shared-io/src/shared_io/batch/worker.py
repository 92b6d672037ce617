"""What runs in a worker process: units in, outcomes out, until the pipe is closed."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import connection
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from shared_io.batch.attempt import Outcome, Told, Work, attempt
from shared_io.batch.units import Unit

__all__ = ["Setting", "collected", "quiet_attempt", "serve"]

_MOST = 1000


@dataclass(frozen=True)
class Setting:
    """What all units of a run have in common.

    Attributes
    ----------
    work
        What to do with a unit.
    began
        When the run was started.
    levels
        Name and level of the loggers that have one.
    """

    work: Work
    began: int
    levels: tuple[tuple[str, int], ...] = ()


def serve(pipe: Connection, setting: Setting) -> None:
    """Work on the units that come through a pipe; the body of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # held back until here
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_end_with_parent, name="end with parent", daemon=True).start()
    for name, level in setting.levels:
        logging.getLogger(name or None).setLevel(level)
    logging.captureWarnings(True)
    try:
        pipe.send("ready")
        while True:
            ticket, unit = pipe.recv()
            pipe.send(quiet_attempt(ticket, unit, setting.work, setting.began))
    except (EOFError, OSError, KeyboardInterrupt):
        return


def quiet_attempt(ticket: int, unit: Unit, work: Work, began: int) -> Outcome:
    """Attempt a unit; what it logs goes into the outcome instead of to this process's streams."""
    with collected() as records:
        outcome = attempt(ticket, unit, work, began)
    return replace(outcome, records=tuple(records))


@contextmanager
def collected() -> Iterator[list[Told]]:
    """Collect what this thread logs, up to 1,000 records."""
    handler = _Collector()
    logging.getLogger().addHandler(handler)
    try:
        yield handler.records
    finally:
        logging.getLogger().removeHandler(handler)


class _Collector(logging.Handler):
    """Keeps records as plain text."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[Told] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread != self._thread or len(self.records) >= _MOST:
            return
        trace = None
        if record.exc_info:
            trace = logging.Formatter().formatException(record.exc_info)
        self.records.append(Told(record.name, record.levelno, record.getMessage(), trace))


def _stop(signum: int, frame: Any) -> NoReturn:
    """Leave the unit in the middle: temporaries are removed on the way out."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
