"""``otrain import``, ``export`` and ``card``: models of others, ours elsewhere, and what a model says of itself."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from shared_io import cli

from otrain.cli.choices import Normalisation, Planes, planes_of


class Preset(StrEnum):
    """Families of models whose planes and normalisation are known."""

    OTRAIN = "otrain"
    BRAAI = "braai"
    BRAAI_D6_M9 = "braai-d6_m9"


class Meaning(StrEnum):
    """What the output of an ONNX model is."""

    PROBABILITY = "probability"
    LOGIT = "logit"


def register(app: cli.App) -> None:
    """Add the verbs to the application."""
    app.command("import")(import_)
    app.command("export")(export)
    app.command("card")(card)


def import_(
    source: Annotated[Path, typer.Argument(help="Keras model (.h5) or ONNX model (.onnx)")],
    output: Annotated[Path, cli.option("-o", "--output", help="Model to write, NAME.h5")],
    preset: Annotated[Preset | None, cli.option("--preset", help="Planes and normalisation of a known family")] = None,
    planes: Planes = None,
    normalisation: Annotated[Normalisation | None, cli.option("--normalisation", help="Of each cut-out")] = None,
    architecture: Annotated[Path | None, cli.option("--architecture", help="Layers as JSON, for a file of weights")]
        = None,
    meaning: Annotated[Meaning, cli.option("--meaning", help="Of the output of an ONNX model")] = Meaning.PROBABILITY,
    threshold: Annotated[float, cli.option("--threshold", help="Probability from which on a candidate is real", min=0,
                                           max=1)] = 0.5,
    licence: Annotated[str, cli.option("--licence", help="Of the weights, for the card")] = "",
    overwrite: cli.Overwrite = False,
) -> None:  # fmt: skip
    """Turn a model of another program into one with a card; it is rebuilt layer by layer, nothing in it is run.

    Example:
      otrain import d6_m7.h5 -o braai.h5 --preset braai --licence MIT
      otrain import old.h5 -o mine.h5 --planes difference --normalisation none
    """
    from otrain.files import onnx_files
    from otrain.pipeline.modelling import ImportRequest, import_model

    request = ImportRequest(
        source, output, planes_of(planes), normalisation.value if normalisation else None,
        preset.value if preset else None, architecture, onnx_files.Meaning(meaning.value), threshold, licence,
    )  # fmt: skip
    cli.show(import_model(request, overwrite=overwrite).described())


def export(
    model: Annotated[Path, typer.Argument(help="Trained model, .h5")],
    output: Annotated[Path, cli.option("-o", "--output", help="File to write, NAME.onnx")],
    overwrite: cli.Overwrite = False,
) -> None:
    """Write the network of a model as an ONNX file, with its card in the metadata.

    Example:
      otrain export first.h5 -o first.onnx
    """
    from otrain.files.models import read_model
    from otrain.files.onnx_files import write_onnx

    write_onnx(read_model(model), output, overwrite=overwrite)
    cli.say(f"wrote {output}")


def card(model: Annotated[Path, typer.Argument(help="Trained model, .h5")]) -> None:
    """Show what a model says of itself: input, normalisation, threshold, calibration, data, versions, scores.

    Example:
      otrain card first.h5 --json
    """
    from otrain.files.models import read_model

    cli.show(read_model(model).card.described())
