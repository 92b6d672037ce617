"""What the text formats share: the lines before the columns, and the digest of the whole."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import zlib
from dataclasses import dataclass
from typing import Any, BinaryIO

from shared_io import _source, limits
from shared_io.errors import CorruptInput, InputTooLarge

__all__ = [
    "Head",
    "Tally",
    "check_lost",
    "digest_line",
    "join",
    "load",
    "provenance",
    "split",
    "verify",
    "verify_file",
    "verify_sum",
]

OURS = "shared_io."
COLUMNS, DIGEST, PROVENANCE = "shared_io.columns", "shared_io.digest", "shared_io.provenance"
_LINE = r'("(?:[^"\\]|\\.)*"|[A-Za-z_][\w.\-]*): (.*)'
_LINES = {mark: re.compile(re.escape(mark) + _LINE.encode(), re.DOTALL) for mark in (b"# ", b"# # ")}
_PIECE = 2**20
_MOST_LINES = 100_000


@dataclass(frozen=True)
class Head:
    """What stands before the rows.

    Attributes
    ----------
    values
        What the lines ``key: json`` say, without the digest.
    start
        Where the rows begin.
    digest
        What the digest says.
    span
        Where the line of the digest lies.
    """

    values: dict[str, Any]
    start: int
    digest: Any
    span: tuple[int, int]


def load(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of a text file, decompressed if need be, within the limits.

    Raises
    ------
    InputNotFound, CorruptInput, InputTooLarge
        When it cannot be read.
    """
    with _source.open_input(path) as file:
        stored = os.fstat(file.fileno()).st_size
        limits.check_bytes(stored, path=path)
        data = file.readall()  # type: ignore[attr-defined]
    if data[:2] != b"\x1f\x8b":
        return bytes(data)
    out = bytearray()
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
            while piece := packed.read(_PIECE):
                out += piece
                limits.check_bytes(len(out), path=path)
                limits.check_expansion(len(out), stored, path=path)
    except (EOFError, OSError, zlib.error) as error:
        raise CorruptInput(f"the gzip data are truncated or damaged ({error})", path=path) from error
    return bytes(out)


def split(data: bytes, path: str | os.PathLike[str], mark: bytes = b"# ") -> Head:
    """Read the leading lines that begin with ``#``; those not of ours are passed over.

    Raises
    ------
    CorruptInput
        When one of our own lines is damaged.
    """
    values: dict[str, Any] = {}
    at, count, span = 0, 0, (0, 0)
    cap = limits.current().header_bytes
    while data.startswith(b"#", at):
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end + 1
        count += 1
        if end > cap or count > _MOST_LINES:
            raise InputTooLarge("the lines before the columns are too long or too many", path=path)
        if _take(data[at:end].rstrip(b"\r\n"), values, path, _LINES[mark]) == DIGEST:
            span = (at, end)
        at = end
    if COLUMNS not in values and DIGEST not in values:
        check_lost(data[:4096], path)
    if COLUMNS in values and DIGEST not in values:
        raise CorruptInput(f"the line {DIGEST!r} is missing", path=path, hint=_EDITED)
    return Head(values, at, values.pop(DIGEST, None), span)


def check_lost(head: bytes, path: str | os.PathLike[str]) -> None:
    """Refuse what begins like a file of ours, but for its first characters.

    Raises
    ------
    CorruptInput
        When a line of ours follows a first line that is not.
    """
    if f"{COLUMNS}: [".encode() in head or f'{DIGEST}: {{"bytes"'.encode() in head:
        raise CorruptInput("the first line is damaged", path=path, hint="fetch or copy the file again")


_EDITED = f"if you edited the file on purpose, make one of its first lines say {DIGEST}: null"


