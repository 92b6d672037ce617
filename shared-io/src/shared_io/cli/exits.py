"""What an exception means to the shell: an exit code and one line."""

from __future__ import annotations

import errno
import re

import typer

from shared_io import errors
from shared_io.cli.spelling import UsageProblem

__all__ = ["BAD_INPUT", "BUG", "DONE", "EXTERNAL", "INTERRUPTED", "PIPE", "REFUSED", "SOME_FAILED"]
__all__ += ["TERMINATED", "USAGE", "Terminated", "explain", "one_line"]

DONE = 0
BUG = 1
USAGE = 2
SOME_FAILED = 3
BAD_INPUT = 4
EXTERNAL = 5
REFUSED = 6
INTERRUPTED = 130
PIPE = 141
TERMINATED = 143

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


class Terminated(KeyboardInterrupt):
    """SIGTERM, raised as an exception so that temporaries are removed."""


def explain(error: BaseException) -> tuple[int, str]:
    """The exit code and the one line for an exception.

    Parameters
    ----------
    error
        Anything that left a command.

    Returns
    -------
    code, message
        The message is empty where nothing is to be said.
    """
    if isinstance(error, typer.Exit):
        return error.exit_code, ""
    if isinstance(error, SystemExit):
        return _of_exit(error)
    if isinstance(error, UsageProblem):
        return USAGE, one_line(str(error))
    if isinstance(error, typer.TyperException):
        return USAGE, _plainer(one_line(error.format_message()))
    if isinstance(error, typer.Abort):
        return INTERRUPTED, "aborted"
    if isinstance(error, Terminated):
        return TERMINATED, "terminated; unfinished outputs were removed"
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, "interrupted; unfinished outputs were removed"
    if isinstance(error, errors.SharedIOError):
        return _of_ours(error), one_line(str(error))
    if isinstance(error, MemoryError):
        return BAD_INPUT, "out of memory; work on fewer or smaller files at a time, or with fewer --workers"
    if isinstance(error, BrokenPipeError):
        return PIPE, ""
    if isinstance(error, OSError) and error.filename is not None:
        return _of_system(error), one_line(f"{error.filename}: {error.strerror}")
    if isinstance(error, OSError) and error.errno in _FULL:
        return REFUSED, one_line(f"output could not be written: {error.strerror}")
    kind = type(error).__name__
    detail = one_line(str(error))[:300]
    return BUG, f"unexpected {kind}: {detail}; please report this, with what --debug shows"


def one_line(text: str) -> str:
    """A text without line breaks and control characters."""
    text = re.sub(r"\s*[\r\n]+\s*", " ", text.strip())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _of_ours(error: errors.SharedIOError) -> int:
    if isinstance(error, errors.ExternalFailed):
        return EXTERNAL
    if isinstance(error, errors.OutputExists | errors.WriteFailed):
        return REFUSED
    return BAD_INPUT


def _of_system(error: OSError) -> int:
    refused = isinstance(error, FileExistsError) or error.errno in _FULL
    return REFUSED if refused else BAD_INPUT


def _of_exit(error: SystemExit) -> tuple[int, str]:
    if error.code is None:
        return DONE, ""
    if isinstance(error.code, int):
        return error.code, ""
    return BUG, one_line(str(error.code))


def _plainer(text: str) -> str:
    """Typer's messages begin like sentences, ours go on after a colon; what validated a value does not matter."""
    text = re.sub(r", unable to parse string as an? \w+", "", text.replace("Value error, ", ""))
    text = text.replace("Input should be", "it must be")
    return text[:1].lower() + text[1:].rstrip(".")
