"""Where units are worked on: one interface, and its simplest form."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

from shared_io.batch.attempt import Outcome, Work, attempt
from shared_io.batch.units import Unit

__all__ = ["Executor", "Here", "choose", "scheduler"]

_ADDRESS = re.compile(r"(tcp|tls|ws|wss|ucx|ucxx|inproc)://\S+")


class Executor(Protocol):
    """Takes units and gives outcomes, in any order.

    Attributes
    ----------
    capacity
        How many units it can usefully hold.
    busy
        How many it holds.
    """

    @property
    def capacity(self) -> int:
        """How many units it can usefully hold."""

    @property
    def busy(self) -> int:
        """How many units it holds."""

    def submit(self, ticket: int, unit: Unit) -> None:
        """Take a unit; only while ``busy < capacity``."""

    def wait(self) -> Sequence[Outcome]:
        """Wait for outcomes, at least one; only while busy."""

    def stop(self, *, now: bool) -> None:
        """Let the workers go; ``now`` means in the middle of their work."""


class Here:
    """Work in this process, one unit at a time.

    Parameters
    ----------
    work
        What to do with a unit.
    began
        When the run was started.
    tell
        Takes what the work notes.
    """

    capacity = 1

    def __init__(self, work: Work, began: int, tell: Callable[[str], None]) -> None:
        self._work, self._began, self._tell = work, began, tell
        self._held: tuple[int, Unit] | None = None

    @property
    def busy(self) -> int:
        """1 while a unit is held."""
        return int(self._held is not None)

    def submit(self, ticket: int, unit: Unit) -> None:
        """Hold a unit until `wait`."""
        self._held = ticket, unit

    def wait(self) -> Sequence[Outcome]:
        """Work on the unit held."""
        assert self._held is not None  # noqa: S101  (the protocol demands it)
        (ticket, unit), self._held = self._held, None
        return [attempt(ticket, unit, self._work, self._began, self._tell)]

    def stop(self, *, now: bool) -> None:
        """Nothing is left to stop."""


def scheduler(text: str | None) -> str | None:
    """Return a scheduler's name as `run` takes it: None for this machine.

    Parameters
    ----------
    text
        ``none`` or ``local``, ``dask`` (the scheduler that ``DASK_SCHEDULER_ADDRESS`` names, else a cluster of
        this machine, made for the run), ``slurm``, or the address of a Dask scheduler such as ``tcp://host:8786``.

    Raises
    ------
    ValueError
        When it is none of these.
    """
    word = "" if text is None else text.strip()
    if word.lower() in ("", "none", "local"):
        return None
    if word.lower() in ("dask", "slurm"):
        return word.lower()
    if _ADDRESS.fullmatch(word):
        return word
    raise ValueError(f"no such scheduler: {text} (local, dask, slurm, or an address such as tcp://host:8786)")


def choose(work: Work, workers: int, where: str | None, began: int, tell: Callable[[str], None]) -> Executor:
    """Make the executor that the user asked for.

    Raises
    ------
    ValueError
        When fewer than one worker or an unknown scheduler is asked for.
    ExternalFailed
        When Dask is needed and not installed.
    """
    if workers < 1:
        raise ValueError(f"workers = {workers}: must be at least 1")
    where = scheduler(where)
    if where is not None:
        from shared_io.batch.cluster import Cluster

        return Cluster(work, workers, where, began)
    if workers == 1:
        return Here(work, began, tell)
    from shared_io.batch.processes import Processes

    return Processes(work, workers, began)
