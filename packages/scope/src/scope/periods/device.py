"""The GPU, if there is one."""

from __future__ import annotations

from functools import cache

from shared_io.errors import ExternalFailed

from scope.periods.accelerator import Accelerator

DEVICES = ("auto", "cpu", "cuda")

_BYTES = 160  # for each point and frequency: all arrays of a batch, and as much again
_LARGEST = 2**28


@cache
def open_device(name: str, sharers: int = 1) -> Accelerator | None:
    """Return the accelerator meant by ``auto``, ``cpu`` or ``cuda``; None: the CPU.

    Parameters
    ----------
    name : str
        ``auto``: a GPU where CuPy finds one.
    sharers : int
        Processes that share its memory.

    Raises
    ------
    ExternalFailed
        No CuPy or no GPU where one is asked for.
    ValueError
        Another name.
    """
    if name not in DEVICES:
        raise ValueError(f"device must be one of {', '.join(DEVICES)}, not {name!r}")
    if name == "cpu":
        return None
    try:
        import cupy
    except ImportError:
        if name == "auto":
            return None
        hint = "install scope[gpu], or search with --doCPU, which gives the same columns"
        raise ExternalFailed("no CuPy to use a GPU with", hint=hint) from None
    try:
        free = int(cupy.cuda.runtime.memGetInfo()[0]) if cupy.cuda.runtime.getDeviceCount() else 0
    except cupy.cuda.runtime.CUDARuntimeError:
        free = 0
    if free:
        return Accelerator(cupy, max(min(free // (_BYTES * sharers), _LARGEST), 2**16))
    if name == "auto":
        return None
    raise ExternalFailed("no GPU that CuPy can use", hint="--doCPU gives the same columns")
