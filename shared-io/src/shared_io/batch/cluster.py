"""Units worked on by the workers of a Dask cluster: one that runs already, or one on Slurm made for the run.

The workers must have the same packages and see the same files under the same names.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import dataclasses
import os
import queue
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from shared_io.batch.attempt import Outcome, Work
from shared_io.batch.units import Unit
from shared_io.batch.worker import quiet_attempt
from shared_io.errors import ExternalFailed

__all__ = ["Cluster"]

_AHEAD = 2
_PATIENCE = 5.0
_CONNECT = 20.0
_GATHER = 3.0
_MEMORY = "4GB"


class Cluster:
    """Work on a Dask cluster; connected to when the first unit is handed out.

    Parameters
    ----------
    work
        A function of a module, or a `functools.partial` of one.
    workers
        How many to ask Slurm for; a cluster that runs already has those it has.
    where
        ``slurm`` or the address of a scheduler.
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
        self._ended: queue.SimpleQueue[int] = queue.SimpleQueue()
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
                ticket = self._ended.get(timeout=_PATIENCE)
            except queue.Empty:
                self._check()
                continue
            outcome = self._outcome(ticket)
            if outcome is not None:
                del self._units[ticket], self._futures[ticket]
                return [outcome]
            self._check()
            self._await_again(ticket)

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
            self._client = Client(self._cluster or self._where, timeout=_CONNECT, set_as_default=False)
        except (OSError, ValueError, RuntimeError, asyncio.TimeoutError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ExternalFailed(
                f"no Dask scheduler at {self._where}: {reason}", hint="check the address and that it runs"
            ) from error

    def _send(self, ticket: int) -> None:
        arguments = ticket, self._units[ticket], self._work, self._began
        future = self._client.submit(quiet_attempt, *arguments, pure=False, key=f"batch-{os.urandom(8).hex()}")
        self._futures[ticket] = future
        future.add_done_callback(lambda _: self._ended.put(ticket))

    def _await_again(self, ticket: int) -> None:
        """Go on waiting for what was finished and then lost with its worker, or has no answer yet."""
        future = self._futures[ticket]
        if future.status in ("cancelled", "lost"):
            self._send(ticket)
        else:
            future.add_done_callback(lambda _: self._ended.put(ticket))

    def _check(self) -> None:
        if self._client.status not in ("running", "connecting"):
            raise self._lost()

    def _lost(self) -> ExternalFailed:
        return ExternalFailed(
            f"the Dask scheduler at {self._where} was lost", hint="run again to go on from here"
        )

    def _outcome(self, ticket: int) -> Outcome | None:
        """What a future says; None if its result cannot be had now."""
        from dask.distributed import KilledWorker

        future = self._futures[ticket]
        if future.status in ("cancelled", "lost"):
            return None
        try:
            found: Outcome = future.result(timeout=_GATHER)
        except KilledWorker:
            return Outcome(ticket, "died", "it killed its Dask workers")
        except (TimeoutError, asyncio.CancelledError, concurrent.futures.CancelledError):
            return None
        except Exception as error:
            return Outcome(ticket, "failed", f"{type(error).__name__}: {' '.join(str(error).split())}")
        return found


def _slurm(workers: int) -> Any:
    """Ask Slurm for workers; what they are is set in Dask's own configuration (jobqueue.slurm)."""
    import dask.config
    from dask_jobqueue import SLURMCluster

    given = {name: dask.config.get(f"jobqueue.slurm.{name}", None) for name in ("cores", "memory", "processes")}
    cluster = SLURMCluster(
        cores=given["cores"] or 1, memory=given["memory"] or _MEMORY, processes=given["processes"] or 1
    )
    cluster.scale(n=workers)
    return cluster
