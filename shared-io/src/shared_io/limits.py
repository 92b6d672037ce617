"""Caps on what an input may ask for, checked from its headers before any data is read.

>>> from shared_io import limits
>>> with limits.use(object_bytes=2**20):
...     limits.current().object_bytes
1048576

The cap on bytes can also be set by the environment variable ``SHARED_IO_MAX_BYTES``, which takes a number
of bytes or a number with a unit (``512M``, ``16GiB``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from shared_io.errors import InputTooLarge, SchemaMismatch

__all__ = ["DEFAULT", "Limits", "check_bytes", "check_count", "check_expansion", "current", "use"]

ENVIRONMENT = "SHARED_IO_MAX_BYTES"


@dataclass(frozen=True)
class Limits:
    """What one input may ask for.

    Attributes
    ----------
    object_bytes
        Bytes of one image, table or dataset in memory.
    header_bytes
        Bytes of one header, footer, attribute or other description.
    hdus
        HDUs in a FITS file, or groups and datasets in an HDF5 file.
    columns
        Columns of a table.
    ratio
        Bytes in memory for each byte on disk. A file of constant pixels legitimately expands a
        thousandfold, so the ratio is judged only beyond `free_bytes`.
    free_bytes
        Expansion below this is never questioned.
    """

    object_bytes: int = 8 * 2**30
    header_bytes: int = 16 * 2**20
    hdus: int = 4096
    columns: int = 20_000
    ratio: float = 200.0
    free_bytes: int = 128 * 2**20


DEFAULT = Limits()

_active: ContextVar[Limits | None] = ContextVar("shared_io_limits", default=None)


def current() -> Limits:
    """Return the limits in force: those of `use`, else of the environment, else `DEFAULT`."""
    active = _active.get()
    if active is not None:
        return active
    text = os.environ.get(ENVIRONMENT)
    return replace(DEFAULT, object_bytes=_parse_bytes(text)) if text else DEFAULT


@contextmanager
def use(limits: Limits | None = None, **changes: float) -> Iterator[Limits]:
    """Put other limits in force for the length of a ``with`` block.

    Parameters
    ----------
    limits
        The limits; by default the current ones.
    **changes
        Attributes of `Limits` to change.
    """
    active = replace(limits or current(), **changes)  # type: ignore[arg-type]
    token = _active.set(active)
    try:
        yield active
    finally:
        _active.reset(token)


def check_bytes(size: int, *, path: str | os.PathLike[str], hdu: str | int | None = None, what: str = "data") -> None:
    """Refuse an object of more than ``object_bytes``.

    Raises
    ------
    InputTooLarge
        When `size` is beyond the cap.
    """
    cap = current().object_bytes
    if size > cap:
        raise InputTooLarge(
            f"{what} of {_human(size)} is beyond the limit of {_human(cap)}",
            path=path,
            hdu=hdu,
            hint=f"if the file is to be trusted, set {ENVIRONMENT} higher",
        )


def check_expansion(size: int, stored: int, *, path: str | os.PathLike[str], hdu: str | int | None = None) -> None:
    """Refuse `stored` bytes on disk that would become implausibly many in memory.

    Raises
    ------
    InputTooLarge
        When `size` is beyond ``free_bytes`` and more than ``ratio`` times `stored`.
    """
    limits = current()
    if size > limits.free_bytes and size > limits.ratio * stored:
        raise InputTooLarge(
            f"{_human(stored)} on disk would expand to {_human(size)}, more than {limits.ratio:g} times",
            path=path,
            hdu=hdu,
            hint="if the file is to be trusted, read it inside limits.use(ratio=...)",
        )


def check_count(count: int, cap: int, what: str, *, path: str | os.PathLike[str], hdu: str | int | None = None) -> None:
    """Refuse more than `cap` of something.

    Raises
    ------
    InputTooLarge
        When `count` is beyond the cap.
    """
    if count > cap:
        raise InputTooLarge(f"{count} {what}, more than {cap}", path=path, hdu=hdu)


def _parse_bytes(text: str) -> int:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?\s*", text, re.IGNORECASE)
    if not found:
        raise SchemaMismatch(f"{ENVIRONMENT}={text!r} is not a number of bytes", hint="write 512M or 16GiB")
    power = " kmgt".index(found[2].lower()) if found[2] else 0
    return int(float(found[1]) * 1024**power)


def _human(size: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if size < 1024 or unit == "PiB":
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.3g} {unit}"
        size /= 1024
    raise AssertionError("unreachable")
