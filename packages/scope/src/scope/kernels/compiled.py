"""One way to compile kernels: numba in nopython mode, without the GIL, cached where the disk allows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])

#: Rewrites that let sums run in several lanes at once; NaN and infinity keep their meaning.
REORDERED = frozenset({"contract", "nsz", "reassoc", "arcp"})


def compiled(*, reordered: bool = False) -> Callable[[F], F]:
    """Decorate a kernel for compilation.

    Machine code is cached in ``NUMBA_CACHE_DIR`` when that is set, else beside the module, else in the
    user's cache folder. Where none of them can be written the kernel is compiled once per process.

    Parameters
    ----------
    reordered : bool
        Allow the floating-point rewrites of `REORDERED`; without it the arithmetic is strict IEEE.

    Returns
    -------
    callable
        The decorator.
    """
    options: dict[str, Any] = {
        "nogil": True,
        # A call of one kernel from another would run one of two copies of it: in the process that compiles them that of
        # the callee, later that in the caller's cached code; where sums are reordered, they differ in the last bits.
        "forceinline": reordered,
        "error_model": "numpy",
        "fastmath": set(REORDERED) if reordered else False,
    }

    def decorate(function: F) -> F:
        try:
            return njit(cache=True, **options)(function)
        except RuntimeError:  # numba: "cannot cache function: no locator available"
            return njit(cache=False, **options)(function)

    return decorate
