"""One way to compile kernels: numba in nopython mode, without the GIL, cached where the disk allows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

__all__ = ["compiled"]

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a kernel.

    Machine code is cached in ``NUMBA_CACHE_DIR`` when that is set, else beside the module, else in the user's cache
    folder. Where none of them can be written the kernel is compiled once per process.
    """
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:  # numba: "cannot cache function: no locator available"
        return njit(cache=False, **options)(function)
