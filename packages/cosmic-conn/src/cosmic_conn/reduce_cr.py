"""``python -m cosmic_conn.reduce_cr``: the name under which users of Cosmic-CoNN know ``cosmic-conn reduce``."""

from __future__ import annotations

from typing import NoReturn

__all__ = ["main"]


def main() -> NoReturn:
    """Run ``cosmic-conn reduce``."""
    from shared_io import cli

    from cosmic_conn.cli import app

    cli.run(app, prog="reduce_cr.py", verb="reduce")


if __name__ == "__main__":
    main()
