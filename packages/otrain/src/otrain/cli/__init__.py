"""The command ``otrain`` with its verbs, and the eight programs that have names of their own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

from shared_io import cli

app = cli.new_app(
    "otrain",
    package="otrain",
    help="Tell real transients from bogus ones on image cut-outs with a small neural network.\n\n"
    "cut-outs in true/ and false/ -> convert -> train -> infer. Each verb is also a program: otrain-convert, "
    "otrain-train, ... (in old scripts gamdet-convert, gamdet-train, ...: write otrain instead of gamdet).",
)


def _register() -> None:
    from otrain.cli import converting, diagnosing, inferring, modelling, training

    for module in (converting, training, inferring, diagnosing, modelling):
        module.register(app)


_register()


def main() -> NoReturn:
    """Run ``otrain``."""
    cli.run(app, prog="otrain")


def convert() -> NoReturn:
    """Run ``otrain-convert``."""
    cli.run(app, prog="otrain-convert", verb="convert")


def train() -> NoReturn:
    """Run ``otrain-train``."""
    cli.run(app, prog="otrain-train", verb="train")


def infer() -> NoReturn:
    """Run ``otrain-infer``."""
    cli.run(app, prog="otrain-infer", verb="infer")


def checkinfer() -> NoReturn:
    """Run ``otrain-checkinfer``."""
    cli.run(app, prog="otrain-checkinfer", verb="checkinfer")


def diagnostics() -> NoReturn:
    """Run ``otrain-diagnostics``."""
    cli.run(app, prog="otrain-diagnostics", verb="diagnostics")


def plot_results() -> NoReturn:
    """Run ``otrain-plot-results``."""
    cli.run(app, prog="otrain-plot-results", verb="plot-results")


def plots_results() -> NoReturn:
    """Run ``otrain-plots-results``, the other name of ``otrain-plot-results``."""
    cli.run(app, prog="otrain-plots-results", verb="plot-results")


def optimise_dataset_size() -> NoReturn:
    """Run ``otrain-optimise-dataset-size``."""
    cli.run(app, prog="otrain-optimise-dataset-size", verb="optimise-dataset-size")


def grad_cam() -> NoReturn:
    """Run ``otrain-grad-cam``."""
    cli.run(app, prog="otrain-grad-cam", verb="grad-cam")


def gamdet() -> NoReturn:
    """Run a program by the name that it had long ago: ``gamdet-train`` is ``otrain-train``; a hint says so."""
    name = Path(sys.argv[0]).name
    verb = name.removeprefix("gamdet-").replace("plots-results", "plot-results")
    code = cli.execute(app, prog=name, verb=verb)
    if code == 0 and not {"-h", "--help", "--version", "-q", "--quiet"} & set(sys.argv[1:]):
        print(f"{name}: note: this program is called otrain-{verb} now", file=sys.stderr)
    sys.exit(code)
