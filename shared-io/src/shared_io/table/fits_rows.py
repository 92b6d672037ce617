"""The rows of a FITS binary table -> columns, without astropy's detour over records."""

from __future__ import annotations

import os
import re
from typing import Any

import numpy as np
import numpy.typing as npt

from shared_io import limits
from shared_io.errors import CorruptInput
from shared_io.fits.checksum import check_sums
from shared_io.fits.read import load, quiet, translated
from shared_io.fits.stream import Stream
from shared_io.fits.structure import Block
from shared_io.fits.tables import FieldSpec, check_binary, fields
from shared_io.table import fits_columns, schema
from shared_io.table.schema import Field, Piece

__all__ = ["Rows"]

_DTYPES = {
    "L": "u1",
    "B": "u1",
    "X": "u1",
    "I": ">i2",
    "J": ">i4",
    "K": ">i8",
    "E": ">f4",
    "D": ">f8",
    "C": ">c8",
    "M": ">c16",
}
_UNSIGNED = {("I", 2**15): "u2", ("J", 2**31): "u4", ("K", 2**63): "u8"}
_DIM = re.compile(r"\(\s*\d+(?:\s*,\s*\d+)*\s*\)")


class Rows:
    """A binary table whose bytes have been verified.

    Attributes
    ----------
    names : list of str
        The columns.
    count : int
        The rows.
    meta : dict
        The metadata.
    """

    def __init__(self, stream: Stream, block: Block, path: str | os.PathLike[str]) -> None:
        from astropy.io.fits import Header

        self._block, self._path = block, path
        specs = fields(block, path)
        self._data = load(stream, block, path)
        check_sums(self._data, block, path)
        check_binary(self._data, block, path)
        with quiet(), translated(path, block):
            self._header = Header.fromstring(block.header)
            self._stated = [self._card(i, "TTYPE") or f"col{i}" for i in range(1, len(specs) + 1)]
        self._specs = specs
        self.count = block.shape[0]
        self._row = sum(spec.width for spec in specs)
        self._ours = fits_columns.decode_card(self._header, path)
        self._where = self._positions()
        self.names = list(self._where)
        self.meta: dict[str, Any] = self._ours["meta"] if self._ours else fits_columns.header_meta(self._header)
        limits.check_bytes(self.count * (self._row + len(specs)), path=path, hdu=block.place, what="a table")

    def pieces(self, names: list[str], part: slice) -> list[Piece]:
        """Return some columns of some rows."""
        with translated(self._path, self._block):
            return [self._piece(name, part) for name in names]

    def _positions(self) -> dict[str, tuple[int, Field | None, int | None]]:
        """Return for each column its place in the file, its description, and the place of its mask."""
        places = {name: i for i, name in reversed(list(enumerate(self._stated)))}
        if self._ours is None:
            found: dict[str, tuple[int, Field | None, int | None]] = {}
            for i, name in enumerate(self._stated):
                found[name if name not in found else f"{name}_{i + 1}"] = (i, None, None)
            return found
        try:
            masks = {int(k): places[v] for k, v in self._ours["masks"].items()}
            return {
                field.name: (places[name], field, masks.get(i))
                for i, (field, name) in enumerate(zip(self._ours["columns"], self._ours["names"], strict=True))
            }
        except (KeyError, ValueError, TypeError) as error:
            raise CorruptInput(
                "the columns are not those that were declared", path=self._path, hdu=self._block.place
            ) from error

    def _piece(self, name: str, part: slice) -> Piece:
        place, field, hidden = self._where[name]
        kind = "" if field is None else field.dtype[0]
        data, mask = self._column(place, part, kind)
        if field is None:
            unit = self._card(place + 1, "TUNIT")
            return Piece(
                Field(name, data.dtype.str[1:], data.shape[1:], unit or None, None, mask is not None),
                data,
                mask,
            )
        if np.dtype(field.dtype).kind in "SU" and self._ours and self.names.index(name) in self._ours["stops"]:
            data = np.array([text[:-1] for text in data.ravel()], dtype=data.dtype).reshape(data.shape)
        if hidden is not None:
            mask = self._column(hidden, part, "b")[0].reshape(part.stop - part.start, *field.shape)
        return Piece(field, schema.restore(data, field, self._path), mask)

    def _column(self, place: int, part: slice, kind: str) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]:
        spec = self._specs[place]
        if spec.variable:
            return self._variable(place, part), None
        if spec.code == "A":
            return self._strings(place, part, kind), None
        raw = self._raw(spec, part)
        if spec.code == "X":
            return np.unpackbits(raw, axis=1)[:, : spec.repeat].astype(bool), None
        shape = (len(raw), *self._shape(place))
        if spec.code == "L":
            return (raw == ord("T")).reshape(shape), None
        null = self._number(place, "TNULL") if spec.code in "BIJK" else None
        mask = None if null is None else (raw == null).reshape(shape)
        return self._scaled(raw, place).reshape(shape), mask

    def _raw(self, spec: FieldSpec, part: slice) -> npt.NDArray[Any]:
        """Return the elements of a column as they lie in the rows, native."""
        dtype = np.dtype(_DTYPES[spec.code])
        count = spec.width // dtype.itemsize
        return self._view(spec, dtype, count, part).astype(dtype.newbyteorder("="), order="C")

    def _view(self, spec: FieldSpec, dtype: np.dtype[Any], count: int, part: slice) -> npt.NDArray[Any]:
        """Return `count` elements of a row's field, for some rows, in place."""
        shape = (part.stop - part.start, count)
        if 0 in shape:
            return np.zeros(shape, dtype)
        return np.ndarray(shape, dtype, self._data, part.start * self._row + spec.offset, (self._row, dtype.itemsize))

    def _scaled(self, raw: npt.NDArray[Any], place: int) -> npt.NDArray[Any]:
        spec = self._specs[place]
        scale, zero = self._number(place, "TSCAL"), self._number(place, "TZERO")
        scale, zero = 1 if scale is None else scale, 0 if zero is None else zero
        if scale == 1 and zero == 0:
            return raw
        if scale == 1 and (spec.code, zero) in _UNSIGNED:
            dtype = np.dtype(_UNSIGNED[spec.code, zero])
            return raw.view(dtype) ^ dtype.type(2 ** (8 * dtype.itemsize - 1))
        if scale == 1 and (spec.code, zero) == ("B", -128):
            return (raw ^ np.uint8(128)).view("i1")
        return (raw if raw.dtype.kind in "fc" else raw.astype("f8")) * scale + zero

    def _strings(self, place: int, part: slice, kind: str) -> npt.NDArray[Any]:
        """Return text: of others without the blanks at its end, which FITS ignores; ours as it is."""
        spec = self._specs[place]
        count = part.stop - part.start
        shape = self._shape(place)
        width = spec.width // int(np.prod(shape, dtype=int)) if shape and 0 not in shape else spec.width
        if not width:
            return np.zeros((count, *shape), f"{kind or 'U'}1")
        text = self._view(spec, np.dtype(f"S{width}"), spec.width // width, part).copy().reshape(count, *shape)
        if kind == "S":
            return text
        try:
            decoded = np.char.decode(text, "utf-8")
        except UnicodeDecodeError:
            decoded = np.char.decode(text, "latin-1")
        return decoded if kind else np.char.rstrip(decoded, " ")

    def _variable(self, place: int, part: slice) -> npt.NDArray[Any]:
        """Return arrays of variable length as objects."""
        spec = self._specs[place]
        out = np.empty(part.stop - part.start, object)
        pairs = self._descriptors(spec, part)
        start = int(self._header.get("THEAP", self._row * self.count))
        letter = spec.variable
        for row, (length, offset) in enumerate(pairs):
            at = start + int(offset)
            if letter == "A":
                out[row] = self._data[at : at + length].tobytes().rstrip(b"\0 ").decode("latin-1")
                continue
            if letter == "X":
                out[row] = np.unpackbits(self._data[at : at - (-length // 8)])[:length].astype(bool)
                continue
            dtype = np.dtype(_DTYPES[letter])
            values = np.frombuffer(self._data, dtype, int(length), at) if length else np.zeros(0, dtype)
            out[row] = values == ord("T") if letter == "L" else self._scaled_like(values, place)
        return out

    def _scaled_like(self, values: npt.NDArray[Any], place: int) -> npt.NDArray[Any]:
        native = values.astype(values.dtype.newbyteorder("="))
        scale, zero = self._number(place, "TSCAL"), self._number(place, "TZERO")
        if scale in (None, 1) and zero in (None, 0):
            return native
        return native * (1 if scale is None else scale) + (0 if zero is None else zero)

    def _descriptors(self, spec: FieldSpec, part: slice) -> npt.NDArray[np.int64]:
        if not spec.repeat:
            return np.zeros((part.stop - part.start, 2), np.int64)
        dtype = np.dtype(">i4" if spec.code == "P" else ">i8")
        return self._view(spec, dtype, 2, part).astype(np.int64)

    def _shape(self, place: int) -> tuple[int, ...]:
        """Return the shape of a row's value: TDIMn turned round, where it fits."""
        spec = self._specs[place]
        text = self._card(place + 1, "TDIM")
        if text and _DIM.fullmatch(text.strip()):
            axes = tuple(int(n) for n in text.strip()[1:-1].split(","))
            if np.prod(axes, dtype=object) == spec.repeat:
                return tuple(reversed(axes[1:] if spec.code == "A" else axes))
        return () if spec.repeat == 1 or spec.code == "A" else (spec.repeat,)

    def _card(self, number: int, key: str) -> str:
        return str(self._header.get(f"{key}{number}", "")).strip()

    def _number(self, place: int, key: str) -> Any:
        value = self._header.get(f"{key}{place + 1}")
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise CorruptInput(f"{key}{place + 1} is not a number", path=self._path, hdu=self._block.place)
        return value
