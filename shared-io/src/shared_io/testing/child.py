"""A function run in a forked child: it may crash, hang, eat memory or be killed, and only the child suffers.

>>> from shared_io.testing import child
>>> child.run(lambda: 1 / 0).error
'ZeroDivisionError: division by zero'

A fork costs a few milliseconds once the libraries are imported, so thousands of trials are cheap.
"""

from __future__ import annotations

import faulthandler
import mmap
import os
import pickle
import resource
import select
import signal
import struct
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared_io.errors import SharedIOError

__all__ = ["Child", "Ending", "run"]

_RESULT = 2**20  # bytes, the most that a child may return
_HEAD = struct.Struct("<Q")
_SPARE = 3 * 2**30  # bytes of address space beyond what the child begins with


@dataclass(frozen=True)
class Ending:
    """How a child ended.

    Attributes
    ----------
    value
        What the function returned, if it did.
    error
        The type and message of what it raised, or empty.
    typed
        Whether that was a `SharedIOError`.
    signal
        The signal that killed the child, or 0.
    timeout
        Whether the child was killed because its time was over.
    seconds
        Wall time of the function; NaN if it did not end.
    bytes
        Peak of the resident memory above what it was when the function began; 0 if it did not end.
    """

    value: Any = None
    error: str = ""
    typed: bool = False
    signal: int = 0
    timeout: bool = False
    seconds: float = float("nan")
    bytes: int = 0


class Child:
    """A forked child that waits at a gate until it is let through.

    Parameters
    ----------
    task
        The function; what it returns is pickled.
    prepare
        Run in the child before the gate, outside of what is timed.
    """

    def __init__(self, task: Callable[[], Any], prepare: Callable[[], Any] | None = None) -> None:
        self._shared = mmap.mmap(-1, _RESULT)
        gate, self._gate = os.pipe()
        self._ready, ready = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # threads of libraries do not hold our locks
            self.pid = os.fork()
        if not self.pid:
            try:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libraries complain there of what fails
                os.close(self._gate)
                _live(task, prepare, gate, ready, self._shared)
            finally:
                os._exit(70)
        os.close(gate)
        os.close(ready)
        os.read(self._ready, 1)

    def start(self) -> None:
        """Open the gate."""
        os.write(self._gate, b"g")

    def kill(self) -> None:
        """Kill the child (SIGKILL)."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self, seconds: float = 60.0) -> Ending:
        """Wait for the end, at most so long, and clear everything away."""
        descriptor = os.pidfd_open(self.pid)
        late = not select.select([descriptor], [], [], seconds)[0]
        os.close(descriptor)
        if late:
            self.kill()
        _, status = os.waitpid(self.pid, 0)
        os.close(self._gate)
        os.close(self._ready)
        length = _HEAD.unpack(self._shared[: _HEAD.size])[0]
        raw = self._shared[_HEAD.size : _HEAD.size + length]
        self._shared.close()
        if length:
            return Ending(**pickle.loads(raw))  # noqa: S301  (from our own child)
        killed = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        return Ending(error=f"ended without a result (status {status})", signal=killed, timeout=late)


def run(task: Callable[[], Any], *, seconds: float = 60.0) -> Ending:
    """Run a function in a child and return how it ended."""
    found = Child(task)
    found.start()
    return found.wait(seconds)


def _live(task: Callable[[], Any], prepare: Callable[[], Any] | None, gate: int, ready: int, shared: mmap.mmap) -> None:
    """Be the child: pass the gate, run the function, leave the result in shared memory, exit."""
    faulthandler.disable()  # a crash is an ending like any other
    if prepare is not None:
        prepare()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_virtual() + _SPARE, hard))
    before = _resident()
    os.write(ready, b"r")
    os.read(gate, 1)
    begun = time.perf_counter()
    ending: dict[str, Any] = {}
    try:
        ending["value"] = task()
    except BaseException as error:
        ending |= {"error": f"{type(error).__name__}: {error}", "typed": isinstance(error, SharedIOError)}
    ending["seconds"] = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    ending["bytes"] = max(0, peak - before)
    raw = pickle.dumps(ending)
    if len(raw) + _HEAD.size > _RESULT:
        raw = pickle.dumps({"error": f"a result of {len(raw)} bytes"})
    shared[_HEAD.size : _HEAD.size + len(raw)] = raw
    shared[: _HEAD.size] = _HEAD.pack(len(raw))
    os._exit(0)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _virtual() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
