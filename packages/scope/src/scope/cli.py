"""The command ``scope``."""

from __future__ import annotations

from typing import NoReturn

from shared_io import cli

app = cli.new_app(
    "scope",
    package="scope",
    help="Classify the variable sources of ZTF light curves.\n\n"
    "Nothing of that is built yet: features, training, inference and the exchange with Fritz will become "
    "commands of this program. Today it has --version, --help and config show.",
)


def main() -> NoReturn:
    """Run ``scope``."""
    cli.run(app, prog="scope")
