"""Tables that pandas left in HDF5 (HDFStore), read without pandas, PyTables or pickle.

pandas has two layouts: ``fixed``, a dataset for each block of columns of one type, and ``table``, one dataset
of records. Names of columns of the second are pickled lists of text; their bytes are read here as text, and
anything in them that a list of text does not need is refused. Other pickles (user metadata, columns of
objects) are never looked into.
"""

from __future__ import annotations

import logging
import os
import pickletools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from shared_io import hdf5
from shared_io.errors import CorruptInput, UnsafeInput
from shared_io.table.schema import Field, Piece

__all__ = ["source"]

log = logging.getLogger(__name__)

_TEXT = {"UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
_SHAPE = {
    *(
        "PROTO",
        "FRAME",
        "MARK",
        "LIST",
        "EMPTY_LIST",
        "APPEND",
        "APPENDS",
        "STOP",
        "TUPLE",
        "TUPLE1",
        "TUPLE2",
    ),
    *("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "INT", "BININT", "BININT1", "BININT2", "LONG1"),
}


def source(file: hdf5.Reader, node: Any, key: str, path: str | os.PathLike[str]) -> Frame | None:
    """Return what reads a DataFrame of pandas, or None if the group is none."""
    kind = file.attribute(node, "pandas_type") if "pandas_type" in node.attrs else None
    if kind not in ("frame", "frame_table"):
        return None
    if "metadata" in node.attrs:
        log.warning("%s[%s]: its metadata are a pickle and were left out", os.fspath(path), key)
    return Fixed(file, node, key, path) if kind == "frame" else Records(file, node, key, path)


class Frame:
    """A DataFrame in HDF5.

    Attributes
    ----------
    names : list of str
        Its columns.
    rows : int
        How many rows.
    meta : dict
        Empty: pandas pickles it.
    """

    names: list[str]
    rows: int

    def __init__(self, file: hdf5.Reader, key: str, path: str | os.PathLike[str]) -> None:
        self.key, self._file, self._path = key, file, path
        self.meta: Mapping[str, Any] = {}
        self._columns: dict[str, Callable[[slice], npt.NDArray[Any]]] = {}

    def size(self, names: list[str]) -> int:
        """Bytes in memory, roughly."""
        return self.rows * 8 * len(names)

    def pieces(self, names: list[str], part: slice) -> list[Piece]:
        """Return some columns of some rows."""
        return [self._piece(name, self._columns[name](part)) for name in names]

    def _piece(self, name: str, data: npt.NDArray[Any]) -> Piece:
        mask = None
        if data.dtype.kind == "S":
            data = np.char.decode(data, "utf-8")
            mask = data == "nan"  # so pandas writes a missing text
            mask = mask if mask.any() else None
        data = np.ascontiguousarray(data, data.dtype.newbyteorder("="))
        return Piece(Field(name, data.dtype.str[1:], data.shape[1:], masked=mask is not None), data, mask)

    def _child(self, name: str) -> Any:
        return self._file.node(f"{self.key}/{name}")

    def _text_list(self, node: Any, attribute: str) -> list[str]:
        value = node.attrs.get(attribute)
        raw = bytes(value) if isinstance(value, bytes | np.bytes_) else b""
        return list_of_text(raw, f"{self.key}@{attribute}", self._path)

    def _corrupt(self, what: str) -> CorruptInput:
        return CorruptInput(what, path=self._path, hdu=self.key)


class Fixed(Frame):
    """The layout ``fixed``."""

    def __init__(self, file: hdf5.Reader, node: Any, key: str, path: str | os.PathLike[str]) -> None:
        super().__init__(file, key, path)
        self.rows = len(self._child("axis1"))
        order = [str(name) for name in self._labels("axis0")]
        for number in range(int(file.attribute(node, "nblocks"))):
            items = [str(name) for name in self._labels(f"block{number}_items")]
            values = self._child(f"block{number}_values")
            for place, name in enumerate(items):
                self._columns[name] = self._getter(values, place, len(items), name)
        if sorted(order) != sorted(self._columns):
            raise self._corrupt("the blocks do not hold the columns that are declared")
        self.names = order
        index = self._index()
        if index is not None:
            self.names.insert(0, "index")
            self._columns["index"] = lambda part: index[part]

    def _labels(self, name: str) -> npt.NDArray[Any]:
        labels = self._file.load(self._child(name))
        return np.char.decode(labels, "utf-8") if labels.dtype.kind == "S" else labels

    def _index(self) -> npt.NDArray[Any] | None:
        """Return the row labels unless they are plain row numbers."""
        labels = self._file.load(self._child("axis1"))
        numbered = labels.dtype.kind in "iu" and np.array_equal(labels, np.arange(len(labels)))
        return None if numbered else labels

    def _getter(self, values: Any, place: int, count: int, name: str) -> Callable[[slice], npt.NDArray[Any]]:
        if values.attrs.get("PSEUDOATOM") is not None:
            return self._refuse(name)
        turned = bool(values.attrs.get("transposed", 1))
        if values.ndim != 2 or values.shape != ((self.rows, count) if turned else (count, self.rows)):
            raise self._corrupt(f"the block of column {name!r} has the wrong shape")
        dates = values.attrs.get("value_type", b"") in (b"datetime64", b"datetime64[ns]")

        def get(part: slice) -> npt.NDArray[Any]:
            data = self._file.load(values, (part, place) if turned else (place, part))
            return data.view("M8[ns]") if dates and data.dtype == "i8" else data

        return get

    def _refuse(self, name: str) -> Callable[[slice], npt.NDArray[Any]]:
        def get(part: slice) -> npt.NDArray[Any]:
            raise UnsafeInput(
                "this column is a pickle, which is never loaded",
                path=self._path,
                hdu=f"{self.key}/{name}",
                hint="choose other columns, or have pandas write it with format='table'",
            )

        return get


class Records(Frame):
    """The layout ``table``."""

    def __init__(self, file: hdf5.Reader, node: Any, key: str, path: str | os.PathLike[str]) -> None:
        super().__init__(file, key, path)
        table = self._child("table")
        file.check(table)
        self.rows = len(table)
        for field in table.dtype.names or ():
            if field.startswith("values_block_"):
                names = self._text_list(table, f"{field}_kind")
                if table.dtype[field].shape != (len(names),):
                    raise self._corrupt(f"{field} does not hold the columns that are declared")
                for place, name in enumerate(names):
                    self._columns[name] = self._getter(table, field, place)
            elif field != "index":
                self._columns[field] = self._getter(table, field, None)
        order = self._text_list(node, "non_index_axes")
        self.names = order if sorted(order) == sorted(self._columns) else list(self._columns)
        if self._labelled(table):
            self.names.insert(0, "index")
            self._columns["index"] = self._getter(table, "index", None)

    def _labelled(self, table: Any) -> bool:
        """Tell whether the rows have labels other than their numbers."""
        if "index" not in (table.dtype.names or ()):
            return False
        labels = table["index"]
        return not (labels.dtype.kind in "iu" and np.array_equal(labels, np.arange(len(labels))))

    def _getter(self, table: Any, field: str, place: int | None) -> Callable[[slice], npt.NDArray[Any]]:
        stated = table.attrs.get(f"{field}_dtype", b"")
        stated = stated.decode() if isinstance(stated, bytes) else str(stated)

        def get(part: slice) -> npt.NDArray[Any]:
            data = table.fields(field)[part]
            data = data if place is None else data[:, place]
            if stated == "bool":
                return data.astype(bool)
            return np.ascontiguousarray(data).view("M8[ns]") if stated.startswith("datetime64") else data

        return get


def list_of_text(raw: bytes, where: str, path: str | os.PathLike[str]) -> list[str]:
    """Return the texts of a pickled list of texts, by reading its bytes; nothing is executed.

    Raises
    ------
    UnsafeInput
        When there is anything in it that such a list does not need.
    CorruptInput
        When it is no whole pickle.
    """
    found = []
    try:
        for opcode, argument, _ in pickletools.genops(raw):
            if opcode.name in _TEXT:
                found.append(str(argument))
            elif opcode.name not in _SHAPE:
                raise UnsafeInput("a pickle where a list of names should be", path=path, hdu=where)
    except ValueError as error:
        if isinstance(error, UnsafeInput):
            raise
        raise CorruptInput(f"the names of the columns cannot be read ({error})", path=path, hdu=where) from error
    return found
