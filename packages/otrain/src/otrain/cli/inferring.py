"""``otrain-infer``: probabilities of new cut-outs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from shared_io import cli

from otrain.cli.choices import Planes, TableFormat, TargetFNR, TargetFPR, Threshold, planes_of


def register(app: cli.App) -> None:
    """Add the verb to the application."""
    app.command("infer")(infer)


def infer(
    cutouts: Annotated[list[Path], cli.option("--cutouts", "-i", "--input", help="Folder(s) of cut-outs")],
    model: Annotated[Path, cli.option("--model", help="Trained model, .h5")],
    prob_ratio: Annotated[
        float | None,
        cli.option("--prob-ratio", help="Real objects for each bogus one in these images: corrects the probabilities",
                   show_default="as in training"),
    ] = None,
    threshold: Threshold = None,
    target_fpr: TargetFPR = None,
    target_fnr: TargetFNR = None,
    output: Annotated[Path | None, cli.option("-o", "--output", help="File to write",
                                              show_default="infer_results.dat in each folder")] = None,
    form: Annotated[TableFormat, cli.option("--format", help="Of the table; dat has the columns of O'TRAIN only")]
        = TableFormat.DAT,
    planes: Planes = None,
    workers: cli.Workers = 1,
    overwrite: cli.Overwrite = False,
    resume: cli.Resume = True,
) -> None:  # fmt: skip
    """Give every cut-out its probability of being real.

    label0 is the probability of a bogus, label1 of a real object. Cut-outs with EDGE true are left out. Formats other
    than dat also hold the uncertainty and whether the probability is above the threshold.

    Example:
      otrain-infer --cutouts candidates --model CNN_training/first/first.h5
      otrain-infer --cutouts night1 night2 --model first.h5 --prob-ratio 0.01 --target-fpr 0.001 --format parquet
    """
    from otrain.model import Decision
    from otrain.pipeline.infer import SUFFIXES, Request, infer
    from otrain.pipeline.running import Running

    known = {suffix: name for name, suffix in SUFFIXES.items()}
    chosen = known.get(output.suffix.lower(), form.value) if output is not None else form.value
    decision = Decision(threshold, target_fpr, target_fnr, prob_ratio)
    request = Request(tuple(cutouts), model, output, chosen, planes_of(planes), decision, workers)
    cli.show(infer(request, Running(overwrite, resume)))
