"""Reading HDF5: no link leaves the file, no size is believed before it is checked, no object is unpickled."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from shared_io import _source, limits
from shared_io._text import fixed_width
from shared_io.errors import CorruptInput, InputTooLarge, SchemaMismatch, SharedIOError, UnsafeInput

if TYPE_CHECKING:
    import h5py

__all__ = ["Reader", "reader"]

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_FILTERS = {1, 2, 3, 4, 5, 6, 32000}  # built into the library; LZF comes with h5py
_CHUNK = 2**28  # bytes of one chunk in memory


class Reader:
    """An HDF5 file being read; made by `reader`.

    Attributes
    ----------
    names : list of str
        The groups and datasets at the root, sorted.
    """

    def __init__(self, file: h5py.File, path: str | os.PathLike[str]) -> None:
        self._file = file
        self._path = path
        with self._translated(None):
            limits.check_count(len(file), limits.current().hdus * 256, "entries at the root", path=path)
            self.names: list[str] = sorted(file)

    def arrays(self, name: str, *, without: Collection[str] = ()) -> dict[str, npt.NDArray[Any]]:
        """Return all arrays of a group, by name, but for those that are not wanted.

        Raises
        ------
        SchemaMismatch
            When there is no such group.
        CorruptInput, InputTooLarge, UnsafeInput
            When one of them cannot be trusted.
        """
        with self._translated(name):
            group = self.node(name)
            if not self.is_group(group):
                raise SchemaMismatch("this is one array, not a group", path=self._path, hdu=name)
            members = {key: self._node(key, group) for key in sorted(set(group) - set(without))}
            datasets = {key: node for key, node in members.items() if not self.is_group(node)}
            total = sum(_bytes(dataset) for dataset in datasets.values())
            limits.check_bytes(total, path=self._path, hdu=name, what="a group")
            limits.check_expansion(total, _source.size(self._path), path=self._path, hdu=name)
            return {key: self.load(dataset, name=f"{name}/{key}") for key, dataset in datasets.items()}

    def array(self, name: str) -> npt.NDArray[Any]:
        """Return one array.

        Raises
        ------
        SchemaMismatch
            When there is no such array.
        CorruptInput, InputTooLarge, UnsafeInput
            When it cannot be trusted.
        """
        with self._translated(name):
            dataset = self.node(name)
            if self.is_group(dataset):
                raise SchemaMismatch("this is a group, not one array", path=self._path, hdu=name)
            return self.load(dataset)

    def attrs(self, name: str | None = None, *, without: Collection[str] = ()) -> dict[str, Any]:
        """Return the attributes of the file, or of a group or dataset, but for those that are not wanted.

        Raises
        ------
        UnsafeInput
            When one of them is no number or text.
        """
        with self._translated(name):
            node = self._file if name is None else self.node(name)
            return {key: self.attribute(node, key, name or "/") for key in sorted(set(node.attrs) - set(without))}

    def node(self, name: str) -> Any:
        """Return a group or dataset as h5py gives it, every link on the way looked at first.

        Raises
        ------
        SchemaMismatch
            When there is none.
        UnsafeInput
            When a link leaves the file or leads back to itself.
        """
        with self._translated(name):
            return self._node(name)

    def _node(self, name: str, start: Any = None) -> Any:
        from h5py import h5l

        node: Any = self._file if start is None else start
        left = [part for part in name.split("/") if part not in ("", ".")]
        for _ in range(64):
            if not left:
                return node
            part = left.pop(0)
            link = self._link(node, part)
            if link is None:
                shown = ", ".join(self.names[:8])
                raise SchemaMismatch("there is no such entry", path=self._path, hdu=name, hint=f"it has {shown}")
            if link == h5l.TYPE_HARD:
                node = _opened(node, part)
            elif link == h5l.TYPE_SOFT:
                path = node.id.links.get_val(part.encode()).decode()
                left = [p for p in path.split("/") if p not in ("", ".")] + left
                node = self._file if path.startswith("/") else node
            else:
                raise UnsafeInput("a link leads out of the file", path=self._path, hdu=name)
        raise UnsafeInput("links lead round in circles", path=self._path, hdu=name)

    def _link(self, node: Any, part: str) -> int | None:
        """Return the type of a link in a group; None where there is none."""
        if part == ".." or not self.is_group(node) or not node.id.links.exists(part.encode()):
            return None
        return int(node.id.links.get_info(part.encode()).type)

    def is_group(self, node: Any) -> bool:
        """Tell whether a node is a group."""
        import h5py

        return isinstance(node, h5py.Group)

    def check(self, dataset: Any, name: str | None = None) -> None:
        """Check a dataset before its data are read; `name` spares asking for it.

        Raises
        ------
        UnsafeInput, InputTooLarge, SchemaMismatch
            When they shall not be read.
        """
        import h5py
        from h5py import h5d

        where: dict[str, Any] = {"path": self._path, "hdu": name or dataset.name}
        if not isinstance(dataset, h5py.Dataset):
            raise SchemaMismatch("this is no array", **where)
        creation = dataset.id.get_create_plist()
        layout = creation.get_layout()
        if layout == h5d.VIRTUAL:
            raise UnsafeInput("the data lie in other files (virtual dataset)", **where)
        if creation.get_external_count():
            raise UnsafeInput("the data lie in other files (external storage)", **where)
        if dataset.shape is None:
            raise SchemaMismatch("this array is null", **where)
        if dataset.dtype.kind not in "biuf":
            self._check_type(dataset.id.get_type(), where)
        unknown = {creation.get_filter(i)[0] for i in range(creation.get_nfilters())} - _FILTERS
        if unknown:
            raise SchemaMismatch(f"compressed by a filter that is not built in ({sorted(unknown)})", **where)
        size = _bytes(dataset)
        limits.check_bytes(size, **where)
        limits.check_expansion(size, dataset.id.get_storage_size(), **where)
        chunk = math.prod(creation.get_chunk()) if layout == h5d.CHUNKED else 0
        if chunk * dataset.dtype.itemsize > max(_CHUNK, 2 * size):
            raise InputTooLarge(f"chunks of {creation.get_chunk()} elements", **where)

    def load(self, dataset: Any, selection: Any = (), name: str | None = None) -> npt.NDArray[Any]:
        """Return the checked data of a dataset, native, text as str."""
        from h5py import h5s, h5t

        self.check(dataset, name)
        kind = dataset.dtype
        if selection == () and kind.kind in "bif" and dataset.size:
            whole = np.empty(dataset.shape, kind.newbyteorder("="))
            dataset.id.read(h5s.ALL, h5s.ALL, whole)
            return whole
        text = kind.metadata or {}
        if kind.kind == "O":
            data = np.asarray(dataset.asstr(errors="strict")[selection])
            return fixed_width(data, str, self._path, dataset.name)
        data = np.asarray(dataset[selection])
        if data.dtype == "u1" and dataset.id.get_type().get_class() == h5t.BITFIELD:
            return data.astype(bool)  # so PyTables writes booleans
        if data.dtype.kind == "S" and (
            dataset.attrs.get("encoding") in ("utf-8", b"utf-8") or text.get("h5py_encoding") == "utf-8"
        ):
            return np.char.decode(data, "utf-8")
        return data.astype(data.dtype.newbyteorder("="), copy=False)

    def attribute(self, node: Any, key: str, name: str | None = None) -> Any:
        """Return one attribute: a number, a text, or an array of them."""
        from h5py import h5a

        found = h5a.open(node.id, key.encode())
        where: dict[str, Any] = {"path": self._path, "hdu": f"{name or node.name}@{key}"}
        shape, kind = found.shape, found.dtype
        if shape is None:
            return None
        if math.prod(shape) * max(1, kind.itemsize) > limits.current().header_bytes:
            raise InputTooLarge("this attribute is too large", **where)
        if kind.kind in "biuf" and shape == ():
            number = np.empty((), kind)
            found.read(number)
            return number.item()
        self._check_type(found.get_type(), where)
        value = node.attrs[key]
        if isinstance(value, bytes):
            return value.decode("utf-8", errors="replace")
        return value.item() if isinstance(value, np.generic) else value

    def _check_type(self, kind: Any, where: dict[str, Any]) -> None:
        """Refuse types that are references, pickles or other objects."""
        from h5py import h5t

        code = kind.get_class()
        if code == h5t.COMPOUND:
            for i in range(kind.get_nmembers()):
                self._check_type(kind.get_member_type(i), where)
        elif code == h5t.ARRAY:
            self._check_type(kind.get_super(), where)
        elif code == h5t.VLEN:
            raise UnsafeInput("arrays of variable length may hold pickled objects", **where)
        elif code not in (h5t.INTEGER, h5t.FLOAT, h5t.STRING, h5t.ENUM, h5t.BITFIELD):
            raise UnsafeInput("this type (a reference or an opaque object) is not read", **where)

    @contextmanager
    def _translated(self, name: str | None) -> Iterator[None]:
        with translated(self._path, name):
            yield


@contextmanager
def reader(path: str | os.PathLike[str]) -> Iterator[Reader]:
    """Open an HDF5 file for reading.

    Parameters
    ----------
    path
        The file. Files of others are read too, with or without checksums.

    Raises
    ------
    InputNotFound, CorruptInput
        When there is no such file or it is no sound HDF5.
    """
    import h5py

    head = _source.magic(path, 8)
    if head != _SIGNATURE:
        raise CorruptInput(f"not an HDF5 file but {_source.describe(head)}", path=path)
    with translated(path, None):
        file = h5py.File(os.fspath(path), "r", locking="best-effort")
    with file:
        yield Reader(file, path)


@contextmanager
def translated(path: str | os.PathLike[str], name: str | None) -> Iterator[None]:
    """Turn whatever h5py raises over a damaged file into `CorruptInput`."""
    try:
        yield
    except (SharedIOError, MemoryError):
        raise
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise CorruptInput(
            f"cannot be read ({reason})", path=path, hdu=name, hint="the file is truncated or damaged"
        ) from error


def _opened(group: Any, name: str) -> Any:
    """Return a member of a group, as ``group[name]``: without what that does for other kinds of names."""
    import h5py
    from h5py import h5d, h5g, h5o

    found = h5o.open(group.id, name.encode())
    if isinstance(found, h5d.DatasetID):
        return h5py.Dataset(found, readonly=True)  # so that it asks for its shape and type once
    return h5py.Group(found) if isinstance(found, h5g.GroupID) else h5py.Datatype(found)


def _bytes(dataset: Any) -> int:
    """Return the size in memory; text of variable length counts its pointers only."""
    return math.prod(dataset.shape or ()) * int(dataset.dtype.itemsize)
