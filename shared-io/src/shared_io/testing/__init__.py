"""Fault laboratories for everything that writes or reads files, usable by the tests of every package.

``python -m shared_io.testing`` runs three of them and prints what it counted:

- `kills`: writers are killed (SIGKILL) at random moments and at chosen system calls;
- `failures`: every system call of a write fails in turn, with each errno a disk can answer;
- `damage`: truncated, altered and hostile files go to every reader, in bounded time and memory.

The parts they are made of stand alone:

>>> from shared_io.testing import child, layer
>>> ending = child.run(lambda: sum(range(10)))
>>> ending.value
45

`strict_cupy` and `raw_kernel` stand in for a GPU: they compute on the processor and refuse what a card would refuse.
"""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = [
    "child",
    "content",
    "damage",
    "failures",
    "kills",
    "layer",
    "plan",
    "raw_kernel",
    "readers",
    "samples",
    "strace",
    "strict_cupy",
    "tally",
    "writers",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
