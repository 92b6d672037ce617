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
from shared_io.stamps.alike import Alike, read_alike
from shared_io.stamps.cards import Value
from shared_io.stamps.quick import Quick

__all__ = ["Batch", "Job", "read_batch"]

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
    simple
        Read simple images in plain files only, and leave the others.
    """

    hdu: Selector | list[Selector] | None
    kinds: dict[str, type | None]
    limits: limits.Limits
    share: int
    simple: bool = False


@dataclass(frozen=True)
class Batch:
    """What became of the files of a batch.

    Attributes
    ----------
    groups
        The pixels and the values of cards, by shape and type of the pixels, and more groups of one kind perhaps.
    failed
        The errors, by the position of their file.
    left
        The positions of the files that were left.
    """

    groups: list[Alike]
    failed: dict[int, SharedIOError]
    left: list[int]


def read_batch(paths: Sequence[str | os.PathLike[str]], job: Job) -> Batch:
    """Read some files; those that cannot be read do not stop the others."""
    with limits.use(job.limits):
        quick = Quick(list(job.kinds)) if job.hdu is None or job.hdu == 0 else None
        groups, places = read_alike(paths, quick) if quick else ([], list(range(len(paths))))
        if sum(group.data.nbytes for group in groups) > job.share:
            groups, places = [], list(range(len(paths)))  # one by one it is seen where the limit is reached
        batch = Batch([], {}, [])
        for group in groups:
            _fit_kinds(group, job.kinds, paths, batch)
        _read_singly(paths, places, job, quick, batch)
    return batch


def _read_singly(
    paths: Sequence[str | os.PathLike[str]], places: list[int], job: Job, quick: Quick | None, batch: Batch
) -> None:
    """Read files one after the other into groups of their shape and type."""
    arrays: dict[tuple[Shape, np.dtype[Any]], list[tuple[int, npt.NDArray[Any], list[Value]]]] = {}
    left = job.share - sum(group.data.nbytes for group in batch.groups)
    for place in places:
        try:
            found = _simple(quick, paths[place]) or (None if job.simple else _any(paths[place], job))
            if found is None:
                batch.left.append(place)
                continue
            data, cards = found
            left = _spent(left, data.nbytes, paths[place])
            arrays.setdefault((data.shape, data.dtype), []).append((place, data, cards))
        except SharedIOError as error:
            batch.failed[place] = error.with_traceback(None)
    for rows in arrays.values():
        numbers, pixels, cards_of = zip(*rows, strict=True)
        group = Alike(list(numbers), np.stack(pixels), [list(column) for column in zip(*cards_of, strict=True)])
        _fit_kinds(group, job.kinds, paths, batch)


def _simple(quick: Quick | None, path: str | os.PathLike[str]) -> tuple[npt.NDArray[Any], list[Value]] | None:
    found = quick.read(path) if quick else None
    if found is None:
        return None
    form, pixels, cards = found
    data = np.frombuffer(pixels, form.dtype).reshape(form.shape)
    return data.astype(form.dtype.newbyteorder("=")), cards


def _any(path: str | os.PathLike[str], job: Job) -> tuple[npt.NDArray[Any], list[Value]]:
    from shared_io.stamps import general

    return general.read(path, job.hdu, list(job.kinds))


def _spent(left: int, size: int, path: str | os.PathLike[str]) -> int:
    if size > left:
        raise InputTooLarge(
            "together with the others this cut-out is beyond the limit on bytes",
            path=path,
            hint="read smaller chunks, or raise SHARED_IO_MAX_BYTES",
        )
    return left - size


def _fit_kinds(
    group: Alike, kinds: dict[str, type | None], paths: Sequence[str | os.PathLike[str]], batch: Batch
) -> None:
    """Give each value the type that was asked for, and enter the files where that can be done."""
    wrong: dict[int, SharedIOError] = {}
    for values, (key, kind) in zip(group.values, kinds.items(), strict=True):
        if kind is None or values is None:
            continue
        for row, value in enumerate(values):
            if value is None or type(value) is kind:
                continue
            try:
                values[row] = _CONVERT[kind](value)
            except (ValueError, TypeError, KeyError, OverflowError) as error:
                made = SchemaMismatch(f"{key} = {value!r} is no {kind.__name__}", path=paths[group.places[row]])
                made.__cause__ = error
                wrong.setdefault(row, made)
    batch.failed.update({group.places[row]: error for row, error in wrong.items()})
    kept = [row for row in range(len(group.places)) if row not in wrong]
    if wrong:
        columns = [None if values is None else [values[row] for row in kept] for values in group.values]
        group = Alike([group.places[row] for row in kept], group.data[kept], columns)
    if kept:
        batch.groups.append(group)


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
