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
        self._known: dict[Any, Any] = {}  # types, spaces and ways to store: objects of a file are alike

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
        if name in self._file.id:
            raise SchemaMismatch("this name is already in the file", path=self._path, hdu=name)
        group = self._group(name)
        for key, array in arrays.items():
            self._dataset(group, key, array, f"{name}/{key}")
        self._attributes(group, attrs)

    def add_array(self, name: str, array: npt.ArrayLike, attrs: Mapping[str, Any] | None = None) -> None:
        """Add one array at the root; the rest as for `add`."""
        head, _, tail = name.rpartition("/")
        self._attributes(self._dataset(self._group(head), tail, array, name), attrs)

    def _group(self, name: str) -> Any:
        """Return a group (h5py's low-level object, as everywhere here: objects are many and small), made if needed."""
        from h5py import h5g, h5p

        creation = h5p.create(h5p.GROUP_CREATE)
        creation.set_obj_track_times(False)
        group: Any = self._file.id
        for part in filter(None, name.split("/")):
            there = part.encode() in group
            group = h5g.open(group, part.encode()) if there else h5g.create(group, part.encode(), gcpl=creation)
        return group

    def _dataset(self, group: Any, name: str, array: npt.ArrayLike, path: str) -> Any:
        data = np.asarray(array)
        if name.encode() in group:
            raise SchemaMismatch("this name is already in the file", path=self._path, hdu=path)
        if data.dtype.kind == "U":
            data, attrs = _encoded(data), {"encoding": "utf-8"}
        else:
            attrs = {}
        if data.dtype.kind not in "biufcS" or data.dtype.itemsize == 0:
            raise SchemaMismatch(f"HDF5 cannot hold {data.dtype} safely", path=self._path, hdu=path)
        data = np.asarray(data, data.dtype.newbyteorder("<"), order="C")
        with _disk(self._path):
            found = self._stored(group, name, data)
        self._disk.check()
        self._attributes(found, attrs)
        return found

    def _stored(self, group: Any, name: str, data: npt.NDArray[Any]) -> Any:
        from h5py import h5d, h5s

        alike = ("stored", data.dtype.str, data.shape)
        if alike not in self._known:
            self._known[alike] = self._creation(data)
        dataset = h5d.create(group, name.encode(), *self._type_and_space(data), self._known[alike])
        if data.size:
            dataset.write(h5s.ALL, h5s.ALL, data)
        return dataset

    def _type_and_space(self, data: npt.NDArray[Any]) -> tuple[Any, Any]:
        from h5py import h5s, h5t

        if data.dtype.str not in self._known:
            self._known[data.dtype.str] = h5t.py_create(data.dtype, logical=True)
        if data.shape not in self._known:
            self._known[data.shape] = h5s.create_simple(data.shape) if data.ndim else h5s.create(h5s.SCALAR)
        return self._known[data.dtype.str], self._known[data.shape]

    def _creation(self, data: npt.NDArray[Any]) -> Any:
        """Return how a dataset is stored.

        A scalar or an empty array, which cannot be chunked, goes inside of its checksummed header.
        """
        from h5py import h5d, h5p, h5z

        creation = h5p.create(h5p.DATASET_CREATE)
        creation.set_obj_track_times(False)
        if data.ndim and data.size:
            creation.set_chunk(_chunks(data))
            if self._preset.get("shuffle"):
                creation.set_shuffle()
            if self._preset.get("compression") == "gzip":
                creation.set_deflate(self._preset["compression_opts"])
            elif self._preset.get("compression") == "lzf":
                creation.set_filter(h5z.FILTER_LZF, h5z.FLAG_OPTIONAL)
            creation.set_fletcher32()
        elif data.size:
            creation.set_layout(h5d.COMPACT)
        return creation

    def _attributes(self, where: Any, attrs: Mapping[str, Any] | None) -> None:
        from h5py import h5a

        for key, value in (attrs or {}).items():
            try:
                data = np.asarray(_attribute(value))
                kind, space = self._type_and_space(data)
            except (TypeError, ValueError) as error:
                raise SchemaMismatch(f"attribute {key!r} cannot be stored: {error}", path=self._path) from error
            if h5a.exists(where, key.encode()):
                h5a.delete(where, key.encode())
            h5a.create(where, key.encode(), kind, space).write(data)


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
            out._attributes(file.id, attrs)
            out._attributes(file.id, provenance.to_attrs() if provenance else None)
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
