"""``otrain-train`` and ``otrain-optimise-dataset-size``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from shared_io import cli

from otrain.cli.choices import CubePath, Device, NetworkName, Normalisation, TargetFNR, TargetFPR, Threshold, planes_of

Epochs = Annotated[int, cli.option("--epochs", help="The most epochs; each shows every cut-out 4 times", min=1)]
Dropout = Annotated[float, cli.option("--dropout", help="Part that each dropout drops", min=0, max=0.9)]
Network = Annotated[NetworkName, cli.option("--network", help="small: the default; otrain: that of O'TRAIN")]
Members = Annotated[
    int | None,
    cli.option("--members", help="Networks in the ensemble", min=1, max=32, show_default="4; of network otrain 1"),
]
SplitBy = Annotated[
    str,
    cli.option("--split-by", help="What stays together: object, night, field, candid, none, or several: object+night"),
]


def register(app: cli.App) -> None:
    """Add the verbs to the application."""
    app.command("train")(train)
    app.command("optimise-dataset-size")(optimise_dataset_size)


def train(
    cube: Annotated[Path, cli.option("--cube", "-i", "--input", help=CubePath)],
    model_path: Annotated[Path, cli.option("--model-path", "-o", "--output", help="Folder of the models")],
    model_name: Annotated[str, cli.option("--model-name", help="Name of the model")],
    epochs: Epochs = 10,
    frac: Annotated[float, cli.option("--frac", help="Part that is held back to judge the model", min=0, max=0.9)]
        = 0.15,
    dropout: Dropout = 0.3,
    threshold: Threshold = None,
    target_fpr: TargetFPR = None,
    target_fnr: TargetFNR = None,
    network: Network = NetworkName.SMALL,
    members: Members = None,
    size: Annotated[int | None, cli.option("--size", help="Central square that is used; -1: all", unit="px", min=-1,
                                           show_default="32, or all if less")] = None,
    normalisation: Annotated[Normalisation, cli.option("--normalisation", help="Of each cut-out")]
        = Normalisation.ROBUST,
    planes: Annotated[list[str] | None, cli.option("--planes", help="Planes of the cube to learn from",
                                                   show_default="all", metavar="NAME...")] = None,
    views: Annotated[int, cli.option("--views", help="Rotations and flips averaged in inference", min=1, max=8)] = 1,
    batch: Annotated[int, cli.option("--batch", help="Cut-outs a step", min=1)] = 32,
    balance: Annotated[float, cli.option("--balance", help="Weight of the rarer class: 0 none, 1 in full", min=0,
                                         max=1)] = 0.5,
    split_by: SplitBy = "auto",
    report: Annotated[bool, cli.option("--report/--no-report", help="Write plots, pictures and the page")] = True,
    device: Annotated[Device, cli.option("--device", help="Where to train")] = Device.AUTO,
    gpus: Annotated[int, cli.option("--gpus", help="GPUs that share each batch", min=1)] = 1,
    seed: cli.Seed = 0,
    overwrite: cli.Overwrite = False,
    resume: cli.Resume = True,
) -> None:  # fmt: skip
    """Train a network on a data cube.

    MODELPATH/CNN_training/NAME/ then holds the model NAME.h5 with its card, the cut-outs that were held back
    (validation_set/), plots, pictures of right and wrong ones, and the page report.html.

    Example:
      otrain-train --cube datacube/night1.npz --model-path . --model-name first
      otrain-train --cube datacube/night1.npz --model-path . --model-name strict --target-fpr 0.01 --split-by night
    """
    from otrain.model import Decision
    from otrain.pipeline.running import Running
    from otrain.pipeline.train import Request, recipe, train_cube
    from otrain.training.ensemble import Plan

    number = members or (4 if network == NetworkName.SMALL else 1)
    plan = Plan(network.value, number, dropout, recipe(epochs, gpus, batch, balance), seed)
    request = Request(
        cube, model_path, model_name, plan, frac, size, normalisation.value, views, split_by,
        Decision(threshold, target_fpr, target_fnr), device.value, report, planes_of(planes),
    )  # fmt: skip
    cli.show(train_cube(request, Running(overwrite, resume)))


def optimise_dataset_size(
    cube: Annotated[Path, cli.option("--cube", "-i", "--input", help=CubePath)],
    model_name: Annotated[str, cli.option("--model-name", help="Name in the names of the outputs")],
    outdir: Annotated[Path, cli.option("--outdir", "-o", "--output", help="Folder of the results")],
    model_path: Annotated[Path | None, cli.option("--model-path", help="Accepted for old scripts; models of parts are "
                                                  "not kept")] = None,
    epochs: Epochs = 10,
    n_sections: Annotated[int, cli.option("--n-sections", help="Sizes, from all downwards", min=2)] = 20,
    dropout: Dropout = 0.3,
    repeats: Annotated[int, cli.option("--repeats", help="Trainings for each size, on other parts", min=1)] = 3,
    goal: Annotated[float | None, cli.option("--goal", help="MCC for which the number of labels is asked", min=0,
                                             max=1)] = None,
    frac: Annotated[float, cli.option("--frac", help="Part that judges all of them", min=0.05, max=0.9)] = 0.2,
    network: Network = NetworkName.SMALL,
    members: Annotated[int, cli.option("--members", help="Networks in each ensemble", min=1, max=32)] = 1,
    split_by: SplitBy = "auto",
    device: Annotated[Device, cli.option("--device", help="Where to train")] = Device.AUTO,
    seed: cli.Seed = 0,
    overwrite: cli.Overwrite = False,
    resume: cli.Resume = True,
) -> None:  # fmt: skip
    """Train on smaller and smaller parts of a cube, judged by the same cut-outs: how many labels pay.

    Example:
      otrain-optimise-dataset-size --cube night1.npz --model-name first --outdir sizes --n_sections 5 --goal 0.9
    """
    from otrain.pipeline.running import Running
    from otrain.pipeline.sizes import Request, optimise
    from otrain.pipeline.train import Request as TrainRequest
    from otrain.pipeline.train import recipe
    from otrain.training.ensemble import Plan

    plan = Plan(network.value, members, dropout, recipe(epochs), seed)
    training = TrainRequest(cube, model_path or outdir, model_name, plan, frac, split_by=split_by, device=device.value)
    cli.show(optimise(Request(training, outdir, n_sections, repeats, goal), Running(overwrite, resume)))
