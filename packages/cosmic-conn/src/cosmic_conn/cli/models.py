"""``cosmic-conn models``: what is there, the import of published checkpoints, and how the shipped weights are made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from shared_io import cli


def register(app: cli.App) -> None:
    """Add the verbs to the application."""
    group = cli.App("cosmic-conn", "cosmic-conn", "List, import and train models.")
    group.command("list")(list_models)
    group.command("import")(import_model)
    group.command("train")(train_model)
    app.add_typer(group, name="models")


def list_models() -> None:
    """List the models that come with this program.

    Example:
      cosmic-conn models list
    """
    from cosmic_conn.models.registry import shipped

    rows = [
        {
            "name": name,
            "hidden": card.architecture.hidden,
            "norm": card.architecture.norm,
            "threshold": card.threshold,
            "licence": card.licence,
            "sha256": card.sha256[:12],
        }
        for name, card in shipped().items()
    ]
    cli.show(rows)


def import_model(
    checkpoint: Annotated[Path, typer.Argument(help="A .pth or .pth.tar file of Cosmic-CoNN")],
    output: Annotated[
        Path | None, cli.option("-o", "--output", help="File of the weights [default: NAME.safetensors here]")
    ] = None,
    overwrite: cli.Overwrite = False,
) -> None:
    """Translate a published checkpoint into safetensors and a card; nothing in it is run.

    Example:
      cosmic-conn models import cosmic-conn_ground_imaging_v0.2.8.pth
      cosmic-conn -m published_ground_imaging.safetensors -i night1
    """
    from cosmic_conn.models.published import import_checkpoint

    path, card = import_checkpoint(checkpoint, output, overwrite=overwrite)
    cli.show({"weights": str(path), "model": card.name, "source": card.source, "sha256": card.sha256})


def train_model(
    output: Annotated[Path, typer.Argument(help="File of the weights, ending .safetensors")],
    stamps: Annotated[
        Path | None, cli.option("--stamps", help="JSON of real cosmic rays; the first 100 are learnt from")
    ] = None,
    backgrounds: Annotated[
        list[str] | None,
        cli.option("--backgrounds", help="Real images without cosmic rays to learn on: files, folders"),
    ] = None,
    steps: Annotated[int, cli.option("--steps", help="Batches to learn from", min=1)] = 6000,
    hidden: Annotated[int, cli.option("--hidden", help="Channels of the first convolution", min=1)] = 16,
    threshold: Annotated[float, cli.option("--threshold", help="That the card shall name")] = 0.5,
    seed: cli.Seed = 1,
    overwrite: cli.Overwrite = False,
) -> None:
    """Train a network on simulated frames: how the weights that are shipped were made.

    One core takes about an hour. The state is kept every 500 steps; the same command goes on from there.

    Example:
      cosmic-conn models train mine.safetensors --stamps stamps.json --backgrounds galaxies --threshold 0.4
    """
    from dataclasses import replace

    from shared_io import locate

    from cosmic_conn.training.loop import Recipe
    from cosmic_conn.training.recipe import Sources, make_weights

    recipe = Recipe(steps=steps, seed=seed)
    recipe = replace(recipe, architecture=replace(recipe.architecture, hidden=hidden))
    sources = Sources(stamps, locate.files(backgrounds) if backgrounds else ())
    words = [f"--stamps {stamps.name}"] if stamps else []
    words += [f"--backgrounds {' '.join(Path(given).name for given in backgrounds)}"] if backgrounds else []
    command = " ".join(["cosmic-conn models train", output.name, *words, f"--steps {steps} --hidden {hidden}"])
    command += f" --threshold {threshold} --seed {seed}"
    with cli.progress(steps, "steps") as shown:
        card = make_weights(
            output, recipe, sources, threshold=threshold, command=command, overwrite=overwrite,
            report=lambda step, loss: shown.advance(100 if step % 100 == 0 else step % 100),
        )  # fmt: skip
    cli.show({"weights": str(output), "sha256": card.sha256})
