"""Median times, side by side."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path


def medians(runs: int, **contenders: Callable[[], object]) -> dict[str, float]:
    """Return the median seconds of each; they take turns, so that all meet the same weather."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for call in contenders.values():
        call()
    for _ in range(runs):
        for name, call in contenders.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def row(what: str, found: dict[str, float], ours: str = "ours", theirs: str = "raw") -> None:
    """Print one line of a table."""
    a, b = found[ours], found[theirs]
    print(f"| {what} | {a * 1e3:.1f} | {b * 1e3:.1f} | {a / b:.2f} |")


def head(theirs: str) -> None:
    """Print the head of the table."""
    print(f"| what | ours [ms] | {theirs} [ms] | ratio |")
    print("| --- | --- | --- | --- |")


def flush(path: str | os.PathLike[str]) -> None:
    """Flush a file and its folder, as an atomic write does."""
    for name in (path, Path(path).parent):
        descriptor = os.open(name, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
