"""Columns -> FITS: the nearest thing that FITS has, and a card that tells the rest.

The card ``SIOTABLE`` of the table's header holds JSON: the exact columns, the metadata, which columns of
booleans are the masks of others (whole numbers use TNULL instead where they can), and which texts end with a
full stop that is not theirs (it keeps blanks at the end, which FITS ignores).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from shared_io.errors import CorruptInput, SchemaMismatch
from shared_io.table import schema
from shared_io.table.schema import Field, Piece

if TYPE_CHECKING:
    from astropy.io.fits import Header

__all__ = ["CARD", "decode_card", "header_meta", "to_hdu"]

CARD = "SIOTABLE"
_CODES = {"b1": "L", "u1": "B", "i2": "I", "i4": "J", "i8": "K", "f4": "E", "f8": "D", "c8": "C", "c16": "M"}
_UNSIGNED = {"u2": ("I", 2**15), "u4": ("J", 2**31), "u8": ("K", 2**63)}
_SIGNED_BYTE = ("B", -128)
_NAME = re.compile(r"[A-Za-z_](?:[ -%(-~]{0,60}[!-%(-~])?", re.ASCII)  # no quotes and ampersands
_KEYWORD = re.compile(r"[A-Z0-9_\-]{1,8}", re.ASCII)
_RESERVED = re.compile(
    r"SIMPLE|XTENSION|BITPIX|NAXIS\d*|[PG]COUNT|TFIELDS|THEAP|EXT(NAME|VER|LEVEL|END)|END|CONTINUE|COMMENT|HISTORY"
    r"|CHECKSUM|DATASUM|BLANK|BSCALE|BZERO|GROUPS|HIERARCH|DATE|PROV\w+|SIO\w*|INHERIT|Z\w*"
    r"|T(TYPE|FORM|UNIT|NULL|SCAL|ZERO|DISP|BCOL|DIM|COMM|UCD)\d+|"
)


def to_hdu(found: Sequence[Piece], meta: Mapping[str, Any], key: str | None, path: str | os.PathLike[str]) -> Any:
    """Return an astropy BinTableHDU.

    Raises
    ------
    SchemaMismatch
        When FITS cannot hold it.
    """
    from astropy.io import fits

    if len(found) > 999:
        raise SchemaMismatch(f"{len(found)} columns; FITS holds 999 at most", path=path, hint="write Parquet")
    columns, masks = [], {}
    names = _names(found)
    for number, (piece, name) in enumerate(zip(found, names, strict=True)):
        null, hidden = _null(piece)
        columns.append(_column(piece, name, null))
        if hidden is not None:
            masks[str(number)] = f"{name[:60]}.mask"
            columns.append(fits.Column(masks[str(number)], f"{_repeat(hidden)}L", array=hidden, dim=_dim(hidden)))
    rows = len(found[0].data) if found else 0
    hdu = fits.BinTableHDU.from_columns(columns, nrows=rows, name=key)
    for card, value in meta.items():
        if _is_card(card, value):
            hdu.header[card] = value
    stops = [i for i, piece in enumerate(found) if _ends_blank(schema.storable(piece))]
    content = {
        "columns": schema.encode_fields(found),
        "names": names,
        "masks": masks,
        "stops": stops,
        "meta": dict(meta),
    }
    text = schema.dump(content, path)
    for character in " '&":  # what the splitting into cards could touch
        text = text.replace(character, f"\\u{ord(character):04x}")
    hdu.header[CARD] = text
    return hdu


def decode_card(header: Header, path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Return what the card says, or None if there is none.

    Raises
    ------
    CorruptInput
        When it is damaged.
    """
    if CARD not in header:
        return None
    content = schema.decode_meta(str(header[CARD]), path)
    wanted = {"columns": list, "names": list, "masks": dict, "stops": list, "meta": dict}
    if not isinstance(content, dict) or not all(isinstance(content.get(k), t) for k, t in wanted.items()):
        raise CorruptInput(f"the card {CARD} is damaged", path=path)
    content["columns"] = schema.decode_fields(content["columns"], path)
    if len(content["names"]) != len(content["columns"]):
        raise CorruptInput(f"the card {CARD} is damaged", path=path)
    return content


