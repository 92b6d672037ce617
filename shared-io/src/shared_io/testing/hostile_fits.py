"""FITS files that nobody wrote by mistake: impossible sizes, lost cards, descriptors, bombs, endless HDUs."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from shared_io.testing import readers
from shared_io.testing.damage import Case
from shared_io.testing.fits_bytes import BLOCK, PRIMARY, binary_table, card, extension, header, image, padded

__all__ = ["cases", "descriptors", "tiles"]

_EVIL = (-1, 10**6, 2**31, 2**32 + 1, 2**63 - 1, 2**63, 10**18, 10**25, "1E3", "T", "'x'", "", "NaN", "4.0", None)
_IMAGE_CARDS = ("SIMPLE", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2")
_TABLE_CARDS = ("XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "PCOUNT", "GCOUNT", "TFIELDS", "TFORM1", "TFORM3")
_TILE_CARDS = ("ZBITPIX", "ZNAXIS", "ZNAXIS1", "ZNAXIS2", "ZTILE1", "ZTILE2", "ZCMPTYPE")
_MANY = 100_000
_BOTH = (*readers.FITS, readers.one_table, readers.in_batches)


def cases() -> list[Case]:
    """Return them all."""
    found = [Case("FITS cards", what, "a.fits", _writer(raw), _BOTH) for what, raw in _cards()]
    found += [Case("FITS structure", what, "a.fits", _writer(raw), _BOTH) for what, raw in _structures()]
    found += [Case("FITS structure", what, "a.fits", _writer(raw), _BOTH[1:]) for what, raw in _heaps()]
    found += [
        Case("FITS bombs", what, "a.fits", lambda path, make=make: path.write_bytes(make()), _BOTH["tile" in what :])  # type: ignore[misc]
        for what, make in _bombs().items()
    ]
    return found


def _writer(raw: bytes) -> Callable[[Path], int]:
    return lambda path: path.write_bytes(raw)


def _cards() -> Iterator[tuple[str, bytes]]:
    """Yield files in which one card says what cannot be."""
    for value in _EVIL:
        for key in _IMAGE_CARDS:
            if (key, value) not in {("SIMPLE", "T")}:
                yield f"image with {key} = {value}", image({key: value})
        for key in _TABLE_CARDS:
            if (key, value) not in {("GCOUNT", None), ("PCOUNT", None), ("TFORM1", ""), ("XTENSION", "'x'")}:
                yield f"table with {key} = {value}", binary_table({key: value})
        for key in _TILE_CARDS:
            if value is not None or not key.startswith("ZTILE"):
                yield f"tiles with {key} = {value}", tiles({key: value})
    for form in ("Y", "999999999999E", "-1E", "1PE(", "2PE(9)", "PQ(9)", "QZ", "1e9E", "1X1X"):
        yield f"TFORM1 = {form}", binary_table({"TFORM1": f"'{form:8}'"})


def _structures() -> Iterator[tuple[str, bytes]]:
    whole = image()
    yield "no END", whole.replace(b"END ", b"FOO ", 1)
    yield "END moved", whole.replace(b"END" + b" " * 77, b" END" + b" " * 76, 1)
    yield "header cut in the middle of a card", whole[:1000]
    yield "END and nothing else", b"END".ljust(BLOCK)
    yield "two SIMPLE", whole + whole
    yield "extension alone", extension()
    yield "junk behind", whole + b"junk" * 5000
    yield "zeros behind", whole + bytes(BLOCK * 50)
    yield "extension without XTENSION", whole + header({"BITPIX": 8, "NAXIS": 0})
    strange = {"XTENSION": "'FOREIGN '", "NAXIS": 1, "NAXIS1": 10**12}
    yield "extension of an unknown kind that is huge", PRIMARY + extension(strange)
    groups = {"NAXIS": 2, "NAXIS1": 0, "NAXIS2": 9, "GROUPS": "T", "PCOUNT": 3, "GCOUNT": 10**15}
    yield "random groups without end", header({"SIMPLE": "T", "BITPIX": 8, **groups})
    yield "NAXIS = 999", header({"SIMPLE": "T", "BITPIX": 8, "NAXIS": 999} | {f"NAXIS{i}": 2 for i in range(1, 1000)})
    twice = (card("NAXIS1", 41).ljust(80) + "END".ljust(80)).encode()
    yield "NAXIS1 twice", whole.replace(b"END".ljust(80), twice, 1)[:BLOCK] + whole[BLOCK:]
    for name in ("SCI", "PRIMARY", ""):
        twins = extension({"EXTNAME": f"'{name:8}'"}) * 2
        yield f"two extensions named {name!r} and a cut one", PRIMARY + twins + extension()[:-1]
    yield "binary in the header", PRIMARY[:80] + bytes(range(256)) * 5 + PRIMARY[1360:]


def _heaps() -> Iterator[tuple[str, bytes]]:
    """Yield tables whose headers are sound."""
    for start, length in ((0, 10**6), (-1, 1), (2**31 - 1, 1), (0, -1), (0, 2**31 - 1)):
        yield f"descriptor ({length}, {start})", descriptors(20, length, start)
    yield "heap shared by many rows", descriptors(9000, 200_000, 0, heap=800_000)
    yield "THEAP in the rows", binary_table({"THEAP": 5}, heap=b"abcd")


def descriptors(rows: int, length: int, start: int, heap: int = 400) -> bytes:
    """Return a table whose arrays of variable length lie where no heap is, or all at one place."""
    raw = bytearray(binary_table(rows=rows, heap=b"\1" * heap))
    at = raw.index(b"\x3f\xc0\0\0")
    pair = np.array([length, start], ">i4").tobytes()
    for row in range(rows):
        raw[at + 16 * row + 8 : at + 16 * row + 16] = pair
    return bytes(raw)


def tiles(changes: dict[str, object], tile: bytes = b"not compressed at all") -> bytes:
    """Return a file with a tile-compressed image of one tile."""
    cards: dict[str, object] = {
        "XTENSION": "'BINTABLE'", "BITPIX": 8, "NAXIS": 2, "NAXIS1": 8, "NAXIS2": 1, "PCOUNT": len(tile),
        "GCOUNT": 1, "TFIELDS": 1, "TTYPE1": "'COMPRESSED_DATA'", "TFORM1": "'1PB     '", "ZIMAGE": "T",
        "ZCMPTYPE": "'GZIP_1  '", "ZBITPIX": 16, "ZNAXIS": 2, "ZNAXIS1": 40, "ZNAXIS2": 30, "ZTILE1": 40,
        "ZTILE2": 30,
    }  # fmt: skip
    cards = {key: value for key, value in (cards | changes).items() if value is not None}
    return PRIMARY + header(cards) + padded(np.array([len(tile), 0], ">i4").tobytes() + tile)


def _bombs() -> dict[str, Callable[[], bytes]]:
    return {
        "100,000 HDUs": lambda: PRIMARY + extension() * _MANY,
        "100,000 HDUs in gzip": lambda: _packed(PRIMARY, extension(), _MANY),
        "gzip of zeros without end": lambda: _packed(image(), bytes(2**20), 3000),
        "gzip of a header without end": lambda: _packed(PRIMARY.replace(b"END", b"   "), b" " * 2**20, 300),
        "gzip of a large image of zeros": lambda: _packed(
            image({"NAXIS1": 40_000, "NAXIS2": 40_000})[:BLOCK], bytes(2**20), 7000
        ),
        "gzip in gzip": lambda: gzip.compress(_packed(PRIMARY, bytes(2**20), 100)),
        "a header of 20 MiB": lambda: PRIMARY.replace(b"END", b"   ") + b"COMMENT".ljust(80) * (20 * 2**20 // 80),
        "a tile that expands to 1 GiB": lambda: tiles({}, _packed(b"", bytes(2**20), 1024)),
        "tiles of a vast image": lambda: tiles({"ZNAXIS1": 10**6, "ZNAXIS2": 10**6}),
        "a tile of 1.6 GB declared": lambda: tiles(
            {"ZNAXIS1": 20_000, "ZNAXIS2": 40_000, "ZTILE1": 20_000, "ZTILE2": 40_000}
        ),
        "bzip2": lambda: b"BZh91AY&SY" + bytes(5000),
    }


def _packed(head: bytes, piece: bytes, count: int) -> bytes:
    """Return gzip of a head and of many equal pieces, made without holding them all."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    parts = [packer.compress(head), *(packer.compress(piece) for _ in range(count)), packer.flush()]
    return b"".join(parts)
