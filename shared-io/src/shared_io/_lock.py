"""One writer at a time: a lock that dies with its holder and tells who that is."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Any

from shared_io.errors import WriteFailed

_log = logging.getLogger(__name__)
_READ_ONLY = {errno.EACCES, errno.EPERM, errno.EROFS}


class Lock:
    """Keep other processes away from a file until `release` or the end of this process.

    The lock is the system's (flock) on a hidden file beside the target; what that file says is only there to name the
    holder. It is left where it is when the holder is killed and reused by the next.

    Parameters
    ----------
    path
        The file to guard.

    Raises
    ------
    WriteFailed
        When somebody else holds it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(f"{path.name}.lock")
        self._descriptor: int | None = None
        try:
            while self._descriptor is None:
                self._descriptor = self._taken(path)
        except WriteFailed:
            raise
        except OSError as error:
            if error.errno not in _READ_ONLY:
                raise WriteFailed(f"cannot be locked: {error.strerror}", path=path) from error
            # Where nothing can be written, nothing needs to be guarded.

    def release(self) -> None:
        """Let others have it."""
        if self._descriptor is not None:
            quietly(self.path.unlink)
            quietly(os.close, self._descriptor)
            self._descriptor = None

    def _taken(self, guarded: Path) -> int | None:
        """Return the locked descriptor, or None if the lock file was removed by its last holder meanwhile."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            _flock(descriptor, guarded)
            if _same(descriptor, self.path):
                quietly(os.ftruncate, descriptor, 0)
                quietly(os.pwrite, descriptor, f"process {os.getpid()} on {os.uname().nodename}\n".encode(), 0)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None


def _flock(descriptor: int, guarded: Path) -> None:
    try:
        import fcntl
    except ImportError:  # no such system: outputs stay whole without it
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "another process"
        raise WriteFailed(
            f"another run is at work in this folder: {holder}",
            path=guarded,
            hint="wait until it has ended, or choose another output folder",
        ) from None
    except OSError as error:
        if error.errno not in {errno.ENOSYS, errno.ENOTSUP, errno.EINVAL, errno.ENOLCK}:
            raise
        _log.warning("%s: this disk cannot lock files; see that no other run writes here", guarded)


def _same(descriptor: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    ours = os.fstat(descriptor)
    return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)


def open_for_update(path: Path) -> FileIO:
    """Open a file for reading and writing; for reading only where no more is allowed."""
    try:
        return open(path, "rb+", 0)
    except OSError as error:
        if error.errno not in _READ_ONLY:
            raise
        return open(path, "rb", 0)


def quietly(action: Callable[..., Any], *args: Any) -> None:
    """Do something whose failure changes nothing."""
    with contextlib.suppress(OSError):
        action(*args)
