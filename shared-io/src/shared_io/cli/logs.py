"""Logging of a running command: warnings on stderr, everything in the log file, secrets in neither."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from shared_io.cli.session import Session
from shared_io.errors import WriteFailed

__all__ = ["configured"]


class _Redacting(logging.Formatter):
    """A formatter that replaces the session's secrets, in tracebacks too."""

    def __init__(self, session: Session, form: str) -> None:
        super().__init__(form)
        self.session = session

    def format(self, record: logging.LogRecord) -> str:
        return self.session.redact(super().format(record))


class _Short(_Redacting):
    """``prog: warning: message``, without the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        text = " ".join(record.getMessage().split())
        return self.session.redact(f"{self.session.prog}: {record.levelname.lower()}: {text}")


@contextmanager
def configured(session: Session, tool: str) -> Iterator[None]:
    """Configure logging for one command and undo it afterwards.

    Parameters
    ----------
    session
        Its ``quiet``, ``verbose`` and ``log_file`` decide what goes where.
    tool
        The import name of the tool, whose debug messages go to the log file.

    Raises
    ------
    WriteFailed
        If the log file cannot be opened.
    """
    root, ours = logging.getLogger(), [logging.getLogger(name) for name in (tool, "shared_io")]
    before = root.level, [logger.level for logger in ours]
    handlers = _handlers(session)
    root.setLevel(logging.WARNING)
    for logger in ours:
        logger.setLevel(logging.DEBUG)
    for handler in handlers:
        root.addHandler(handler)
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.setLevel(before[0])
        for logger, level in zip(ours, before[1], strict=True):
            logger.setLevel(level)
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()


def _handlers(session: Session) -> list[logging.Handler]:
    shown = logging.StreamHandler(sys.stderr)
    shown.setFormatter(_Short(session, ""))
    levels = [logging.WARNING, logging.INFO, logging.DEBUG]
    shown.setLevel(logging.ERROR if session.quiet else levels[min(session.verbose, 2)])
    shown.addFilter(lambda record: session.verbose > 0 or record.name != "py.warnings")
    if session.log_file is None:
        return [shown]
    try:
        kept = logging.FileHandler(session.log_file, encoding="utf-8")
    except OSError as error:
        raise WriteFailed(f"the log cannot be opened: {error.strerror}", path=session.log_file) from error
    kept.setFormatter(_Redacting(session, "%(asctime)s %(levelname)s %(name)s: %(message)s"))
    return [shown, kept]
