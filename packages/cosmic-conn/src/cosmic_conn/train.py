"""``python -m cosmic_conn.train``: the same as ``cosmic-conn train``, under the name that old scripts call."""

from __future__ import annotations

from typing import NoReturn

__all__ = ["main"]


def main() -> NoReturn:
    """Run ``cosmic-conn train``."""
    from shared_io import cli

    from cosmic_conn.cli import app

    cli.run(app, prog="cosmic_conn.train", verb="train")


if __name__ == "__main__":
    import sys
    from pathlib import Path

    # As a script, the folder of this package comes first in the path, and its modules would hide others.
    here = str(Path(__file__).resolve().parent)
    sys.path[:] = [entry for entry in sys.path if entry != here]
    main()
