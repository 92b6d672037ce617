"""``scope config show`` and ``scope config check``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from shared_io import cli

_SUFFIXES = (".yaml", ".yml")


def group() -> typer.Typer:
    """Return the verbs below ``config``."""
    from shared_io.cli.app import Command

    app = typer.Typer(help="Look at the settings.", rich_markup_mode=None)
    app.command("show", cls=Command)(show)
    app.command("check", cls=Command)(check)
    app.callback()(lambda: None)
    return app


def show(
    what: Annotated[str | None, typer.Argument(help="A config.yaml, or a command: then its options")] = None,
) -> None:
    """Print every setting of config.yaml and where it comes from, or the options of a command.

    Settings come from the file (by default config.yaml here, if there is one), else they are the defaults; tokens are
    masked. An option's value is taken from the command line, else from the environment, else from the file given with
    --settings, else from config.yaml, else it is the default.

    Example:
      scope config show
      scope config show my.yaml
      scope config show generate-features
    """
    if what is not None and not what.endswith(_SUFFIXES) and not Path(what).exists():
        from shared_io.cli.resolve import rows

        cli.show(rows(what))
        return
    from scope.config import read_config

    cli.show(read_config(Path(what) if what else None).rows())


def check(file: Annotated[Path, typer.Argument(help="A config.yaml", show_default=True)] = Path("config.yaml")) -> None:
    """Check a config.yaml: unknown keys, wrong values, tokens that others can read.

    Example:
      scope config check config.yaml
    """
    from scope.config import read_config

    found = read_config(file)
    for remark in found.remarks():
        cli.warn(f"{file}: {remark}")
    cli.show({"file": str(file), "valid": True, "remarks": len(found.remarks())})
