"""A digest of a Parquet file's footer, which the checksums of its pages do not cover.

Between the last page and the footer, where the format leaves room, we put a block that no other reader
looks at::

    pages | a sum (u8) for each column chunk | their count (u4) | sha256 | "SIOSEAL1"
          | footer | its length (u4) | "PAR1"

The sha256 is over the sums, their count and the footer. The footer itself says under the key
``shared_io.seal`` that there is a block. An altered footer does not fit the digest; a footer found at the
wrong place, or one whose block was lost, promises a block that is not there. The sums (of the 64-bit words
of a column chunk, modulo 2^64) cover the headers of the pages, which the checksums of the pages do not.
"""

from __future__ import annotations

import hashlib
import os
import struct
from typing import Any, BinaryIO

import numpy as np

from shared_io import limits
from shared_io.errors import CorruptInput, InputTooLarge

__all__ = ["KEY", "Seal", "chunk_ranges", "read_seal", "seal"]

KEY = b"shared_io.seal"
_MAGIC = b"SIOSEAL1"
_TAIL = struct.Struct("<I32s8s")
_PIECE = 2**22


class Seal:
    """The block of a sealed file.

    Parameters
    ----------
    sums
        For each column chunk, row group by row group.
    """

    def __init__(self, sums: list[int], columns: int) -> None:
        self._sums = sums
        self._columns = columns

    def verify(
        self, file: BinaryIO, metadata: Any, group: int, columns: list[int], path: str | os.PathLike[str]
    ) -> None:
        """Verify the bytes of some columns of a row group.

        Raises
        ------
        CorruptInput
            When they were altered.
        """
        for column in columns:
            start, length = chunk_ranges(metadata, group)[column]
            if _sum(file, start, length) != self._sums[group * self._columns + column]:
                raise CorruptInput(
                    f"row group {group} was altered or damaged",
                    path=path,
                    hdu=metadata.row_group(group).column(column).path_in_schema,
                    hint="fetch or copy the file again",
                )


def seal(file: BinaryIO, metadata: Any) -> None:
    """Put the block into a finished file, in place.

    Parameters
    ----------
    file
        The file, open for reading and writing.
    metadata
        Its footer, as pyarrow reads it.
    """
    footer, start = _footer(file)
    sums = [_sum(file, *span) for group in range(metadata.num_row_groups) for span in chunk_ranges(metadata, group)]
    block = struct.pack(f"<{len(sums)}Q", *sums)
    count = struct.pack("<I", len(sums))
    digest = hashlib.sha256(block + count + footer).digest()
    file.seek(start)
    file.write(block + count + digest + _MAGIC + footer + struct.pack("<I", len(footer)) + b"PAR1")
    file.flush()


def read_seal(file: BinaryIO, metadata: Any, path: str | os.PathLike[str]) -> Seal | None:
    """Return the verified block of a file, or None where its footer does not promise one.

    Raises
    ------
    CorruptInput
        When the footer was altered.
    """
    promised = KEY in (metadata.metadata or {})
    footer, start = _footer(file)
    tail = os.pread(file.fileno(), _TAIL.size, max(0, start - _TAIL.size))
    if len(tail) < _TAIL.size or tail[-len(_MAGIC) :] != _MAGIC:
        if promised:
            raise CorruptInput("the footer was altered or damaged (its seal is lost)", path=path)
        return None
    count, digest, _ = _TAIL.unpack(tail)
    size = 8 * count
    block = os.pread(file.fileno(), size, start - _TAIL.size - size) if size < start - _TAIL.size else b""
    if hashlib.sha256(block + tail[:4] + footer).digest() != digest or len(block) != size:
        raise CorruptInput("the footer was altered or damaged", path=path, hint="fetch or copy the file again")
    columns = metadata.num_columns
    if count != columns * metadata.num_row_groups:
        raise CorruptInput("the seal does not belong to this footer", path=path)
    return Seal(list(struct.unpack(f"<{count}Q", block)), columns)


def check_footer(file: BinaryIO, path: str | os.PathLike[str]) -> None:
    """Check the ends of the file and the length of the footer before it is parsed.

    Raises
    ------
    CorruptInput, InputTooLarge
        When this is no whole Parquet file.
    """
    size = os.fstat(file.fileno()).st_size
    ends = os.pread(file.fileno(), 4, 0), os.pread(file.fileno(), 8, max(0, size - 8))
    if size < 12 or ends[0] != b"PAR1" or ends[1][4:] != b"PAR1":
        raise CorruptInput(
            "no whole Parquet file: truncated or damaged", path=path, hint="fetch or copy the file again"
        )
    length = struct.unpack("<I", ends[1][:4])[0]
    if length > size - 12:
        raise CorruptInput("the footer does not fit into the file", path=path)
    if length > 4 * limits.current().header_bytes:
        raise InputTooLarge(f"a footer of {length} bytes", path=path)


def chunk_ranges(metadata: Any, group: int) -> list[tuple[int, int]]:
    """Return where the column chunks of a row group lie: (start, length) in bytes."""
    ranges = []
    for index in range(metadata.num_columns):
        chunk = metadata.row_group(group).column(index)
        # Without values there may be no page of them, but still one of a dictionary.
        starts = [chunk.data_page_offset] if chunk.num_values or chunk.data_page_offset else []
        if chunk.has_dictionary_page and chunk.dictionary_page_offset:
            starts.append(chunk.dictionary_page_offset)
        ranges.append((min(starts, default=0), chunk.total_compressed_size))
    return ranges


def _footer(file: BinaryIO) -> tuple[bytes, int]:
    size = os.fstat(file.fileno()).st_size
    length = struct.unpack("<I", os.pread(file.fileno(), 4, size - 8))[0]
    start = size - 8 - length
    return os.pread(file.fileno(), length, start), start


def _sum(file: BinaryIO, start: int, length: int) -> int:
    """Return the sum of the 64-bit words (little-endian, filled up with zeros) modulo 2^64."""
    total = 0
    for at in range(start, start + length, _PIECE):
        piece = os.pread(file.fileno(), min(_PIECE, start + length - at), at)
        whole = len(piece) // 8 * 8
        total += int(np.frombuffer(piece, "<u8", whole // 8).sum(dtype=np.uint64))
        total += int.from_bytes(piece[whole:], "little")
    return total % 2**64
