"""Work in threads whose results come in the order of the input, with little in flight."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_order(work: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """Map in threads, in order, with at most two items per thread in flight.

    Parameters
    ----------
    work : callable
    items : iterable
        Drawn from as the results are taken.
    workers : int
        Threads.

    Raises
    ------
    ValueError
        No worker.
    """
    if workers < 1:
        raise ValueError(f"workers = {workers}: must be at least 1")
    return _map(work, items, workers)


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` items, the last one shorter; drawn from as they are taken."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch


def _map(work: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    if workers == 1:
        yield from map(work, items)
        return
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="dre-fit") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
