"""Batches, read by one process or several, put together in the order of the paths."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shared_io.errors import SchemaMismatch, SharedIOError
from shared_io.stamps.batches import Batch, Job, read_batch
from shared_io.stamps.cards import Value

__all__ = ["BATCH", "Part", "PathLike", "parts"]

BATCH = 256  # paths a worker takes at a time
_ALONE = 1.0  # seconds of work, about what starting processes takes
_WAITING = 4  # batches for each worker that may wait to be read or to be put together

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class Part:
    """Some cut-outs of one shape, in the order of their paths.

    Attributes
    ----------
    paths
        Where they are.
    data : ndarray
        Shape (n, [planes,] ny, nx).
    index
        Their positions among all paths.
    values
        The values of the cards, a list for each.
    failed
        The paths that could not be read.
    """

    paths: list[str]
    data: npt.NDArray[Any]
    index: list[int]
    values: list[list[Value]]
    failed: list[tuple[str, SharedIOError]]

    def __len__(self) -> int:
        return len(self.paths)


def parts(
    paths: Iterator[PathLike], job: Job, *, size: int, shape: tuple[int, ...] | None, workers: int
) -> Iterator[Part]:
    """Yield the cut-outs of every `size` paths.

    Parameters
    ----------
    paths, job
        What to read.
    size
        Paths of a part.
    shape
        That of all cut-outs; by default what most of the first part have.
    workers
        How many processes read once that pays.
    """
    start = 0
    read: list[tuple[Sequence[PathLike], Batch]] = []
    for batch, last, found in _read(_pieces(paths, size), job, workers):
        read.append((batch, found))
        if last:
            part = _together(read, start, shape)
            start += sum(len(names) for names, _ in read)
            shape = part.data.shape[1:] if len(part) else shape
            read = []
            yield part


def _pieces(paths: Iterator[PathLike], size: int) -> Iterator[tuple[list[PathLike], bool]]:
    """Yield batches of paths, each with whether it ends a part."""
    while chunk := list(itertools.islice(paths, size)):
        for at in range(0, len(chunk), BATCH):
            yield chunk[at : at + BATCH], at + BATCH >= len(chunk)


def _read(
    pieces: Iterator[tuple[list[PathLike], bool]], job: Job, workers: int
) -> Iterator[tuple[list[PathLike], bool, Batch]]:
    """Read batches, in their order; other processes are started only when the work proves to be long."""
    spent = 0.0
    for batch, last in pieces:
        start = time.perf_counter()
        found = read_batch(batch, job)
        spent += time.perf_counter() - start
        yield batch, last, found
        if workers > 1 and spent > _ALONE:
            break
    else:
        return
    waiting: deque[tuple[list[PathLike], bool, Future[Batch]]] = deque()
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))
    try:
        for batch, last in pieces:
            waiting.append((batch, last, pool.submit(read_batch, [os.fspath(path) for path in batch], job)))
            if len(waiting) >= workers * _WAITING:
                first, ends, future = waiting.popleft()
                yield first, ends, future.result()
        while waiting:
            first, ends, future = waiting.popleft()
            yield first, ends, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _together(read: Sequence[tuple[Sequence[PathLike], Batch]], start: int, shape: tuple[int, ...] | None) -> Part:
    names = [os.fspath(path) for batch, _ in read for path in batch]
    shape = shape or _usual(read)
    values: list[list[Value] | None] = [None] * len(names)
    failed: dict[int, SharedIOError] = {}
    fitting: list[tuple[npt.NDArray[np.int64], npt.NDArray[Any]]] = []
    offset = 0
    for batch, found in read:
        for place, error in found.failed.items():
            failed[offset + place] = error
        for group in found.groups:
            if group.data.shape[1:] == shape:
                fitting.append((np.array(group.places) + offset, group.data))
                for place in group.places:
                    values[offset + place] = found.values[place]
            else:
                for place in group.places:
                    failed[offset + place] = _mismatch(group.data.shape[1:], shape, names[offset + place])
        offset += len(batch)
    kept = [place for place, row in enumerate(values) if row is not None]
    return Part(
        [names[place] for place in kept],
        _pixels(fitting, len(names), kept, shape),
        [start + place for place in kept],
        [row for row in values if row is not None],
        [(names[place], failed[place]) for place in sorted(failed)],
    )


def _usual(read: Sequence[tuple[Sequence[PathLike], Batch]]) -> tuple[int, ...]:
    """Return the shape that most have; of several, that which comes first."""
    counts: dict[tuple[int, ...], list[int]] = {}
    offset = 0
    for batch, found in read:
        for group in found.groups:
            count = counts.setdefault(group.data.shape[1:], [0, -offset - group.places[0]])
            count[0] += len(group.places)
            count[1] = max(count[1], -offset - group.places[0])
        offset += len(batch)
    return max(counts, key=lambda shape: counts[shape], default=(0, 0))


def _pixels(
    fitting: Sequence[tuple[npt.NDArray[np.int64], npt.NDArray[Any]]],
    count: int,
    kept: Sequence[int],
    shape: tuple[int, ...],
) -> npt.NDArray[Any]:
    rows = np.empty(count, np.int64)
    rows[kept] = np.arange(len(kept))
    dtype = np.result_type(*(data.dtype for _, data in fitting)) if fitting else np.dtype("f4")
    pixels = np.empty((len(kept), *shape), dtype)
    for places, data in fitting:
        pixels[rows[places]] = data
    return pixels


def _mismatch(found: tuple[int, ...], shape: tuple[int, ...], path: str) -> SchemaMismatch:
    return SchemaMismatch(
        f"{_size(found)} pixels, not {_size(shape)}", path=path, hint="cut-outs of one array have one shape"
    )


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
