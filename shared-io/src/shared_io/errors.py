"""The one tree of errors that every reader and writer here raises.

::

    SharedIOError
    |-- InputNotFound   (FileNotFoundError)  no such file, or it may not be opened
    |-- CorruptInput    (ValueError)         truncated, altered, or not the format it claims
    |-- UnsafeInput     (ValueError)         would run code or read other files
    |-- InputTooLarge   (ValueError)         declares more than the limits allow
    |-- SchemaMismatch  (ValueError)         sound, but not what was asked for
    |-- OutputExists    (FileExistsError)    in the way, and overwriting was not asked for
    |-- WriteFailed     (OSError)            disk full, read-only folder, ...
    `-- ExternalFailed  (RuntimeError)       an external program or service failed

Each is also the builtin that a caller would guess, and reads ``path[HDU]: what; what to do``.
"""

from __future__ import annotations

import os

__all__ = [
    "CorruptInput",
    "ExternalFailed",
    "InputNotFound",
    "InputTooLarge",
    "OutputExists",
    "SchemaMismatch",
    "SharedIOError",
    "UnsafeInput",
    "WriteFailed",
]


class SharedIOError(Exception):
    """Base of all errors of this package.

    Parameters
    ----------
    what
        What is wrong, in one line.
    path
        The file concerned.
    hdu
        The HDU (name or index), dataset or column inside the file.
    hint
        What the user can do about it.
    """

    def __init__(
        self,
        what: str,
        *,
        path: str | os.PathLike[str] | None = None,
        hdu: str | int | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(what)
        self.what = what
        self.path = None if path is None else os.fspath(path)
        self.hdu = hdu
        self.hint = hint

    def __str__(self) -> str:
        text = self.what
        if self.path is not None:
            place = self.path if self.hdu is None else f"{self.path}[{self.hdu}]"
            text = f"{place}: {text}"
        if self.hint:
            text = f"{text}; {self.hint}"
        return _one_line(text)


class InputNotFound(SharedIOError, FileNotFoundError):
    """An input does not exist or may not be opened."""


class CorruptInput(SharedIOError, ValueError):
    """An input is truncated, altered, or not the format it claims to be."""


class UnsafeInput(SharedIOError, ValueError):
    """An input would run code or read other files."""


class InputTooLarge(SharedIOError, ValueError):
    """An input declares more than the limits allow."""


class SchemaMismatch(SharedIOError, ValueError):
    """An input is sound, but does not hold what was asked for."""


class OutputExists(SharedIOError, FileExistsError):
    """The output is already there, and overwriting it was not asked for."""


class WriteFailed(SharedIOError, OSError):
    """An output could not be written; whatever was there before is untouched."""


class ExternalFailed(SharedIOError, RuntimeError):
    """An external program or service failed."""


def _one_line(text: str) -> str:
    """Escape line breaks and control characters: names inside a file are not to be trusted."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
