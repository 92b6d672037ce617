"""The GPU, if there is one."""

from __future__ import annotations

from functools import cache

from shared_io.accelerator import find_card

from scope.periods.accelerator import Accelerator

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
    instead = "search with --doCPU, which gives the same columns"
    card = find_card(name, extra="scope[gpu]", instead=instead)
    if card is None:
        return None
    return Accelerator(card.library, max(min(card.free // (_BYTES * sharers), _LARGEST), 2**16))
