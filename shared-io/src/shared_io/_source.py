"""Opening inputs: only regular files, and every refusal with its reason."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from shared_io.errors import CorruptInput, InputNotFound

UNKNOWN = "of unknown format"
_REASONS = {
    errno.ENOENT: "no such file",
    errno.ENOTDIR: "no such file (a part of the path is not a folder)",
    errno.ELOOP: "a link that leads back to itself",
    errno.EACCES: "may not be read: permission denied",
    errno.ENAMETOOLONG: "no such file (the name is too long)",
    errno.ENXIO: "not a regular file (a socket or device)",
}


def open_input(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file for reading, unbuffered.

    Pipes are not waited for, devices and folders are refused.

    Raises
    ------
    InputNotFound
        When there is no such file or it may not be read.
    CorruptInput
        When it is a folder, pipe, socket or device.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        code = error.errno if isinstance(error, OSError) else None
        reason = _REASONS.get(code or 0, getattr(error, "strerror", None) or str(error))
        raise InputNotFound(reason, path=path, hint="check the name") from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe, socket or device"
        raise CorruptInput(f"is {kind}, not a file", path=path, hint="give the name of a file")
    return os.fdopen(descriptor, "rb", buffering=0)


def size(path: str | os.PathLike[str]) -> int:
    """Return the size of a regular file in bytes, or raise as `open_input` does."""
    with open_input(path) as file:
        return os.fstat(file.fileno()).st_size


def magic(path: str | os.PathLike[str], count: int = 16) -> bytes:
    """Return the first bytes of a regular file, or raise as `open_input` does."""
    with open_input(path) as file:
        return file.read(count)


def describe(head: bytes) -> str:
    """Say in words what a file that begins with `head` seems to be."""
    start = head.lstrip().lower()
    for sign, words in (
        (b"<!doctype html", "an HTML page"),
        (b"<html", "an HTML page"),
        (b"<?xml", "an XML document"),
        (b"simple  =", "a FITS file"),
        (b"\x1f\x8b", "gzip data"),
        (b"\x89hdf\r\n", "an HDF5 file"),
        (b"par1", "a Parquet file"),
        (b"pk\x03\x04", "a zip archive"),
        (b"bzh", "bzip2 data"),
        (b"\xfd7zxz", "xz data"),
        (b"%pdf", "a PDF document"),
        (b"\x89png", "a PNG picture"),
        (b"\x80", "perhaps a pickle"),
        (b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
    ):
        if start.startswith(sign):
            return words
    return UNKNOWN


def absolute(path: str | os.PathLike[str]) -> Path:
    """Return the absolute path without following links."""
    return Path(os.path.abspath(path))  # noqa: PTH100  (resolve() would follow links)
