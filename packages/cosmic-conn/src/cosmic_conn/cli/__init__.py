"""The command ``cosmic-conn`` with its verbs."""

from __future__ import annotations

from typing import NoReturn

from shared_io import cli

app = cli.new_app(
    "cosmic-conn",
    package="cosmic-conn",
    help="Find cosmic rays in astronomical CCD images with a neural network.\n\n"
    "'cosmic-conn -i FRAMES' is short for 'cosmic-conn detect -i FRAMES'.",
)


def _register() -> None:
    from cosmic_conn.cli import detecting, evaluating, models, reducing, simulating, training

    for module in (detecting, simulating, reducing, training, evaluating, models):
        module.register(app)


_register()


def main() -> NoReturn:
    """Run ``cosmic-conn``."""
    cli.run(app, prog="cosmic-conn", default_verb="detect")
