"""A few hundred cut-outs at a time: the piece of work that is handed to a worker."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shared_io import limits
from shared_io.errors import InputTooLarge, SchemaMismatch, SharedIOError
from shared_io.fits.select import Selector
from shared_io.stamps import general
from shared_io.stamps.cards import Value
from shared_io.stamps.quick import Quick

__all__ = ["Batch", "Group", "Job", "read_batch"]

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Job:
    """What is asked of every file.

    Attributes
    ----------
    hdu
        One HDU, a list of HDUs to be stacked, or None for the first image.
    kinds
        The cards wanted, each with the type its value must have, or None.
    limits
        Those in force for the caller.
    share
        The most bytes of pixels of a batch.
    """

    hdu: Selector | list[Selector] | None
    kinds: dict[str, type | None]
    limits: limits.Limits
    share: int


@dataclass(frozen=True)
class Group:
    """The files of a batch whose pixels have one shape and type.

    Attributes
    ----------
    places : list of int
        Their positions among the paths of the batch, rising.
    data : ndarray
        Their pixels, shape (files, [planes,] ny, nx), native byte order.
    """

    places: list[int]
    data: npt.NDArray[Any]


@dataclass(frozen=True)
class Batch:
    """What became of the files of a batch.

    Attributes
    ----------
    groups
        The pixels.
    values
        The values of the cards, by the position of their file.
    failed
        The errors, by the position of their file.
    """

    groups: list[Group]
    values: dict[int, list[Value]]
    failed: dict[int, SharedIOError]


def read_batch(paths: Sequence[str | os.PathLike[str]], job: Job) -> Batch:
    """Read some files; those that cannot be read do not stop the others."""
    values: dict[int, list[Value]] = {}
    failed: dict[int, SharedIOError] = {}
    stored: dict[tuple[Shape, np.dtype[Any]], tuple[list[int], list[bytes]]] = {}
    arrays: dict[tuple[Shape, np.dtype[Any]], tuple[list[int], list[npt.NDArray[Any]]]] = {}
    with limits.use(job.limits):
        left = job.share
        quick = Quick(list(job.kinds)) if job.hdu is None or job.hdu == 0 else None
        for place, path in enumerate(paths):
            try:
                found = quick.read(path) if quick else None
                if found is not None:
                    form, pixels, cards = found
                    left = _spent(left, form.size, path)
                    values[place] = _converted(cards, job.kinds, path)
                    _into(stored, (form.shape, form.dtype), place, pixels)
                else:
                    data, cards = general.read(path, job.hdu, list(job.kinds))
                    left = _spent(left, data.nbytes, path)
                    values[place] = _converted(cards, job.kinds, path)
                    _into(arrays, (data.shape, data.dtype), place, data)
            except SharedIOError as error:
                failed[place] = error.with_traceback(None)
    groups = [Group(places, _pixels(pixels, *key)) for key, (places, pixels) in stored.items()]
    groups += [Group(places, np.stack(found)) for places, found in arrays.values()]
    return Batch(groups, values, failed)


def _spent(left: int, size: int, path: str | os.PathLike[str]) -> int:
    if size > left:
        raise InputTooLarge(
            "together with the others this cut-out is beyond the limit on bytes",
            path=path,
            hint="read smaller chunks, or raise SHARED_IO_MAX_BYTES",
        )
    return left - size


def _into(groups: dict[Any, tuple[list[int], list[Any]]], key: Any, place: int, pixels: Any) -> None:
    places, found = groups.setdefault(key, ([], []))
    places.append(place)
    found.append(pixels)


def _pixels(stored: list[bytes], shape: Shape, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    data = np.frombuffer(b"".join(stored), dtype).reshape(-1, *shape)
    return data.astype(dtype.newbyteorder("="))


def _converted(values: list[Value], kinds: dict[str, type | None], path: str | os.PathLike[str]) -> list[Value]:
    """Give each value the type that was asked for."""
    for number, (key, kind) in enumerate(kinds.items()):
        value = values[number]
        if kind is None or value is None or type(value) is kind:
            continue
        try:
            values[number] = _CONVERT[kind](value)
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise SchemaMismatch(f"{key} = {value!r} is no {kind.__name__}", path=path) from error
    return values


def _number(value: Value) -> float:
    if isinstance(value, bool | complex):
        raise TypeError
    return float(value)  # type: ignore[arg-type]


def _integer(value: Value) -> int:
    if isinstance(value, bool | complex):
        raise TypeError
    whole = int(value)  # type: ignore[arg-type]
    if isinstance(value, float) and whole != value:
        raise ValueError
    return whole


def _logical(value: Value) -> bool:
    return {"t": True, "true": True, "1": True, "f": False, "false": False, "0": False}[str(value).strip().lower()]


_CONVERT: dict[type, Callable[[Any], Value]] = {float: _number, int: _integer, bool: _logical, str: str}
