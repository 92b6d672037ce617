"""What is known of the command that is running: its switches, its options, what it has to show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Session", "current", "resolved", "running"]


@dataclass
class Session:
    """The state of one command from its first word to its exit code.

    Attributes
    ----------
    prog
        The name in front of messages.
    name
        The command as it is called: the program and its verbs.
    active
        False when the library is used outside a command: nothing is then printed unasked.
    shown
        What the command showed, kept for the one JSON document.
    exit_code
        What a shown report asks for.
    secrets
        Values to be replaced wherever text leaves the program.
    options
        The resolved options of the command, secrets left out.
    """

    prog: str = ""
    name: str = ""
    active: bool = False
    json: bool = False
    quiet: bool = False
    verbose: int = 0
    debug: bool = False
    log_file: str | None = None
    shown: list[Any] = field(default_factory=list)
    exit_code: int = 0
    secrets: list[str] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    root: Any = None
    tool: str = ""
    settings: str | None = None

    def redact(self, text: str) -> str:
        """Replace every secret in a text."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text


_current = Session()


def current() -> Session:
    """The session of the running command (an inactive one outside of any)."""
    return _current


def resolved() -> dict[str, Any]:
    """The options of the running command after command line, environment, settings file and defaults.

    Returns
    -------
    dict
        JSON-able values by parameter name; secrets and the options that all commands share are left out.
    """
    return dict(_current.options)


@contextmanager
def running(session: Session) -> Iterator[Session]:
    """Make ``session`` the current one."""
    global _current
    previous, _current = _current, session
    session.active = True
    try:
        yield session
    finally:
        _current = previous
