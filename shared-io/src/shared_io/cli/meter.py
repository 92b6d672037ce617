"""One line that tells how far the work is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared_io.cli.session import current

__all__ = ["Progress", "progress"]

_PATIENCE = 2.0
_INTERVAL = 0.2


class Progress:
    """Counts finished units; `progress` makes it.

    Parameters
    ----------
    total
        Units to do; None if not known.
    what
        What they are, e.g. ``"galaxies"``.
    visible
        Whether anything may be written.
    clock
        Seconds that only grow.
    """

    def __init__(
        self, total: int | None, what: str, *, visible: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.total, self.what, self.done = total, what, 0
        self._visible, self._clock = visible, clock
        self._start = self._last = clock()
        self._written = False

    def advance(self, count: int = 1) -> None:
        """Add finished units."""
        self.done += count
        now = self._clock()
        if not self._visible or now - self._start < _PATIENCE or now - self._last < _INTERVAL:
            return
        self._last, self._written = now, True
        sys.stderr.write(f"\r\x1b[K{self.line(now - self._start)}")
        sys.stderr.flush()

    def line(self, seconds: float) -> str:
        """The text after so many seconds."""
        rate = self.done / seconds if seconds > 0 else 0.0
        if self.total is None:
            return f"{self.done} {self.what}, {rate:.3g}/s"
        left = (self.total - self.done) / rate if rate else 0.0
        return f"{self.done}/{self.total} {self.what}, {rate:.3g}/s, {_clock_text(left)} left"

    def close(self) -> None:
        """Remove the line."""
        if self._written:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


@contextmanager
def progress(total: int | None, what: str = "units") -> Iterator[Progress]:
    """Show how far the work is on a terminal's stderr, once it has taken two seconds.

    Parameters
    ----------
    total
        Units to do; None if not known.
    what
        What they are.

    Yields
    ------
    Progress
        Its ``advance(n)`` is to be called for finished units. Silent outside of commands, with ``--quiet``
        and when stderr is not a terminal.
    """
    session = current()
    shown = Progress(total, what, visible=session.active and not session.quiet and sys.stderr.isatty())
    try:
        yield shown
    finally:
        shown.close()


def _clock_text(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
