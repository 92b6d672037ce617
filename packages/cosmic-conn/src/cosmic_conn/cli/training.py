"""``cosmic-conn train``: a network of one's own from masked frames."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from shared_io import cli


class Mode(StrEnum):
    """What to do."""

    TRAIN = "train"
    INFERENCE = "inference"


class Kind(StrEnum):
    """Layouts of the data."""

    LCO = "lco"
    HST = "hst"
    NRES = "nres"


class Loss(StrEnum):
    """Losses."""

    BCE = "bce"
    MEDIAN_BCE = "median_bce"
    DICE = "dice"
    MSE = "mse"


class Norm(StrEnum):
    """Normalisations."""

    BATCH = "batch"
    GROUP = "group"
    INSTANCE = "instance"


class ConvType(StrEnum):
    """Blocks of the network."""

    UNET = "unet"
    RESNET = "resnet"


class UpType(StrEnum):
    """Steps up."""

    DECONV = "deconv"
    UPSCALE = "upscale"


class DownType(StrEnum):
    """Steps down."""

    MAXPOOL = "maxpool"
    AVGPOOL = "avgpool"
    STRIDE = "stride"


class Precision(StrEnum):
    """Arithmetic."""

    AUTO = "auto"
    FP32 = "fp32"
    BF16 = "bf16"


def register(app: cli.App) -> None:
    """Add the verb to the application."""
    app.command("train")(train)


def train(
    data: Annotated[Path, cli.option("--data", "-i", "--input", help="Folder of the data, searched to its bottom")]
        = Path("data"),
    mode: Annotated[Mode, cli.option("--mode", help="inference: score --load_model on the data, write nothing")]
        = Mode.TRAIN,
    seed: cli.Seed = 0,
    random_seed: Annotated[bool, cli.option("--random_seed", help="Begin with the best of 30 random seeds")] = False,
    max_train_size: Annotated[int, cli.option("--max_train_size", help="Files drawn for an epoch; 0: all", min=0)] = 0,
    lr: Annotated[float, cli.option("--lr", help="Learning rate")] = 1e-3,
    milestones: Annotated[list[int] | None, cli.option("--milestones", help="Epochs behind which lr falls to a tenth",
                                                       metavar="EPOCH...", show_default="0: never")] = None,
    min_exposure: Annotated[float, cli.option("--min_exposure", help="Leave shorter exposures out", unit="s",
                                              min=0)] = 0,
    crop: Annotated[int, cli.option("--crop", help="Side of the stamps to learn from", unit="pixel", min=8)] = 1024,
    batch: Annotated[int, cli.option("--batch", help="Stamps in a step", min=1)] = 4,
    comment: Annotated[str, cli.option("--comment", help="Behind the time in the name of the run's folder")] = "",
    model: Annotated[Kind, cli.option("--model", help="Layout of files not named lco_*, hst_* or nres_*")] = Kind.LCO,
    loss: Annotated[Loss, cli.option("--loss", help="Loss function")] = Loss.MEDIAN_BCE,
    imbalance_alpha: Annotated[float, cli.option("--imbalance_alpha", help="Epochs in which the lower bound of the "
                                                 "weights of median_bce rises to 1", min=0)] = 100,
    norm: Annotated[Norm, cli.option("--norm", help="Normalisation of features")] = Norm.GROUP,
    no_affine: Annotated[bool, cli.option("--no_affine", help="Normalise without learnt scale and offset")] = False,
    n_group: Annotated[int, cli.option("--n_group", help="Groups of the group normalisation", min=1)] = 8,
    gn_channel: Annotated[int, cli.option("--gn_channel", help="Channels a group, in place of --n_group; 0: by it",
                                          min=0)] = 0,
    conv_type: Annotated[ConvType, cli.option("--conv_type", help="Blocks: plain or residual")] = ConvType.UNET,
    up_type: Annotated[UpType, cli.option("--up_type", help="Steps up")] = UpType.DECONV,
    down_type: Annotated[DownType, cli.option("--down_type", help="Steps down")] = DownType.MAXPOOL,
    deeper: Annotated[bool, cli.option("--deeper", help="One more step down and up")] = False,
    hidden: Annotated[int, cli.option("--hidden", help="Channels of the first convolution", min=1, max=512)] = 32,
    epoch: Annotated[int, cli.option("--epoch", help="Epochs to train", min=1)] = 3000,
    eval_epoch: Annotated[int, cli.option("--eval_epoch", help="Epochs with running statistics, of norm batch",
                                          min=0)] = 10,
    validate_freq: Annotated[int, cli.option("--validate_freq", help="Epochs between validations", min=1)] = 1,
    valid_ratio: Annotated[float, cli.option("--validRatio", help="Share of the files held back to validate")] = 0.2,
    max_valid_size: Annotated[int, cli.option("--max_valid_size", help="Their number, in place of the share; 0: the "
                                              "share", min=0)] = 0,
    valid_crop: Annotated[int, cli.option("--valid_crop", help="Side of the middle that is validated", unit="pixel",
                                          min=8)] = 2000,
    continue_train: Annotated[str, cli.option("--continue_train", help="Run to continue: its name below --output, or "
                                              "its path; its options hold unless others are given")] = "",
    continue_epoch: Annotated[int, cli.option("--continue_epoch", help="Epoch to continue from: that of the best or "
                                              "of the last; 0: the last", min=0)] = 0,
    load_model: Annotated[str, cli.option("--load_model", help="Weights to begin with, or to score: name, "
                                          ".safetensors, .pth")] = "",
    output: Annotated[Path, cli.option("-o", "--output", help="Folder of the runs")] = Path("checkpoints"),
    device: Annotated[str, cli.option("--device", help="auto, cpu or cuda")] = "auto",
    precision: Annotated[Precision, cli.option("--precision", help="bf16: mixed; auto: mixed on a GPU")]
        = Precision.AUTO,
    threads: Annotated[int | None, cli.option("--threads", help="Threads", show_default="all cores", min=1)] = None,
    tensorboard: Annotated[bool | None, cli.option("--tensorboard/--no-tensorboard", help="Write summaries",
                                                   show_default="where tensorboard is installed")] = None,
    overwrite: cli.Overwrite = False,
) -> None:  # fmt: skip
    """Train a network on masked frames: those of 'cosmic-conn reduce', or of the LCO, NRES and HST data sets.

    A run's folder, TIME_COMMENT, holds the best and the last weights with their cards, a log, and report.html.

    Example:
      cosmic-conn train --data night1 --hidden 16 --crop 256 --epoch 100 --comment first
      cosmic-conn train --data night1 --continue_train 2026_01_31_20_15_first --epoch 200
      cosmic-conn detect -i night2 -m checkpoints/2026_01_31_20_15_first/models/best.safetensors
    """
    from cosmic_conn.cli.requests import training_of

    values = {name: getattr(value, "value", value) for name, value in locals().items()}
    request = training_of(values)
    if mode == Mode.INFERENCE:
        from cosmic_conn.pipeline.training import score_files

        cli.show(score_files(request))
        return
    from cosmic_conn.pipeline.training import train_files

    with cli.progress(epoch, "epochs") as shown:
        outcome = train_files(request, lambda number, line: shown.advance())
    cli.show(outcome)