def _take(line: bytes, values: dict[str, Any], path: str | os.PathLike[str], pattern: re.Pattern[bytes]) -> str | None:
    found = pattern.fullmatch(line)
    if not found:
        return None
    try:
        key: str = json.loads(found[1]) if found[1].startswith(b'"') else found[1].decode("ascii")
        values[key] = json.loads(found[2])
    except (ValueError, RecursionError) as error:
        if found[1].startswith(OURS.encode()):
            raise CorruptInput(f"the line {found[1].decode()!r} is damaged", path=path) from error
        return None
    return key


def join(lines: list[str], rows: Any, mark: str, position: int = 0) -> list[Any]:
    """Return the parts of a file: lines, among them one with the digest of all the rest, and the rows."""
    before = "".join(f"{line}\n" for line in lines[:position]).encode()
    after = "".join(f"{line}\n" for line in lines[position:]).encode()
    size = len(before) + len(after) + len(rows)
    return [before, digest_line(size, _crc(before, after, rows), mark), after, rows]


def digest_line(size: int, crc: int, mark: str) -> bytes:
    """Return the line of the digest, which is always as long."""
    return f'{mark}{DIGEST}: {{"bytes":{size:20d},"crc32":"{crc:08x}"}}\n'.encode()


class Tally:
    """A file to write to that counts the bytes and keeps their CRC.

    Attributes
    ----------
    size, crc
        Of what was written so far.
    """

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = 0
        self.crc = 0

    def write(self, data: bytes) -> int:
        """Write bytes and count them."""
        self.size += len(data)
        self.crc = zlib.crc32(data, self.crc)
        return self._file.write(data)

    def flush(self) -> None:
        """Do nothing: the file is flushed when it is whole."""

    def close(self) -> None:
        """Do nothing: the file belongs to someone else."""


def verify(head: Head, data: bytes, path: str | os.PathLike[str]) -> None:
    """Compare a file with its digest, if it has one; see `verify_sum`."""
    if head.digest is not None:
        whole = memoryview(data)
        first, last = head.span
        verify_sum(head, len(data) - (last - first), _crc(whole[:first], whole[last:]), path)


def verify_sum(head: Head, size: int, crc: int, path: str | os.PathLike[str]) -> None:
    """Compare the number of bytes and the CRC of all but the line of the digest with what that says.

    Raises
    ------
    CorruptInput
        When they differ.
    """
    said = head.digest if isinstance(head.digest, dict) else {}
    if said.get("bytes") != size:
        raise CorruptInput(f"truncated or altered: {size} bytes, not {said.get('bytes')}", path=path, hint=_EDITED)
    if said.get("crc32") != f"{crc:08x}":
        raise CorruptInput("altered or damaged: the content does not match its digest", path=path, hint=_EDITED)


def _crc(*parts: bytes | memoryview) -> int:
    crc = 0
    for part in parts:
        crc = zlib.crc32(part, crc)
    return crc


def verify_file(file: BinaryIO, head: Head, path: str | os.PathLike[str]) -> None:
    """Compare an open file with its digest, if it has one, a piece at a time; see `verify_sum`."""
    if head.digest is None:
        return
    file.seek(0)
    crc = zlib.crc32(file.read(head.span[0]))
    size = head.span[0]
    file.seek(head.span[1])
    while piece := file.read(_PIECE):
        size += len(piece)
        crc = zlib.crc32(piece, crc)
    verify_sum(head, size, crc, path)


def provenance(path: str | os.PathLike[str]) -> str | None:
    """Return the JSON of the provenance in the leading lines of a CSV or ECSV file, verified with the rest."""
    with _source.open_input(path) as file:
        data = file.read(limits.current().header_bytes)
        packed = data.startswith(b"\x1f\x8b")
        if packed:
            data = load(path)
        start = data[: limits.current().header_bytes]
        mark = b"# # " if data.startswith(b"# %ECSV") else b"# "
        head = split(start[: start.rfind(b"\n") + 1], path, mark)
        if packed:
            verify(head, data, path)
        else:
            verify_file(file, head, path)
    found = head.values.get(PROVENANCE)
    return None if found is None else json.dumps(found)
