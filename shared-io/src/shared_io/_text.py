"""Text of any length -> arrays of one width, which one long text among many short ones makes vast."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from shared_io import _source, limits

__all__ = ["check_width", "fixed_width"]


def fixed_width(
    values: Sequence[Any] | npt.NDArray[Any],
    kind: type[str] | type[bytes],
    path: str | os.PathLike[str],
    name: str | int | None,
) -> npt.NDArray[Any]:
    """Return texts (or bytes) as an array.

    Parameters
    ----------
    values
        The texts, in any shape that numpy understands.
    kind
        ``str`` or ``bytes``.
    path, name
        For messages.

    Raises
    ------
    InputTooLarge
        When the array would be beyond the limits.
    """
    flat = values.ravel() if isinstance(values, np.ndarray) else values
    wide = max(map(len, flat), default=0) * (4 if kind is str else 1)
    check_width(len(flat), wide, path, name)
    return np.array(values, dtype=kind) if len(flat) else np.zeros(np.shape(values), f"{'U' if kind is str else 'S'}1")


def check_width(count: int, width: int, path: str | os.PathLike[str], name: str | int | None) -> None:
    """Refuse `count` texts of `width` bytes each where the file is too small for them.

    Raises
    ------
    InputTooLarge
        When the array would be beyond the limits.
    """
    limits.check_bytes(count * width, path=path, hdu=name, what="text of one width")
    limits.check_expansion(count * width, _source.size(path), path=path, hdu=name)
