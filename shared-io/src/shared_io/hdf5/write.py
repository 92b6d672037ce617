"""Writing HDF5: whole or not at all, every array with a checksum, the same bytes every time."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from shared_io import atomic
from shared_io.errors import SchemaMismatch, WriteFailed
from shared_io.hdf5.disk import Disk

if TYPE_CHECKING:
    import h5py

    from shared_io.provenance import Provenance

__all__ = ["PRESETS", "Writer", "writer"]

PRESETS: dict[str, dict[str, Any]] = {
    "none": {},
    "low": {"compression": "lzf", "shuffle": True},
    "medium": {"compression": "gzip", "compression_opts": 4, "shuffle": True},
    "high": {"compression": "gzip", "compression_opts": 9, "shuffle": True},
}
# From this version of the format on, headers and attributes carry checksums too.
_VERSION = ("v110", "v110")
_CHUNK = 2**20  # bytes


class Writer:
    """An HDF5 file being written; made by `writer`."""

    def __init__(self, file: h5py.File, disk: Disk, path: str | os.PathLike[str], preset: Mapping[str, Any]) -> None:
        self._file = file
        self._disk = disk
        self._path = path
        self._preset = preset

    def add(self, name: str, arrays: Mapping[str, npt.ArrayLike], attrs: Mapping[str, Any] | None = None) -> None:
        """Add an object: a group with one dataset for each array.

        Parameters
        ----------
        name
            Name of the group; with ``/`` in it, groups within groups.
        arrays
            Numbers, booleans or strings, of any shape.
        attrs
            Numbers, strings or arrays of them go in as they are; anything else as JSON.

        Raises
        ------
        SchemaMismatch
            When the name is taken or something cannot be stored.
        """
        if name in self._file:
            raise SchemaMismatch("this name is already in the file", path=self._path, hdu=name)
        group = self._group(name)
        for key, array in arrays.items():
            self._dataset(group, key, array)
        self._attributes(group, attrs)

    def add_array(self, name: str, array: npt.ArrayLike, attrs: Mapping[str, Any] | None = None) -> None:
        """Add one array at the root; the rest as for `add`."""
        head, _, tail = name.rpartition("/")
        parent = self._file[head] if head and head in self._file else self._group(head) if head else self._file
        self._attributes(self._dataset(parent, tail, array), attrs)

    def _group(self, name: str) -> Any:
        from h5py import h5g, h5p

        creation = h5p.create(h5p.GROUP_CREATE)
        creation.set_obj_track_times(False)
        where = self._file.id
        group: Any = self._file
        for part in filter(None, name.split("/")):
            if part in group:
                group = group[part]
            else:
                h5g.create(where, part.encode(), gcpl=creation)
                group = group[part]
            where = group.id
        return group

    def _dataset(self, group: Any, name: str, array: npt.ArrayLike) -> Any:
        data = np.asarray(array)
        if name in group:
            raise SchemaMismatch("this name is already in the file", path=self._path, hdu=f"{group.name}/{name}")
        if data.dtype.kind == "U":
            data, attrs = _encoded(data), {"encoding": "utf-8"}
        else:
            attrs = {}
        if data.dtype.kind not in "biufcS" or data.dtype.itemsize == 0:
            raise SchemaMismatch(f"HDF5 cannot hold {data.dtype} safely", path=self._path, hdu=f"{group.name}/{name}")
        data = np.asarray(data, data.dtype.newbyteorder("<"), order="C")
        with _disk(self._path):
            found = self._stored(group, name, data)
        self._disk.check()
        self._attributes(found, attrs)
        return found

    def _stored(self, group: Any, name: str, data: npt.NDArray[Any]) -> Any:
        if data.ndim == 0 or data.size == 0:
            return self._compact(group, name, data)
        return group.create_dataset(
            name, data=data, chunks=_chunks(data), fletcher32=True, track_times=False, **self._preset
        )

    def _compact(self, group: Any, name: str, data: npt.NDArray[Any]) -> Any:
        """Store a scalar or an empty array, which cannot be chunked, inside of its checksummed header."""
        from h5py import h5d, h5p, h5s, h5t

        creation = h5p.create(h5p.DATASET_CREATE)
        creation.set_obj_track_times(False)
        if data.size:
            creation.set_layout(h5d.COMPACT)
        space = h5s.create_simple(data.shape) if data.ndim else h5s.create(h5s.SCALAR)
        h5d.create(group.id, name.encode(), h5t.py_create(data.dtype, logical=True), space, creation)
        dataset = group[name]
        if data.size:
            dataset[()] = data
        return dataset

    def _attributes(self, where: Any, attrs: Mapping[str, Any] | None) -> None:
        for key, value in (attrs or {}).items():
            try:
                where.attrs[key] = _attribute(value)
            except (TypeError, ValueError) as error:
                raise SchemaMismatch(f"attribute {key!r} cannot be stored: {error}", path=self._path) from error


@contextmanager
def writer(
    path: str | os.PathLike[str],
    *,
    compression: str = "medium",
    attrs: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    provenance: Provenance | None = None,
) -> Iterator[Writer]:
    """Open a file to write groups of arrays to; it appears when the ``with`` block ends well.

    Parameters
    ----------
    path
        The file.
    compression
        ``none``, ``low`` (LZF), ``medium`` (gzip 4) or ``high`` (gzip 9). Every array has a Fletcher
        checksum whatever the preset.
    attrs
        Attributes of the file.
    overwrite
        Whether a file already there is replaced.
    provenance
        Goes into the attributes of the file.

    Raises
    ------
    OutputExists, WriteFailed
        When the file cannot be put there.
    """
    if compression not in PRESETS:
        raise SchemaMismatch(f"there is no compression {compression!r}", hint=f"choose one of {', '.join(PRESETS)}")
    with atomic.atomic_path(path, overwrite=overwrite) as temporary, contextlib.closing(Disk(temporary)) as disk:
        with _disk(path):
            file = _create(disk)
        try:
            out = Writer(file, disk, path, PRESETS[compression])
            out._attributes(file, attrs)
            out._attributes(file, provenance.to_attrs() if provenance else None)
            yield out
        finally:
            with _disk(path):
                file.close()


@contextmanager
def _disk(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn the RuntimeError by which h5py reports some failures of the disk into `WriteFailed`."""
    try:
        yield
    except RuntimeError as error:
        raise WriteFailed(f"cannot be written: {error}", path=path) from error


