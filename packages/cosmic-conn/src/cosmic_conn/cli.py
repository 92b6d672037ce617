"""The command ``cosmic-conn``."""

from __future__ import annotations

from typing import NoReturn

from shared_io import cli

app = cli.new_app(
    "cosmic-conn",
    package="cosmic-conn",
    help="Find cosmic rays in astronomical CCD images with a neural network.\n\n"
    "Nothing of that is built yet: detecting, cleaning, labelling and training will become commands of this "
    "program. Today it has --version, --help and config show.",
)


def main() -> NoReturn:
    """Run ``cosmic-conn``."""
    cli.run(app, prog="cosmic-conn")
