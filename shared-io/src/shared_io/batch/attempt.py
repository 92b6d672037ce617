"""One unit worked on, wherever that is: what came of it, what was said and logged meanwhile."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Literal

from shared_io.batch.units import Unit
from shared_io.errors import SharedIOError, WriteFailed
from shared_io.ledger import Seal

__all__ = ["Outcome", "Told", "attempt", "note", "started"]

_log = logging.getLogger(__name__)
_listener: ContextVar[Callable[[str], None] | None] = ContextVar("listener", default=None)
_started: ContextVar[int | None] = ContextVar("started", default=None)

Work = Callable[[Unit], object]


@dataclass(frozen=True, slots=True)
class Told:
    """A log record on its way from a worker.

    Attributes
    ----------
    logger, level, message, trace
        As in `logging.LogRecord`; ``trace`` is the text of a traceback.
    """

    logger: str
    level: int
    message: str
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt.

    Attributes
    ----------
    ticket
        Which unit.
    state
        ``done``, ``failed``, or ``died`` when the worker did not survive.
    message
        What the work said, or why it failed.
    seals
        What the outputs hold.
    notes
        What the work noted; see `note`.
    records
        What it logged, if that was not in this process.
    """

    ticket: int
    state: Literal["done", "failed", "died"]
    message: str = ""
    seals: tuple[Seal, ...] = ()
    notes: tuple[str, ...] = ()
    records: tuple[Told, ...] = ()


def note(text: str) -> None:
    """Tell the user something about the unit at work; `run` passes it to its ``tell``, from any worker."""
    listener = _listener.get()
    if listener is not None:
        listener(text)


def started() -> int:
    """Return when the run of the unit at work was first started, seconds since 1970.

    The same in a resumed run, so that outputs may carry it; SOURCE_DATE_EPOCH where that is set.
    """
    found = _started.get()
    return int(time.time()) if found is None else found


def attempt(ticket: int, unit: Unit, work: Work, began: int, listener: Callable[[str], None] | None = None) -> Outcome:
    """Do the work of one unit.

    Parameters
    ----------
    ticket, unit, work
        What to do.
    began
        What `started` is to give.
    listener
        Takes the notes at once; None collects them in the outcome.
    """
    notes: list[str] = []
    tokens = _listener.set(listener or notes.append), _started.set(began)
    try:
        return replace(_outcome(ticket, unit, work), notes=tuple(notes))
    finally:
        _listener.reset(tokens[0])
        _started.reset(tokens[1])


def _outcome(ticket: int, unit: Unit, work: Work) -> Outcome:
    try:
        for folder in {path.parent for path in unit.outputs}:
            folder.mkdir(parents=True, exist_ok=True)
        said = work(unit)
        for path in unit.outputs:
            if not path.exists():
                raise WriteFailed("the work ended without writing it", path=path)
        seals = tuple(Seal.of(path) for path in unit.outputs)
    except SharedIOError as error:
        _log.debug("%s failed", unit.name, exc_info=True)
        return Outcome(ticket, "failed", str(error))
    except Exception as error:  # one bad unit must not stop the others
        _log.debug("%s failed", unit.name, exc_info=True)
        message = " ".join(str(error).split())
        return Outcome(ticket, "failed", f"{type(error).__name__}: {message}")
    return Outcome(ticket, "done", said if isinstance(said, str) else "", seals)