def header_meta(header: Header) -> dict[str, Any]:
    """Return the cards of a table that are not about its structure, as metadata."""
    meta: dict[str, Any] = {}
    for card in header.cards:
        if _RESERVED.fullmatch(card.keyword) or card.keyword in meta:
            continue
        value = card.value
        if isinstance(value, str | bool | int | float):
            meta[card.keyword] = value
    for keyword in ("COMMENT", "HISTORY"):
        if keyword in header:
            meta[keyword] = [str(line) for line in header[keyword]]
    return meta


def _names(found: Sequence[Piece]) -> list[str]:
    """Return names that FITS can hold: its own where it can, for FITS does not tell A from a."""
    taken: set[str] = set()
    names = []
    for number, piece in enumerate(found):
        name = piece.field.name
        if not _NAME.fullmatch(name) or name.lower() in taken or name.lower().endswith(".mask"):
            name = f"column.{number}"
        taken.add(name.lower())
        names.append(name)
    return names


def _column(piece: Piece, name: str, null: int | None) -> Any:
    from astropy.io import fits

    data = schema.storable(piece)
    if null is not None and piece.mask is not None:
        data[piece.mask] = null
    if data.dtype == np.float16:
        data = data.astype("f4")
    zero = None
    if data.dtype.kind in "SU":
        data = _bytes(data)
        width = data.dtype.itemsize
        form, dim = f"{width * _repeat(data)}A", _dim(data, width)
    else:
        code = data.dtype.str[1:]
        letter, zero = _SIGNED_BYTE if code == "i1" else _UNSIGNED.get(code, (_CODES.get(code, ""), None))
        form, dim = f"{_repeat(data)}{letter}", _dim(data)
    return fits.Column(name, form, unit=_unit(piece.field), null=null, bzero=zero, dim=dim, array=data)


def _bytes(data: npt.NDArray[Any]) -> npt.NDArray[np.bytes_]:
    """Return text in UTF-8, a full stop behind it where FITS would lose blanks."""
    encoded = np.char.encode(data, "utf-8") if data.dtype.kind == "U" else data
    if _ends_blank(data):
        encoded = np.char.add(encoded, b".")
    return encoded.astype(f"S{max(1, encoded.dtype.itemsize)}")


def _ends_blank(data: npt.NDArray[Any]) -> bool:
    return data.dtype.kind in "SU" and bool((np.char.rstrip(data) != data).any())


def _null(piece: Piece) -> tuple[int | None, npt.NDArray[np.bool_] | None]:
    """Return the number that stands for missing, or the mask to write beside the column."""
    if piece.mask is None:
        return None, None
    if piece.field.dtype in ("u1", "i2", "i4", "i8"):
        ends = np.iinfo(piece.field.dtype)
        shown = piece.data[~piece.mask]
        for value in (int(ends.min), int(ends.max)):
            if not (shown == value).any():
                return value, None
    return None, piece.mask


def _repeat(data: npt.NDArray[Any]) -> int:
    return int(np.prod(data.shape[1:], dtype=int))


def _dim(data: npt.NDArray[Any], width: int | None = None) -> str | None:
    axes = [] if width is None else [width]
    axes += reversed(data.shape[1:])
    return f"({','.join(map(str, axes))})" if data.ndim > 1 and 0 not in data.shape[1:] else None


def _unit(field: Field) -> str | None:
    from astropy.units import Unit

    if field.unit is None:
        return None
    try:
        return Unit(field.unit).to_string("fits")
    except ValueError:
        return field.unit if field.unit.isascii() and field.unit.isprintable() else None


def _is_card(key: object, value: object) -> bool:
    """Tell whether a piece of metadata can be a plain card as well."""
    if not isinstance(key, str) or not _KEYWORD.fullmatch(key) or _RESERVED.fullmatch(key):
        return False
    if isinstance(value, str):
        return value.isascii() and value.isprintable() and len(value) < 60
    return isinstance(value, bool | int) or (isinstance(value, float) and bool(np.isfinite(value)))
