"""What is no data file at all, under every name: pages, pickles, pipes, folders, links, nothing."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from shared_io.testing import readers
from shared_io.testing.damage import TRAP, Case

__all__ = ["cases", "pickled"]

_NAMES = ("a.fits", "a.fits.gz", "a.h5", "a.parquet", "a.csv", "a.csv.gz", "a.ecsv", "a.npy", "a")
_TEXTLIKE = ("a.csv", "a.csv.gz", "a.ecsv")


def cases() -> list[Case]:
    """Return them all."""
    found = []
    for name in _NAMES:
        for what, content in _contents().items():
            chosen = readers.ALL
            if name in _TEXTLIKE and what in ("a line of text", "a Git LFS pointer", "JSON"):
                continue  # a table of one column, for all one can tell
            found.append(Case("no data file", what, name, lambda p, c=content: p.write_bytes(c), chosen))  # type: ignore[misc]
        for what, make in _SPECIAL.items():
            found.append(Case("not a file", what, name, make, readers.ALL))
    return found


def pickled() -> bytes:
    """Return a pickle that would make a folder when it is loaded."""
    return f"cos\nmkdir\n(S'{TRAP}'\ntR.".encode()


def _contents() -> dict[str, bytes]:
    array = io.BytesIO()
    np.lib.format.write_array_header_1_0(array, {"descr": "|O", "fortran_order": False, "shape": (1,)})
    array.write(pickled())
    return {
        "nothing": b"",
        "one byte": b"\0",
        "an HTML page": b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body></body></html>\n",
        "another HTML page": b"\n  <html><body>404</body></html>",
        "an XML document": b'<?xml version="1.0"?><VOTABLE/>',
        "a line of text": b"hello, world\n",
        "JSON": b'{"error": "not found"}',
        "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"ab" * 32 + b"\n",
        "zeros": bytes(100_000),
        "0xff": b"\xff" * 100_000,
        "a pickle": pickled(),
        "a pickled object in .npy": array.getvalue(),
        "a zip archive": b"PK\x03\x04" + bytes(100),
        "a PDF": b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n",
        "only the signature of FITS": b"SIMPLE  =                    T",
        "only the signature of HDF5": b"\x89HDF\r\n\x1a\n",
        "only the signature of Parquet": b"PAR1PAR1",
        "Parquet with a footer that is not there": b"PAR1" + b"\xff\xff\xff\x7fPAR1",
        "only the signature of gzip": b"\x1f\x8b",
        "gzip that is cut": b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b\x4c",
        "chance": np.random.default_rng(7).bytes(50_000),
    }


def _loop(path: Path) -> None:
    other = path.with_name("other")
    other.symlink_to(path)
    path.symlink_to(other)


def _socket(path: Path) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.fspath(path))


def _chain(path: Path) -> None:
    target = path.with_name("nothing")
    for number in range(60):
        link = path.with_name(f"link{number}")
        link.symlink_to(target)
        target = link
    path.symlink_to(target)


_SPECIAL: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: None,
    "a folder": lambda path: path.mkdir(),
    "a pipe": lambda path: os.mkfifo(path),
    "a link to itself": lambda path: path.symlink_to(path),
    "links in a circle": _loop,
    "a link to nothing": lambda path: path.symlink_to("nowhere"),
    "a chain of links": _chain,
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a socket": _socket,
}
