"""The file to which HDF5 writes: for HDF5 it never fails, and what did fail is raised when the file is closed.

The library loses some failures (what cannot be written when an array is let go of goes unreported, and the
file then lacks a piece in silence) and crashes over others (a full disk while the file is closed). So it
sees a disk without failures, and the first one is kept for the caller.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["Disk"]


class Disk:
    """A new file as h5py's driver for Python files wants it.

    Parameters
    ----------
    path
        Where the file is made; nothing may be there.

    Attributes
    ----------
    error : OSError or None
        The first failure.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        self._at = 0
        self._end = 0
        self.error: OSError | None = None

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the place of the next call; the end is where it would be had nothing failed."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._end}[whence]
        return self._at

    def tell(self) -> int:
        """Return that place."""
        return self._at

    def read(self, count: int) -> bytes:
        """Return exactly so many bytes, zeros where there are none."""
        try:
            found = os.pread(self._descriptor, count, self._at)
        except OSError as error:
            self.error = self.error or error
            found = b""
        self._at += count
        return found.ljust(count, b"\0")

    def readinto(self, buffer: bytearray | memoryview) -> int:
        """Fill a buffer."""
        buffer[:] = self.read(len(buffer))
        return len(buffer)

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Write all of `data`, or keep the failure."""
        left = memoryview(data).cast("B")
        total = len(left)
        while left and self.error is None:
            try:
                done = os.pwrite(self._descriptor, left, self._at + total - len(left))
            except OSError as error:
                self.error = error
            else:
                left = left[done:]
        self._at += total
        self._end = max(self._end, self._at)
        return total

    def truncate(self, size: int) -> int:
        """Set the length of the file."""
        try:
            os.ftruncate(self._descriptor, size)
        except OSError as error:
            self.error = self.error or error
        self._end = size
        return size

    def flush(self) -> None:
        """Do nothing: nothing is kept back, and the whole is flushed when it is finished."""

    def close(self) -> None:
        """Close the file.

        Raises
        ------
        OSError
            The first failure.
        """
        os.close(self._descriptor)
        self.check()

    def check(self) -> None:
        """Raise the first failure, if there was one."""
        if self.error is not None:
            raise OSError(self.error.errno, os.strerror(self.error.errno or 0)) from self.error
