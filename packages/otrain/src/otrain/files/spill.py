"""Cut-outs that wait, in memory while they are few and then in a file, until it is known which go into a cube."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from otrain.files.datacube import Streamed

__all__ = ["Columns", "Pixels"]

Array = npt.NDArray[Any]

BLOCK = 1024
MEMORY = 1 << 25
"""Bytes of pixels up to which they stay in memory."""


class Pixels:
    """Cut-outs of one shape.

    Parameters
    ----------
    file : binary file
        Empty, to be written and read.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._held: list[Array] | None = []
        self._count = 0
        self.shape: tuple[int, ...] = ()

    def add(self, pixels: Array) -> None:
        """Put some behind those that are there; the first give the `shape`, (ny, nx, planes)."""
        self.shape = self.shape or pixels.shape[1:]
        piece = np.ascontiguousarray(pixels, np.float32)
        self._count += piece.nbytes
        if self._held is not None and self._count <= MEMORY:
            self._held.append(piece)
            return
        for waiting in (*(self._held or ()), piece):
            self._file.write(waiting.data)
        self._held = None

    def pieces(self, rows: Array) -> Iterator[Array]:
        """Read rows back, in rising order, in pieces."""
        if self._held is not None:
            start = 0
            for held in self._held:
                low, high = np.searchsorted(rows, (start, start + len(held)))
                yield held if high - low == len(held) else held[rows[low:high] - start]
                start += len(held)
            return
        for start in range(0, len(rows), BLOCK):
            piece = rows[start : start + BLOCK]
            first, last = int(piece[0]), int(piece[-1]) + 1
            if last - first > 8 * len(piece):
                yield np.stack([self._run(int(row), 1)[0] for row in piece])
            else:
                yield self._run(first, last - first)[piece - first]

    def _run(self, first: int, count: int) -> Array:
        size = int(np.prod(self.shape)) * 4
        self._file.seek(first * size)
        return np.frombuffer(self._file.read(count * size), np.float32).reshape(count, *self.shape)


class Columns:
    """What is known about them, in a file; in memory is only where it lies.

    Parameters
    ----------
    file : binary file
        Empty, to be written and read.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._parts: dict[str, list[tuple[int, int, np.dtype[Any]]]] = {}

    def add(self, columns: Mapping[str, Array]) -> None:
        """Put the columns of some rows behind those that are there; all have the same names each time."""
        for name, values in columns.items():
            self._parts.setdefault(name, []).append((self._file.tell(), len(values), values.dtype))
            self._file.write(values.tobytes())

    def chosen(self, rows: Array) -> dict[str, Streamed]:
        """Return the columns of rows in rising order; text is as wide as the widest of all rows."""
        return {
            name: Streamed(np.result_type(*(dtype for *_, dtype in parts)), self._pieces(parts, rows))
            for name, parts in self._parts.items()
        }

    def _pieces(self, parts: list[tuple[int, int, np.dtype[Any]]], rows: Array) -> Iterator[Array]:
        start = 0
        for offset, count, dtype in parts:
            low, high = np.searchsorted(rows, (start, start + count))
            if high > low:
                self._file.seek(offset)
                yield np.frombuffer(self._file.read(count * dtype.itemsize), dtype)[rows[low:high] - start]
            start += count
