"""The face that every command shares: spellings, options, exit codes, messages, progress, JSON and settings.

A tool makes one application, registers its commands on it and gives each console script a line::

    app = cli.new_app("dre", package="dre", help="Fit galaxies.")

    @app.command()
    def fit(model: Path, cpu: Annotated[int, cli.option("--cpu", help="Processes", min=1)] = 1) -> None:
        \"\"\"Fit every cut-out.

        Example:
          $ dre fit models.fits --cpu 4
        \"\"\"

    def main() -> None:
        cli.run(app, prog="dre", default_verb="fit")

Nothing here imports NumPy, Astropy or rich; ``--help`` stays quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = [
    "App",
    "DryRun",
    "Input",
    "Output",
    "Overwrite",
    "Resume",
    "Scheduler",
    "Secret",
    "Seed",
    "UsageProblem",
    "Workers",
    "execute",
    "new_app",
    "option",
    "progress",
    "resolved",
    "run",
    "say",
    "show",
    "token_option",
    "warn",
]

_HOMES = {
    "app": ("App", "new_app"),
    "options": (
        "DryRun",
        "Input",
        "Output",
        "Overwrite",
        "Resume",
        "Scheduler",
        "Secret",
        "Seed",
        "Workers",
        "option",
        "token_option",
    ),
    "output": ("say", "show", "warn"),
    "meter": ("progress",),
    "entry": ("execute", "run"),
    "session": ("resolved",),
    "spelling": ("UsageProblem",),
}

if TYPE_CHECKING:
    from shared_io.cli.app import App, new_app
    from shared_io.cli.entry import execute, run
    from shared_io.cli.meter import progress
    from shared_io.cli.options import (
        DryRun,
        Input,
        Output,
        Overwrite,
        Resume,
        Scheduler,
        Secret,
        Seed,
        Workers,
        option,
        token_option,
    )
    from shared_io.cli.output import say, show, warn
    from shared_io.cli.session import resolved
    from shared_io.cli.spelling import UsageProblem


def __getattr__(name: str) -> Any:
    from importlib import import_module

    for module, names in _HOMES.items():
        if name in names:
            value = getattr(import_module(f"shared_io.cli.{module}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
