"""The GPU, if there is one: the search for CuPy that all tools share. CuPy itself is loaded only when one is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .errors import ExternalFailed

__all__ = ["Card", "find_card"]

_DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True, slots=True)
class Card:
    """A GPU that can be used.

    Attributes
    ----------
    library : module
        ``cupy``.
    free : int
        Bytes of its memory that nobody uses.
    """

    library: Any
    free: int


def find_card(device: str, *, extra: str, instead: str) -> Card | None:
    """Return the GPU meant by ``auto``, ``cpu`` or ``cuda``; None: the CPU.

    Parameters
    ----------
    device : str
        ``auto``: a GPU where CuPy finds one.
    extra : str
        What to install for CuPy, such as ``tool[cuda]``.
    instead : str
        What to do without a GPU, for the message.

    Raises
    ------
    ExternalFailed
        No CuPy or no GPU where one is asked for.
    ValueError
        Another name.
    """
    if device not in _DEVICES:
        raise ValueError(f"device must be one of {', '.join(_DEVICES)}, not {device!r}")
    if device == "cpu":
        return None
    try:
        import cupy
    except ImportError:
        if device == "auto":
            return None
        raise ExternalFailed("no CuPy to use a GPU with", hint=f"install {extra}, or {instead}") from None
    try:
        free = int(cupy.cuda.runtime.memGetInfo()[0]) if cupy.cuda.runtime.getDeviceCount() else 0
    except cupy.cuda.runtime.CUDARuntimeError:
        free = 0
    if free:
        return Card(cupy, free)
    if device == "auto":
        return None
    raise ExternalFailed("no GPU that CuPy can use", hint=instead)
