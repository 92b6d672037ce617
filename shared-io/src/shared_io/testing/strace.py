"""The system calls that a function makes, whatever library makes them, seen and failed by ``strace``.

strace is attached to a forked child that waits at its gate, so that one trial costs tens of milliseconds.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shared_io.testing import child

__all__ = ["CALLS", "available", "seen", "traced"]

CALLS = (
    "open,openat,creat,write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,sync_file_range,ftruncate,"
    "fallocate,rename,renameat,renameat2,link,linkat,mkdir,mkdirat,chmod,fchmod,fchmodat,close"
)
_OPENED = re.compile(r"O_[A-Z]+.* = (\d+)<")
_LINE = re.compile(r"(\d*) *(\w+)\((.*)")


def available() -> bool:
    """Tell whether strace is there and may trace."""
    if shutil.which("strace") is None:
        return False
    done = subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False)
    return done.returncode == 0


def traced(
    task: Callable[[], Any], *, inject: str | None = None, seconds: float = 60.0
) -> tuple[child.Ending, list[str]]:
    """Run a function in a child under strace.

    Parameters
    ----------
    task
        The function.
    inject
        What strace shall do to a call, for example ``write:error=ENOSPC:when=2``.
    seconds
        The most time it may take.

    Returns
    -------
    ending, lines : Ending, list of str
        How it ended, and what strace wrote.
    """
    with tempfile.NamedTemporaryFile(prefix="shared-io-strace-") as log:
        running = child.Child(task)
        command = ["strace", "-f", "-y", "-s", "0", "-o", log.name, "-e", f"trace={CALLS}", "-p"]
        command += [str(running.pid), *(["-e", f"inject={inject}"] if inject else [])]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as tracer:
            _await_attached(tracer)
            running.start()
            ending = running.wait(seconds)
        return ending, Path(log.name).read_text(errors="replace").splitlines()


def seen(lines: list[str], folder: str | os.PathLike[str]) -> list[tuple[str, int]]:
    """Return the calls that concern a folder: (name, which call of that name in its thread, from 1).

    Closing what was opened for reading is left out: it does not fail.
    """
    counts: dict[tuple[str, str], int] = {}
    reading: set[str] = set()
    found = []
    for line in lines:
        match = _LINE.match(line)
        if not match:
            continue
        thread, name, rest = match.groups()
        counts[thread, name] = counts.get((thread, name), 0) + 1
        opened = _OPENED.search(rest)
        if opened:
            (reading.add if "O_RDONLY" in rest else reading.discard)(opened[1])
        if os.fspath(folder) in rest and not (name == "close" and rest.partition("<")[0] in reading):
            found.append((name, counts[thread, name]))
    return found


def _await_attached(tracer: subprocess.Popen[bytes]) -> None:
    assert tracer.stderr is not None  # noqa: S101  (it was asked for)
    descriptor = tracer.stderr.fileno()
    said = b""
    while b"attached" not in said:
        if not select.select([descriptor], [], [], 20)[0]:
            raise TimeoutError("strace does not attach")
        piece = os.read(descriptor, 4096)
        if not piece:
            raise RuntimeError(f"strace cannot attach: {said.decode(errors='replace')}")
        said += piece
