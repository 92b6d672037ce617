"""Many cut-outs -> one array and one table."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from shared_io import limits, locate
from shared_io.errors import InputNotFound, InputTooLarge, SchemaMismatch, SharedIOError
from shared_io.fits.select import Selector
from shared_io.stamps.batches import Job
from shared_io.stamps.cards import Value, check_keys
from shared_io.stamps.columns import Values, absent, arranged
from shared_io.stamps.parts import BATCH, Part, PathLike, parts

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["OWN", "Stamps", "chunks", "read"]

OWN = ("path", "index")
"""The columns that do not come from a header."""

_CHUNK = 4096
_KINDS = (bool, int, float, str, None)

Keys = str | Sequence[str] | Mapping[str, type | None] | None
OnError = Literal["collect", "raise"]


@dataclass(frozen=True)
class Stamps:
    """Cut-outs of one shape.

    Attributes
    ----------
    data : ndarray
        The pixels, shape (n, ny, nx) or (n, planes, ny, nx), native byte order, in the type that holds those of all
        files.
    columns : dict of Values
        ``path``, ``index`` (position among the paths given, from 0) and the cards asked for, a value for each
        cut-out; without astropy's objects.
    failed : list of (str, SharedIOError)
        The paths that could not be read, in their order, each with the reason.
    left : list of int
        The positions of those that were left, see `read`.
    """

    data: npt.NDArray[Any]
    columns: dict[str, Values]
    failed: list[tuple[str, SharedIOError]] = field(default_factory=list)
    left: list[int] = field(default_factory=list)

    @cached_property
    def table(self) -> Table:
        """The columns as an `astropy.table.Table`; a value that a file does not give is masked."""
        from astropy.table import Table

        return Table({name: values.column(name) for name, values in self.columns.items()})

    def __len__(self) -> int:
        return len(self.data)


def read(
    paths: PathLike | Iterable[PathLike],
    *,
    hdu: Selector | list[Selector] | None = None,
    keys: Keys = None,
    shape: tuple[int, ...] | None = None,
    workers: int = 1,
    on_error: OnError = "collect",
    simple: bool = False,
) -> Stamps:
    """Read many FITS cut-outs into one array and one table.

    Parameters
    ----------
    paths
        The files, in the order of the rows; or one folder or pattern, for its files in the order of their names.
    hdu
        Which image: index, name or ``(name, version)``; a list of them is stacked along a new axis of planes. By
        default the first image with two or three axes.
    keys
        The header cards wanted, from the header of the image, else from the primary one. A mapping of cards to
        ``bool``, ``int``, ``float`` or ``str`` gives each that type, and a file whose card cannot be
        made into it fails; otherwise the types are those found.
    shape
        The shape each cut-out must have; by default that which most of the first 4096 have.
    workers
        Processes that read, started only when the work lasts longer than a second. Scripts that ask for several
        need ``if __name__ == "__main__":``. The result is the same.
    on_error
        ``collect`` lists files that cannot be read in ``failed``; ``raise`` raises the first error.

    simple
        Read only what is one simple image in a plain file, and leave the others to be looked into.

    Returns
    -------
    Stamps
        All that could be read.

    Raises
    ------
    InputNotFound
        When no path is given.
    InputTooLarge
        When all together are beyond the limit on bytes: use `chunks`.
    SharedIOError
        With ``on_error="raise"``, the error of the first file that cannot be read.
    """
    listed = list(_listed(paths))
    if not listed:
        raise InputNotFound("no cut-out was given", hint="name files, a folder or a pattern")
    job = _job(hdu, keys, _CHUNK, on_error, simple=simple)
    data: npt.NDArray[Any] = np.empty((0, 0, 0), "f4")
    found: list[Part] = []
    count = 0
    for part in parts(iter(listed), job, size=_CHUNK, shape=shape, workers=workers):
        _raise_first(part, on_error)
        data = _filled(data, part, len(listed), count)
        count += len(part)
        found.append(replace(part, data=np.empty((0,))))
    return _stamps(data[:count], found, job)


def chunks(
    paths: PathLike | Iterable[PathLike],
    size: int = _CHUNK,
    *,
    hdu: Selector | list[Selector] | None = None,
    keys: Keys = None,
    shape: tuple[int, ...] | None = None,
    workers: int = 1,
    on_error: OnError = "collect",
    simple: bool = False,
) -> Iterator[Stamps]:
    """Read cut-outs chunk by chunk, in memory that does not grow with their number.

    Parameters
    ----------
    paths
        As for `read`; an iterator is never listed whole.
    size
        The paths of a chunk; where some fail it has fewer rows.
    hdu, keys, shape, workers, on_error, simple
        As for `read`. Without `shape`, that which most cut-outs of the first chunk have. Types that must not
        differ between chunks are given by `keys`.

    Yields
    ------
    Stamps
        One for each `size` paths, in their order.
    """
    if size < 1:
        raise ValueError("size must be positive")
    job = _job(hdu, keys, size, on_error, simple=simple)
    found = parts(_listed(paths), job, size=size, shape=shape, workers=workers)
    return (_stamps(part.data, [part], job) for part in found if _raise_first(part, on_error))


def _listed(paths: PathLike | Iterable[PathLike]) -> Iterator[PathLike]:
    return iter(locate.files(paths) if isinstance(paths, str | os.PathLike) else paths)


def _job(
    hdu: Selector | list[Selector] | None, keys: Keys, size: int, on_error: OnError, *, simple: bool = False
) -> Job:
    if on_error not in ("collect", "raise"):
        raise ValueError(f"on_error is 'collect' or 'raise', not {on_error!r}")
    if isinstance(keys, str):
        keys = [keys]
    check_keys(list(keys or ()), OWN)
    kinds = dict(keys) if isinstance(keys, Mapping) else dict.fromkeys(keys or ())
    wrong = [key for key, kind in kinds.items() if kind not in _KINDS]
    if wrong:
        raise SchemaMismatch(f"{kinds[wrong[0]]!r} is no type of a card", hint="use bool, int, float or str")
    if hdu == []:
        raise SchemaMismatch("no HDU is asked for")
    active = limits.current()
    return Job(hdu, kinds, active, active.object_bytes // -(-size // BATCH), simple)


def _raise_first(part: Part, on_error: OnError) -> bool:
    if on_error == "raise" and part.failed:
        raise part.failed[0][1]
    return True


def _filled(data: npt.NDArray[Any], part: Part, most: int, there: int) -> npt.NDArray[Any]:
    """Put the pixels of a part behind the `there` that are there; make room for `most` at first."""
    if not there:
        if most * part.data[:1].nbytes > limits.current().object_bytes:
            raise InputTooLarge(
                f"{most} cut-outs of shape {part.data.shape[1:]} are beyond the limit on bytes",
                hint="read them in chunks, or raise SHARED_IO_MAX_BYTES",
            )
        data = np.empty((most, *part.data.shape[1:]), part.data.dtype)
    if len(part):
        data = data.astype(np.result_type(data, part.data), copy=False)
        data[there : there + len(part)] = part.data
    return data


def _stamps(data: npt.NDArray[Any], found: Sequence[Part], job: Job) -> Stamps:
    columns = {
        "path": Values(np.array([path for part in found for path in part.paths], dtype=str)),
        "index": Values(np.array([index for part in found for index in part.index], np.int64)),
    }
    for number, (key, kind) in enumerate(job.kinds.items()):
        columns[key] = _values([part.values[number] if part.values else None for part in found], found, kind)
    failed = list(itertools.chain.from_iterable(part.failed for part in found))
    return Stamps(data, columns, failed, list(itertools.chain.from_iterable(part.left for part in found)))


def _values(columns: Sequence[list[Value] | None], found: Sequence[Part], kind: type | None) -> Values:
    if all(column is None for column in columns):
        return absent(sum(map(len, found)), kind)
    rows: list[Value] = []
    for column, part in zip(columns, found, strict=True):
        rows += [None] * len(part) if column is None else column
    return arranged(rows, kind)
