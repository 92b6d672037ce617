"""``otrain-diagnostics``, ``-plot-results``, ``-grad-cam`` and ``-checkinfer``: how good a model is, and why."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from shared_io import cli

from otrain.cli.choices import CubePath, TargetFNR, TargetFPR, Threshold

Validation = Annotated[
    Path,
    cli.option("--path-cube-validation", "--cube", "-i", "--input", help="Cube of cut-outs the model has not seen"),
]
TheModel = Annotated[Path, cli.option("--model-path", "--model", help="Trained model, .h5")]


class MapKind(StrEnum):
    """Ways to map what decided."""

    FUSED = "fused"
    GRAD = "grad"
    HIRES = "hires"
    LAYER = "layer"
    OCCLUSION = "occlusion"


def register(app: cli.App) -> None:
    """Add the verbs to the application."""
    app.command("diagnostics")(diagnostics)
    app.command("plot-results")(plot_results)
    app.command("grad-cam")(grad_cam)
    app.command("checkinfer")(checkinfer)


def diagnostics(
    path_cube_validation: Validation,
    model_path: TheModel,
    threshold: Threshold = None,
    target_fpr: TargetFPR = None,
    target_fnr: TargetFNR = None,
    path_diagnostics: Annotated[Path, cli.option("--path-diagnostics", "-o", "--output",
                                                 help="Folder of the pictures of right and wrong ones")]
        = Path("cnn_results"),
    seed: cli.Seed = 0,
    overwrite: cli.Overwrite = False,
    resume: cli.Resume = True,
) -> None:  # fmt: skip
    """Score a model on cut-outs that it has not seen, and draw the misclassified ones.

    Example:
      otrain-diagnostics --path-cube-validation cube_validation.npz --model-path first.h5 --threshold 0.6
    """
    from otrain.model import Decision
    from otrain.pipeline.diagnose import Request, diagnose
    from otrain.pipeline.running import Running

    decision = Decision(threshold, target_fpr, target_fnr)
    request = Request(path_cube_validation, model_path, path_diagnostics, decision, seed)
    cli.show(diagnose(request, Running(overwrite, resume)))


def plot_results(
    path_cube_validation: Validation,
    model_path: TheModel,
    path_plots: Annotated[Path, cli.option("--path-plots", "-o", "--output", help="Folder of the plots")],
    threshold: Threshold = None,
    overwrite: cli.Overwrite = False,
    resume: cli.Resume = True,
) -> None:
    """Plot ROC, precision, F1 and MCC, probabilities, reliability, and scores by magnitude, error, FWHM and filter.

    Example:
      otrain-plot-results --path-cube-validation cube_validation.npz --model-path first.h5 --path-plots plots
    """
    from otrain.model import Decision
    from otrain.pipeline.diagnose import Request, plot
    from otrain.pipeline.running import Running

    request = Request(path_cube_validation, model_path, path_plots, Decision(threshold))
    cli.show(plot(request, Running(overwrite, resume)))


def grad_cam(
    cube: Annotated[Path, cli.option("--cube", "-i", "--input", help=CubePath)],
    model_path: TheModel,
    cam_path: Annotated[Path, cli.option("--cam-path", "-o", "--output", help="Folder of the pictures")]
        = Path("grad_cam"),
    n_random: Annotated[int, cli.option("--n-random", help="Well classified candidates of each class, at random",
                                        min=0)] = 30,
    threshold: Threshold = None,
    layer: Annotated[str | None, cli.option("--layer", help="Convolution to look at", show_default="the last")] = None,
    method: Annotated[MapKind, cli.option("--method", help="fused: HiResCAM of the layer, LayerCAM of a finer one; "
                                                 "either alone; Grad-CAM; or covering pieces")]
        = MapKind.FUSED,
    seed: cli.Seed = 0,
    overwrite: cli.Overwrite = False,
    resume: cli.Resume = True,
) -> None:  # fmt: skip
    """Show where in a cut-out a model finds what decides: all misclassified ones and some that are right.

    Example:
      otrain-grad-cam --cube cube_validation.npz --model-path first.h5 --cam_path cams --n_random 10
      otrain-grad-cam --cube cube_validation.npz --model-path first.h5 --cam-path covered --method occlusion
    """
    from otrain.model import Decision
    from otrain.pipeline.diagnose import CamRequest, draw_maps
    from otrain.pipeline.running import Running

    request = CamRequest(cube, model_path, cam_path, Decision(threshold), seed, n_random, layer, method.value)
    cli.show(draw_maps(request, Running(overwrite, resume)))


def checkinfer(
    plots: Annotated[Path, cli.option("--plots", "-o", "--output", help="Folder of the plots")],
    crossmatch: Annotated[Path, cli.option("--crossmatch", help="crossmatch.dat of simulated sources, or its folder")],
    infer: Annotated[Path, cli.option("--infer", help="infer_results.dat, or its folder")],
    maglim: Annotated[list[float], cli.option("--maglim", "--mag-lim", help="Magnitudes that divide the range",
                                              unit="mag")] = [12, 18, 21],  # noqa: B006
    cnn_problim: Annotated[list[float], cli.option("--cnn-problim", help="Probabilities that divide the results")]
        = [0.1, 0.5, 0.7],  # noqa: B006
    fwhm_ratio_lower: Annotated[float, cli.option("--fwhm-ratio-lower", help="Least FWHM / FWHM of the PSF")] = 0.5,
    fwhm_ratio_upper: Annotated[float, cli.option("--fwhm-ratio-upper", help="Largest FWHM / FWHM of the PSF")] = 4.2,
    overwrite: cli.Overwrite = False,
    resume: cli.Resume = True,
) -> None:  # fmt: skip
    """Plot what a model says about simulated sources, to choose a threshold.

    Example:
      otrain-checkinfer --plots . --crossmatch crossmatch.dat --infer infer_results.dat --maglim 12 18 21
    """
    from otrain.pipeline.checkinfer import Request, checkinfer
    from otrain.pipeline.running import Running

    request = Request(plots, crossmatch, infer, tuple(maglim), tuple(cnn_problim), fwhm_ratio_lower, fwhm_ratio_upper)
    cli.show(checkinfer(request, Running(overwrite, resume)))
