"""The bytes of a FITS file, as they are or out of gzip, read by position and never beyond the limits."""

from __future__ import annotations

import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from shared_io import _source, limits
from shared_io.errors import CorruptInput, InputTooLarge, SchemaMismatch

__all__ = ["Stream", "open_stream"]

_PIECE = 2**20
_IN_MEMORY = 32 * 2**20


class Stream:
    """A plain file read by position.

    Attributes
    ----------
    stored
        Bytes on disk.
    compressed
        Whether they expand.
    """

    compressed = False

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.stored = os.fstat(file.fileno()).st_size

    def read(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes at `offset`; fewer only at the end."""
        return os.pread(self._file.fileno(), count, offset)

    def fill(self, offset: int, buffer: npt.NDArray[np.uint8]) -> int:
        """Fill `buffer` from `offset` on and return how many bytes there were."""
        view = buffer.data
        done = 0
        while done < len(view):
            count = os.preadv(self._file.fileno(), [view[done : done + 2**30]], offset + done)
            if not count:
                break
            done += count
        return done

    def holds(self, offset: int, count: int) -> bool:
        """Tell whether `count` bytes are there at `offset`."""
        return count == 0 or offset + count <= self.stored

    def left(self, offset: int) -> int:
        """Return how many bytes there are from `offset` on."""
        return max(0, self.stored - offset)


class _Inflated(Stream):
    """Gzip data, decompressed as far as was asked for into a temporary file that has no name."""

    compressed = True

    def __init__(self, file: BinaryIO, spool: BinaryIO, path: str | os.PathLike[str]) -> None:
        super().__init__(file)
        self._spool = spool
        self._path = path
        self._done = 0
        self._ended = False
        self._inflate = zlib.decompressobj(wbits=31)

    def read(self, offset: int, count: int) -> bytes:
        self._reach(offset + count)
        self._spool.seek(offset)
        return self._spool.read(count)

    def fill(self, offset: int, buffer: npt.NDArray[np.uint8]) -> int:
        self._reach(offset + buffer.size)
        self._spool.seek(offset)
        return int(self._spool.readinto(buffer.data))  # type: ignore[attr-defined]

    def holds(self, offset: int, count: int) -> bool:
        self._reach(offset + count)
        return count == 0 or offset + count <= self._done

    def left(self, offset: int) -> int:
        return max(0, self._done - offset)

    def _reach(self, end: int) -> None:
        cap = limits.current()
        while self._done < end and not self._ended:
            piece = self._next(min(_PIECE, end - self._done))
            self._done += len(piece)
            if self._done > cap.object_bytes + cap.header_bytes and self._done > cap.ratio * self.stored:
                raise InputTooLarge("the compressed file expands without end", path=self._path)
            self._spool.seek(0, os.SEEK_END)
            self._spool.write(piece)

    def _next(self, count: int) -> bytes:
        """Return some decompressed bytes, or none at the sound end of the data."""
        while True:
            source = self._inflate.unconsumed_tail or self._file.read(_PIECE // 4)
            if not source:
                raise CorruptInput(
                    "the gzip data end too early: the file is truncated",
                    path=self._path,
                    hint="fetch or copy the file again",
                )
            try:
                piece = self._inflate.decompress(source, count)
            except zlib.error as error:
                raise CorruptInput(f"the gzip data are damaged ({error})", path=self._path) from error
            if self._inflate.eof:
                self._restart()
            if piece or self._ended:
                return piece

    def _restart(self) -> None:
        """Go on with the next member of the gzip file, or end."""
        rest = self._inflate.unused_data or self._file.read(_PIECE // 4)
        if not rest.strip(b"\0"):
            self._ended = True
            return
        if not rest.startswith(b"\x1f\x8b"):
            raise CorruptInput("something that is not gzip follows the gzip data", path=self._path)
        self._inflate = zlib.decompressobj(wbits=31)
        self._file.seek(-len(rest), os.SEEK_CUR)


@contextmanager
def open_stream(path: str | os.PathLike[str]) -> Iterator[Stream]:
    """Open a FITS file, plain or in gzip (told by its first bytes, not by its name).

    Raises
    ------
    InputNotFound, CorruptInput
        When there is no such regular file.
    """
    with _source.open_input(path) as file:
        head = os.pread(file.fileno(), 6, 0)
        if head.startswith(b"\x1f\x8b"):
            with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
                yield _Inflated(file, spool, path)  # type: ignore[arg-type]
            return
        if head.startswith((b"BZh", b"\xfd7zXZ", b"\x1f\x9d", b"PK\x03\x04")):
            raise SchemaMismatch(
                f"{_source.describe(head)}: only gzip is read", path=path, hint="decompress the file first"
            )
        yield Stream(file)
