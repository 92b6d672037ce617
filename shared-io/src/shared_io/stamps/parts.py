"""Batches, read by one process or several, put together in the order of the paths."""

from __future__ import annotations

import itertools
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from shared_io.errors import SchemaMismatch, SharedIOError
from shared_io.stamps.alike import Alike
from shared_io.stamps.batches import Batch, Job, read_batch
from shared_io.stamps.cards import Value

if TYPE_CHECKING:
    from concurrent.futures import Future

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
        For each card its values, or None where no file has it.
    failed
        The paths that could not be read.
    left
        The positions of those that were left.
    """

    paths: list[str]
    data: npt.NDArray[Any]
    index: list[int]
    values: list[list[Value] | None]
    failed: list[tuple[str, SharedIOError]]
    left: list[int]

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
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

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
    failed: dict[int, SharedIOError] = {}
    fitting: list[tuple[npt.NDArray[np.int64], Alike]] = []
    left: list[int] = []
    offset = 0
    for batch, found in read:
        failed.update({offset + place: error for place, error in found.failed.items()})
        left += [start + offset + place for place in found.left]
        for group in found.groups:
            if group.data.shape[1:] == shape:
                fitting.append((np.array(group.places) + offset, group))
            else:
                for place in group.places:
                    failed[offset + place] = _mismatch(group.data.shape[1:], shape, names[offset + place])
        offset += len(batch)
    kept = np.sort(np.concatenate([places for places, _ in fitting])) if fitting else np.zeros(0, np.int64)
    rows = [np.searchsorted(kept, places) for places, _ in fitting]
    groups = [group for _, group in fitting]
    return Part(
        names if len(kept) == len(names) else [names[place] for place in kept.tolist()],
        _pixels(groups, rows, (len(kept), *shape)),
        (kept + start).tolist(),
        [_column(groups, rows, number, len(kept)) for number in range(len(groups[0].values) if groups else 0)],
        [(names[place], failed[place]) for place in sorted(failed)],
        left,
    )


def _column(groups: Sequence[Alike], rows: Sequence[npt.NDArray[np.int64]], number: int, count: int
            ) -> list[Value] | None:  # fmt: skip
    """Return the values of one card, None where no file has it."""
    if all(group.values[number] is None for group in groups):
        return None
    column: list[Value] = [None] * count
    for group, places in zip(groups, rows, strict=True):
        values = group.values[number]
        if values is not None:
            for place, value in zip(places.tolist(), values, strict=True):
                column[place] = value
    return column


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


def _pixels(groups: Sequence[Alike], rows: Sequence[npt.NDArray[np.int64]], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    dtype = np.result_type(*(group.data.dtype for group in groups)) if groups else np.dtype("f4")
    pixels = np.empty(shape, dtype)
    for group, places in zip(groups, rows, strict=True):
        first, last = int(places[0]), int(places[-1]) + 1
        pixels[slice(first, last) if last - first == len(places) else places] = group.data
    return pixels


def _mismatch(found: tuple[int, ...], shape: tuple[int, ...], path: str) -> SchemaMismatch:
    return SchemaMismatch(
        f"{_size(found)} pixels, not {_size(shape)}", path=path, hint="cut-outs of one array have one shape"
    )


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
