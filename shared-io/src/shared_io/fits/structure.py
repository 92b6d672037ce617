"""The skeleton of a FITS file: every header read and every size computed before any data is touched."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass

from shared_io import _source, limits
from shared_io.errors import CorruptInput, InputTooLarge
from shared_io.fits.stream import Stream

__all__ = ["BLOCK", "OURS", "STRUCTURAL", "Block", "describe", "walk"]

BLOCK = 2880
OURS = "FITS standard 4.4.2.7"  # in the comments of the checksum cards that we write
_CARD = 80
_FILLING = 10  # blocks of zeros or blanks after the last HDU, as tapes left them
_INTEGER = re.compile(r"\s*([+-]?\d{1,19})\s*(?:/.*)?$", re.DOTALL)
_LOGICAL = re.compile(r"\s*([TF])\s*(?:/.*)?$", re.DOTALL)
_STRING = re.compile(r"\s*'((?:[^']|'')*)'", re.DOTALL)
STRUCTURAL = re.compile(
    rb"(SIMPLE|XTENSION|BITPIX|NAXIS\d{0,3}|PCOUNT|GCOUNT|GROUPS|TFIELDS|THEAP|TFORM\d{1,3}|TBCOL\d{1,3}"
    rb"|EXTNAME|EXTVER|ZIMAGE|ZTABLE|ZCMPTYPE|ZBITPIX|ZNAXIS\d{0,3}|ZTILE\d{1,3}"
    rb"|DATASUM|CHECKSUM|NEXTEND|BSCALE|BZERO|BLANK) *="
)
_HARMLESS = {"EXTNAME", "EXTVER", "NEXTEND", "BSCALE", "BZERO", "BLANK"}  # given twice, the first counts
_COMPRESSIONS = {"GZIP_1", "GZIP_2", "RICE_1", "RICE_ONE", "PLIO_1", "HCOMPRESS_1", "NOCOMPRESS"}
_KINDS = {"IMAGE": "image", "IUEIMAGE": "image", "TABLE": "ascii", "BINTABLE": "table", "A3DTABLE": "table"}


@dataclass(frozen=True)
class Block:
    """One HDU as it lies in the file.

    Attributes
    ----------
    index
        Position in the file, from 0.
    kind
        ``image``, ``table``, ``ascii``, ``compressed``, ``groups`` or ``other``.
    name, ver
        EXTNAME (``PRIMARY`` for a first HDU without one) and EXTVER.
    header
        The raw header, whole blocks.
    offset
        Where the data begin, bytes from the start of the (decompressed) file.
    size
        Bytes of data without the filling.
    cards
        The values of the keywords that decide about sizes, as text.
    shape
        Of the array (numpy order), or (rows,) of a table.
    bitpix
        Bits a pixel; negative for floats.
    """

    index: int
    kind: str
    name: str
    ver: int
    header: bytes
    offset: int
    size: int
    cards: dict[str, str]
    shape: tuple[int, ...]
    bitpix: int

    @property
    def place(self) -> str | int:
        """How to call it in a message."""
        return self.name or self.index

    @property
    def start(self) -> int:
        """Where the header begins, bytes from the start of the (decompressed) file."""
        return self.offset - len(self.header)

    @property
    def padded(self) -> int:
        """Bytes of data with the filling up to a whole block."""
        return -(-self.size // BLOCK) * BLOCK


def walk(stream: Stream, path: str | os.PathLike[str]) -> tuple[Block, ...]:
    """Read all headers and check that the file holds all that they declare.

    Parameters
    ----------
    stream
        The bytes, decompressed if need be.
    path
        For messages.

    Raises
    ------
    CorruptInput
        When it is no FITS file, is truncated, has an impossible header, or goes on with something else.
    InputTooLarge
        When it declares more than the limits allow.
    """
    blocks: list[Block] = []
    offset = 0
    while True:
        head = stream.read(offset, BLOCK)
        if blocks and _is_filling(stream, offset, head, path, len(blocks)):
            _check_count(blocks, path)
            return tuple(blocks)
        if len(blocks) >= limits.current().hdus:
            raise InputTooLarge(f"more than {limits.current().hdus} HDUs", path=path)
        header = _read_header(stream, offset, head, path, len(blocks))
        block = describe(header, offset + len(header), path, len(blocks))
        if stream.compressed:
            limits.check_expansion(block.offset + block.size, stream.stored, path=path, hdu=block.place)
        if not stream.holds(block.offset, block.size):
            raise CorruptInput(
                f"truncated: {block.size} bytes of data are declared, {stream.left(block.offset)} are there",
                path=path,
                hdu=block.place,
                hint="fetch or copy the file again",
            )
        blocks.append(block)
        offset = block.offset + block.padded


def _check_count(blocks: list[Block], path: str | os.PathLike[str]) -> None:
    """Refuse a file that has lost extensions at its end, where the primary header is ours and counts them."""
    cards = blocks[0].cards
    stated = cards.get("NEXTEND", "").partition("/")[0].strip()
    if OURS in cards.get("CHECKSUM", "") and stated.isdigit() and int(stated) > len(blocks) - 1:
        raise CorruptInput(
            f"truncated: {stated} extensions are declared (NEXTEND), {len(blocks) - 1} are there",
            path=path,
            hint="fetch or copy the file again; if you removed some, set NEXTEND",
        )


def _is_filling(stream: Stream, offset: int, head: bytes, path: str | os.PathLike[str], count: int) -> bool:
    """Tell whether the file ends at `offset`, or refuse what follows the last HDU."""
    if not head:
        return True
    if head.startswith(b"XTENSION"):
        return False
    rest = stream.read(offset, BLOCK * _FILLING + 1)
    if len(rest) <= BLOCK * _FILLING and not rest.strip(b"\0 "):
        return True
    raise CorruptInput(
        f"what follows HDU {count - 1} (byte {offset}) is not a FITS extension",
        path=path,
        hint="the file was damaged or something was appended to it",
    )


def _read_header(stream: Stream, offset: int, head: bytes, path: str | os.PathLike[str], index: int) -> bytes:
    first = b"XTENSION=" if index else b"SIMPLE  ="
    if not head:
        raise CorruptInput("the file is empty", path=path, hint="fetch or copy the file again")
    if not head.startswith(first):
        raise CorruptInput(
            f"not a FITS file but {_source.describe(head)}"
            if not index
            else "the extension does not begin with XTENSION",
            path=path,
            hdu=index or None,
        )
    cap = limits.current().header_bytes
    pieces = [head]
    size = len(head)
    while not _has_end(pieces[-1]):
        piece = stream.read(offset + size, BLOCK)
        if len(piece) < BLOCK or len(pieces[-1]) < BLOCK:
            raise CorruptInput("the header has no END: the file is truncated or damaged", path=path, hdu=index)
        pieces.append(piece)
        size += BLOCK
        if size > cap:
            raise InputTooLarge(f"a header of more than {cap} bytes", path=path, hdu=index)
    if len(pieces[-1]) < BLOCK:
        raise CorruptInput("truncated within the header", path=path, hdu=index)
    return b"".join(pieces)


def _has_end(block: bytes) -> bool:
    at = block.find(b"END     ")
    while at != -1:
        if at % _CARD == 0 and not block[at + 3 : at + _CARD].strip():
            return True
        at = block.find(b"END     ", at + 1)
    return False


def describe(header: bytes, offset: int, path: str | os.PathLike[str], index: int) -> Block:
    """Return what a header declares; only its cards that match `STRUCTURAL` decide.

    Raises
    ------
    CorruptInput
        When it is impossible.
    InputTooLarge
        When it declares more than the limits allow.
    """
    cards = _structural(header, path, index)
    get = _Getter(cards, path, index)
    bitpix = get.integer("BITPIX")
    if bitpix not in (8, 16, 32, 64, -32, -64):
        raise CorruptInput(f"BITPIX = {bitpix} is not possible", path=path, hdu=index)
    axes = get.axes("NAXIS")
    if index == 0 and not get.logical("SIMPLE"):
        raise CorruptInput("SIMPLE = F: the file says itself that it does not follow the standard", path=path, hdu=0)
    groups = index == 0 and get.logical("GROUPS", default=False) and bool(axes) and axes[0] == 0
    pcount, gcount = get.integer("PCOUNT", default=0), get.integer("GCOUNT", default=1)
    if pcount < 0 or gcount < 0:
        raise CorruptInput("PCOUNT or GCOUNT is negative", path=path, hdu=index)
    if index == 0 and not groups:
        pcount, gcount = 0, 1
    elements = math.prod(axes[1:] if groups else axes) if axes else 0
    size = abs(bitpix) // 8 * gcount * (pcount + elements) if axes else 0
    xtension = get.text("XTENSION") if index else "IMAGE"
    kind = "groups" if groups else _KINDS.get(xtension, "other")
    if kind == "table" and get.logical("ZIMAGE", default=False):
        kind = "compressed"
    name = get.text("EXTNAME", default="") or ("" if index else "PRIMARY")
    shape = tuple(reversed(axes)) if kind in ("image", "groups", "other") else _table_shape(axes, path, index)
    block = Block(
        index,
        kind,
        name.upper().strip(),
        get.integer("EXTVER", default=1),
        header,
        offset,
        size,
        cards,
        shape,
        bitpix,
    )
    limits.check_bytes(size, path=path, hdu=block.place)
    if kind == "compressed":
        return _compressed(block, get, path)
    return block


def _table_shape(axes: tuple[int, ...], path: str | os.PathLike[str], index: int) -> tuple[int, ...]:
    if len(axes) != 2:
        raise CorruptInput(f"a table with NAXIS = {len(axes)}", path=path, hdu=index)
    return (axes[1],)


def _compressed(block: Block, get: _Getter, path: str | os.PathLike[str]) -> Block:
    """Check what a tile-compressed image will be once it is decompressed."""
    bitpix = get.integer("ZBITPIX")
    if bitpix not in (8, 16, 32, 64, -32, -64):
        raise CorruptInput(f"ZBITPIX = {bitpix} is not possible", path=path, hdu=block.index)
    axes = get.axes("ZNAXIS")
    if get.text("ZCMPTYPE") not in _COMPRESSIONS:
        raise CorruptInput(f"ZCMPTYPE = {get.text('ZCMPTYPE')!r} is not known", path=path, hdu=block.index)
    size = abs(bitpix) // 8 * math.prod(axes)
    tiles = 1
    for number, axis in enumerate(axes, 1):
        tile = get.integer(f"ZTILE{number}", default=axis if number == 1 else 1)
        if not 0 < tile <= max(axis, 1):
            raise CorruptInput(f"ZTILE{number} = {tile} does not fit the image", path=path, hdu=block.index)
        tiles *= -(-axis // tile)
    limits.check_bytes(size, path=path, hdu=block.place)
    limits.check_expansion(size, block.size, path=path, hdu=block.place)
    if axes and tiles != block.shape[0]:
        raise CorruptInput(f"{block.shape[0]} tiles, not {tiles}", path=path, hdu=block.place)
    return Block(**{**vars(block), "shape": tuple(reversed(axes)), "bitpix": bitpix})


def _structural(header: bytes, path: str | os.PathLike[str], index: int) -> dict[str, str]:
    cards: dict[str, str] = {}
    for start in range(0, len(header), _CARD):
        card = header[start : start + _CARD]
        if card.startswith(b"END     ") and not card[3:].strip():
            break
        if b"\0" in card:
            raise CorruptInput("the header holds something else than text", path=path, hdu=index)
        found = STRUCTURAL.match(card)
        if not found or found.end() > 9:
            continue
        key, value = found[1].decode("ascii"), card[9:].decode("latin-1")
        if key not in cards:
            cards[key] = value
        elif key not in _HARMLESS and _bare(cards[key]) != _bare(value):
            raise CorruptInput(f"the header gives {key} twice, with different values", path=path, hdu=index)
    return cards


def _bare(value: str) -> str:
    return value.partition("/")[0].strip()


@dataclass(frozen=True)
class _Getter:
    """Values of structural keywords, or errors that name them."""

    cards: dict[str, str]
    path: str | os.PathLike[str]
    index: int

    def integer(self, key: str, default: int | None = None) -> int:
        found = _INTEGER.match(self._card(key, default))
        if not found:
            raise CorruptInput(f"{key} is not an integer", path=self.path, hdu=self.index)
        return int(found[1])

    def logical(self, key: str, default: bool | None = None) -> bool:
        found = _LOGICAL.match(self._card(key, None if default is None else "FT"[default]))
        if not found:
            raise CorruptInput(f"{key} is neither T nor F", path=self.path, hdu=self.index)
        return found[1] == "T"

    def text(self, key: str, default: str | None = None) -> str:
        found = _STRING.match(self._card(key, None if default is None else f"'{default}'"))
        if not found:
            raise CorruptInput(f"{key} is not a string", path=self.path, hdu=self.index)
        return found[1].replace("''", "'").rstrip()

    def axes(self, key: str) -> tuple[int, ...]:
        count = self.integer(key)
        if not 0 <= count <= 999:
            raise CorruptInput(f"{key} = {count} is not possible", path=self.path, hdu=self.index)
        axes = tuple(self.integer(f"{key}{i}") for i in range(1, count + 1))
        if any(axis < 0 for axis in axes):
            raise CorruptInput(f"a negative {key}n", path=self.path, hdu=self.index)
        return axes

    def _card(self, key: str, default: object) -> str:
        if key in self.cards:
            return self.cards[key]
        if default is None:
            raise CorruptInput(f"the header has no {key}", path=self.path, hdu=self.index)
        return str(default)