def _create(disk: Disk) -> h5py.File:
    import h5py
    from h5py import h5f, h5fd, h5p

    creation = h5p.create(h5p.FILE_CREATE)
    creation.set_obj_track_times(False)
    access = h5p.create(h5p.FILE_ACCESS)
    access.set_libver_bounds(h5f.LIBVER_V110, h5f.LIBVER_V110)
    access.set_fclose_degree(h5f.CLOSE_STRONG)
    access.set_fileobj_driver(h5fd.fileobj_driver, disk)
    return h5py.File(h5f.create(repr(disk).encode(), h5f.ACC_TRUNC, creation, access))


def _chunks(data: npt.NDArray[Any]) -> tuple[int, ...]:
    """Return chunks of about a megabyte that keep the last axes whole."""
    left = max(1, _CHUNK // data.itemsize)
    chunks = []
    for length in reversed(data.shape):
        take = max(1, min(length, left))
        chunks.append(take)
        left = max(1, left // take)
    return tuple(reversed(chunks))


def _encoded(data: npt.NDArray[Any]) -> npt.NDArray[np.bytes_]:
    encoded = np.char.encode(data, "utf-8")
    return encoded if encoded.dtype.itemsize else encoded.astype("S1")


def _attribute(value: Any) -> Any:
    """Return a value whose bytes lie in the checksummed header: text of fixed length, for one."""
    if isinstance(value, bool | int | float | complex) or (
        isinstance(value, np.generic | np.ndarray) and value.dtype.kind in "biufcS"
    ):
        return value
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return np.array(text.encode(), dtype=f"S{max(1, len(text.encode()))}")
