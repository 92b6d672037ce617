"""Units worked on by the workers of a Dask cluster: one that runs already, or one made for the run, here or on Slurm.

The workers must have the same packages and see the same files under the same names.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import dataclasses
import json
import logging
import os
import queue
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from shared_io.batch.attempt import Outcome, Told, Work
from shared_io.batch.units import Unit
from shared_io.batch.worker import quiet_attempt
from shared_io.errors import ExternalFailed
from shared_io.ledger import Seal

__all__ = ["Cluster"]

_log = logging.getLogger(__name__)
_AHEAD = 2
_PATIENCE = 5.0
_CONNECT = 20.0
_SILENCE = 20.0
_MEMORY = "4GB"


class Cluster:
    """Work on a Dask cluster; connected to when the first unit is handed out.

    Parameters
    ----------
    work
        A function of a module, or a `functools.partial` of one.
    workers
        How many to start, or to ask Slurm for; a cluster that runs already has those it has.
    where
        ``dask``, ``slurm`` or the address of a scheduler.
    began
        When the run was started.

    Raises
    ------
    ExternalFailed
        When Dask, or for Slurm dask-jobqueue, is not installed.
    """

    def __init__(self, work: Work, workers: int, where: str, began: int) -> None:
        needed = ("distributed", "dask_jobqueue") if where == "slurm" else ("distributed",)
        for name in needed:
            if find_spec(name) is None:
                raise ExternalFailed(
                    f"--scheduler {where} needs the Python package {name.replace('_', '-')}, which is not installed",
                    hint="install shared-io with its extra: pip install './shared-io[dask]'",
                )
        self._work, self._workers, self._where, self._began = work, workers, where, began
        self._client: Any = None
        self._cluster: Any = None
        self._topic = f"batch-{os.urandom(8).hex()}"
        self._heard: queue.SimpleQueue[int | str] = queue.SimpleQueue()
        self._silent: dict[int, float] = {}
        self._units: dict[int, Unit] = {}
        self._futures: dict[int, Any] = {}

    @property
    def busy(self) -> int:
        """How many units the cluster has."""
        return len(self._units)

    @property
    def capacity(self) -> int:
        """Two units for each thread of the workers that are there now."""
        if self._client is None:
            return 1
        return max(1, _AHEAD * sum(self._client.nthreads().values()))

    def submit(self, ticket: int, unit: Unit) -> None:
        """Send a unit."""
        if self._client is None:
            self._connect()
        outputs = tuple(Path(os.path.abspath(path)) for path in unit.outputs)  # noqa: PTH100  (links stay)
        self._units[ticket] = dataclasses.replace(unit, outputs=outputs)
        self._send(ticket)

    def wait(self) -> Sequence[Outcome]:
        """Wait for the next unit that ends."""
        while True:
            try:
                found = self._heard.get(timeout=_PATIENCE)
            except queue.Empty:
                self._check()
                continue
            outcome = self._failure(found) if isinstance(found, int) else _unpacked(found)
            if outcome is not None and self._units.pop(outcome.ticket, None) is not None:
                self._futures.pop(outcome.ticket).cancel()  # or Dask would do it again if its worker died now
                return [outcome]

    def stop(self, *, now: bool) -> None:
        """Cancel what has not begun, and let the cluster go; one on Slurm ends with the run."""
        if self._client is None:
            return
        if now and self._futures:
            self._client.cancel(list(self._futures.values()), force=True)
        self._futures.clear()
        self._units.clear()
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()
        self._client = None

    def _connect(self) -> None:
        from dask.distributed import Client

        try:
            if self._where == "slurm":
                self._cluster = _slurm(self._workers)
            elif self._where == "dask":
                self._where, self._cluster = _configured(), None
                if not self._where:
                    self._where, self._cluster = "this machine", _local(self._workers)
            self._client = Client(self._cluster or self._where, timeout=_CONNECT, set_as_default=False)
            self._client.subscribe_topic(self._topic, lambda event: self._heard.put(event[1]))
        except (TimeoutError, OSError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ExternalFailed(
                f"no Dask scheduler at {self._where}: {reason}", hint="check the address and that it runs"
            ) from error

    def _send(self, ticket: int) -> None:
        """Hand a unit to Dask; the outcome comes as an event, because a result would die with its worker."""
        arguments = ticket, self._units[ticket], self._work, self._began, self._topic
        future = self._client.submit(_told, *arguments, pure=False, key=f"{self._topic}-{os.urandom(8).hex()}")
        self._futures[ticket] = future
        future.add_done_callback(lambda _: self._heard.put(ticket))

    def _check(self) -> None:
        """Look after units that nothing has been heard of for a while."""
        if self._client.status not in ("running", "connecting"):
            raise ExternalFailed(f"the Dask scheduler at {self._where} was lost", hint="run again to go on from here")
        if not self._client.nthreads():
            _log.warning("the Dask scheduler at %s has no workers; waiting for some", self._where)
        now = time.monotonic()
        for ticket, future in list(self._futures.items()):
            if future.status == "error":
                self._heard.put(ticket)
            elif future.status == "pending":
                self._silent.pop(ticket, None)
            elif now - self._silent.setdefault(ticket, now) > _SILENCE:
                del self._silent[ticket]
                self._send(ticket)

    def _failure(self, ticket: int) -> Outcome | None:
        """What a future says that ended in an error; None if it did not."""
        from dask.distributed import KilledWorker

        future = self._futures.get(ticket)
        if future is None or future.status != "error":
            return None
        try:
            error = future.exception(timeout=_PATIENCE)
        except (TimeoutError, asyncio.CancelledError, concurrent.futures.CancelledError):
            return None
        if isinstance(error, KilledWorker):
            return Outcome(ticket, "died", "it killed its Dask workers")
        return Outcome(ticket, "failed", f"{type(error).__name__}: {' '.join(str(error).split())}")


def _told(ticket: int, unit: Unit, work: Work, began: int, topic: str) -> None:
    """Attempt a unit on a worker and send the outcome to whoever listens."""
    from dask.distributed import get_worker

    outcome = quiet_attempt(ticket, unit, work, began)
    get_worker().log_event(topic, json.dumps(dataclasses.asdict(outcome)))


def _unpacked(text: str) -> Outcome:
    """The outcome that `_told` sent."""
    content = json.loads(text)
    seals = tuple(Seal(**seal) for seal in content.pop("seals"))
    records = tuple(Told(**record) for record in content.pop("records"))
    return Outcome(**content | {"notes": tuple(content["notes"])}, seals=seals, records=records)


def _configured() -> str:
    """Return the address of the scheduler that Dask's own configuration names, or nothing."""
    import dask.config

    return str(dask.config.get("scheduler-address", None) or "")


def _local(workers: int) -> Any:
    """Start worker processes on this machine."""
    from dask.distributed import LocalCluster

    return LocalCluster(n_workers=workers, threads_per_worker=1, host="127.0.0.1", dashboard_address=None)


def _slurm(workers: int) -> Any:
    """Ask Slurm for workers; what they are is set in Dask's own configuration (jobqueue.slurm)."""
    import dask.config
    from dask_jobqueue import SLURMCluster

    given = {name: dask.config.get(f"jobqueue.slurm.{name}", None) for name in ("cores", "memory", "processes")}
    cluster = SLURMCluster(
        cores=given["cores"] or 1,
        memory=given["memory"] or _MEMORY,
        processes=given["processes"] or 1,
        scheduler_options={"dashboard": False, "dashboard_address": ":0"},
    )
    cluster.scale(n=workers)
    return cluster
