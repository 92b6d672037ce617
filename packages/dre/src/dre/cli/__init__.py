"""The command ``dre`` with its verbs, and the four programs of the working folder."""

from __future__ import annotations

from typing import NoReturn

from shared_io import cli

app = cli.new_app(
    "dre",
    package="dre",
    help="Fit elliptical galaxies with a grid of PSF-convolved Sersic models.\n\n"
    "images -> sex_dre -> psfex_dre -> make_cuts -> dre. 'dre MODEL' is short for 'dre fit MODEL'.",
)


def _register() -> None:
    from dre.cli import bands, extraction, fitting, preparing, running

    for module in (preparing, running, extraction, fitting, bands):
        module.register(app)


_register()


def main() -> NoReturn:
    """Run ``dre``."""
    cli.run(app, prog="dre", default_verb="fit")


def sex_dre() -> NoReturn:
    """Run ``sex_dre``, the verb ``sex``."""
    cli.run(app, prog="sex_dre", verb="sex")


def psfex_dre() -> NoReturn:
    """Run ``psfex_dre``, the verb ``psfex``."""
    cli.run(app, prog="psfex_dre", verb="psfex")


def make_cuts() -> NoReturn:
    """Run ``make_cuts``, the verb ``cuts``."""
    cli.run(app, prog="make_cuts", verb="cuts")
