"""The command ``otrain``."""

from __future__ import annotations

from typing import NoReturn

from shared_io import cli

app = cli.new_app(
    "otrain",
    package="otrain",
    help="Tell real transients from bogus ones on image cut-outs with a neural network.\n\n"
    "Nothing of that is built yet: converting cut-outs, training, inference and diagnostics will become "
    "commands of this program. Today it has --version, --help and config show.",
)


def main() -> NoReturn:
    """Run ``otrain``."""
    cli.run(app, prog="otrain")
