"""Memory that is freed stays with the process: the next step needs as much again.

The C library gives large blocks back to the system when they are freed, and gets them anew, page by page and filled
with zeros, a moment later. In training that is a third of the time.
"""

from __future__ import annotations

import ctypes
import sys

__all__ = ["keep_freed_memory"]

_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8  # parameters of mallopt(3)


def keep_freed_memory() -> bool:
    """Ask the C library to keep what is freed, in one pool of all threads; tell whether it can (glibc)."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return all(mallopt(name, value) for name, value in ((_ARENA_MAX, 1), (_MMAP_MAX, 0), (_TRIM_THRESHOLD, -1)))
