"""A small application that the tests of the command line run, also as ``python cli_app.py WORDS``."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer
from shared_io import batch, cli, errors

app = cli.new_app("stars", package="shared-io", help="Measure stars.")
seen: dict[str, object] = {}


@dataclass(frozen=True)
class Result:
    name: str
    flux: float


@app.command()
def fit(
    model: Annotated[Path, typer.Argument(help="Model file")],
    cpu: Annotated[int, cli.option("--cpu", "-cpu", help="Processes", min=1)] = 1,
    margin: Annotated[int, cli.option("--margin", help="Border", unit="px")] = 80,
    maglim: Annotated[list[float], cli.option("--maglim", help="Limits", unit="mag")] = [12, 18, 21],  # noqa: B006
    group_ids: Annotated[list[int] | None, cli.option("--group-ids", help="Groups")] = None,
    cuts: Annotated[list[tuple[str, float, float]] | None, cli.option("-f", "--filter", help="Cuts")] = None,
    arg: Annotated[list[tuple[str, str]] | None, cli.option("--arg", help="Settings")] = None,
    span: Annotated[tuple[int, int], cli.option("--span", help="Range")] = (1, 4),
    doGPU: Annotated[bool, cli.option("--doGPU", help="Use the GPU")] = False,
    level: Annotated[Literal["none", "low"], cli.option("--level", help="Compression")] = "none",
    token: Annotated[cli.Secret | None, cli.token_option("-token", "--token")] = None,
    overwrite: cli.Overwrite = False,
    resume: cli.Resume = True,
) -> None:
    """Fit the stars.

    Parameters
    ----------
    model
        Not shown in the help.

    Example:
      $ stars fit model.fits --cpu 4
    """
    seen.clear()
    seen.update(locals())
    cli.show(cli.resolved())


@app.command("make_models")
def make_models(
    config: Annotated[Path | None, cli.option("-c", "--config", help="The other program's file")] = None,
    verbose: Annotated[int, cli.option("--verbose", help="The old meaning")] = 0,
) -> None:
    """Make models.

    Example:
      $ stars make_models
    """
    seen.update(config=config, verbose=verbose)
    cli.say("a line for humans")
    print("a stray line")
    cli.show([Result("a", 1.5), Result("bb", float("nan"))])


ERRORS = {
    "input": lambda: errors.CorruptInput("truncated", path="a.fits", hdu=1),
    "missing": lambda: errors.InputNotFound("no such file", path="a.fits"),
    "exists": lambda: errors.OutputExists("in the way", path="b.fits"),
    "write": lambda: errors.WriteFailed("disk full", path="b.fits"),
    "external": lambda: errors.ExternalFailed("sex failed"),
    "bug": lambda: ZeroDivisionError("line one\nline two"),
    "memory": MemoryError,
    "python-missing": lambda: FileNotFoundError(2, "No such file or directory", "gone.txt"),
    "python-full": lambda: OSError(28, "No space left on device"),
    "usage": lambda: cli.UsageProblem("not like that"),
    "parameter": lambda: typer.BadParameter("give it once"),
    "exit": lambda: typer.Exit(3),
    "interrupt": KeyboardInterrupt,
}


@app.command()
def fail(
    how: Annotated[str, typer.Argument(help="Which error")],
    token: Annotated[cli.Secret | None, cli.token_option("--token")] = None,
) -> None:
    """Fail.

    Example:
      $ stars fail bug
    """
    cli.show({"before": 1})
    logging.getLogger("shared_io.test").debug("the token is %s", token.reveal() if token else "")
    if token is not None:
        raise RuntimeError(f"refused {token.reveal()}")
    raise ERRORS[how]()


@app.command()
def report() -> None:
    """Show a report with a failure.

    Example:
      $ stars report
    """
    entries = (batch.Entry("a", "done"), batch.Entry("b", "failed", ("b.fits",), "bad pixels"))
    cli.show(batch.Report(entries))


@app.command()
def wait(path: Annotated[Path, typer.Argument(help="Temporary file")]) -> None:
    """Wait for a signal with a temporary file at hand.

    Example:
      $ stars wait here
    """
    path.write_text("temporary")
    try:
        print("ready", flush=True)
        time.sleep(20)
    finally:
        path.unlink()


@app.command()
def flood(warn: Annotated[bool, cli.option("--warn", help="Warn")] = False) -> None:
    """Print without end.

    Example:
      $ stars flood
    """
    if warn:
        warnings.warn("many lines", stacklevel=1)
        logging.getLogger("shared_io.test").warning("something odd")
        return
    while True:
        print("x" * 1000)


if __name__ == "__main__":
    if os.environ.get("STARS_DEFAULT_SIGINT"):
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.argv[1:2] == ["AS"]:
        verb = sys.argv[2]
        del sys.argv[1:3]
        cli.run(app, prog=f"{verb}_stars", verb=verb)
    cli.run(app, prog="stars", default_verb="fit")
