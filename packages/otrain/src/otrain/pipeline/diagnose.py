"""A model and a cube with labels -> scores, pictures of right and wrong ones, plots, maps of what decided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from shared_io import atomic
from shared_io.batch import Report
from shared_io.provenance import Provenance, digest

from otrain.attention import grad_cam, occlusion
from otrain.cutouts import Cube
from otrain.evaluation import evaluate
from otrain.files import datacube
from otrain.files.load import load
from otrain.inference import Classifier, Prediction
from otrain.model import Decision
from otrain.pipeline import galleries, showing
from otrain.pipeline.running import Running, once, provenance

__all__ = ["CamRequest", "Request", "diagnose", "draw_maps", "plot"]

Array = npt.NDArray[Any]

CAM_FOLDERS = {"TN": "True Negative", "TP": "True Positive", "FP": "False Positive", "FN": "False Negative"}


@dataclass(frozen=True)
class Request:
    """A model, objects that it has not seen, and where the results go."""

    cube: Path
    model: Path
    output: Path
    decision: Decision = field(default_factory=Decision)
    seed: int = 0


@dataclass(frozen=True)
class CamRequest(Request):
    """What is mapped; see the options of ``otrain-grad-cam``."""

    number: int = 30
    layer: str | None = None
    kind: str = "fused"


@dataclass(frozen=True)
class _Judged:
    """A cube with what the model says about it."""

    cube: Cube
    classifier: Classifier
    found: Prediction

    @property
    def truth(self) -> Array:
        return self.cube.labels == 1


def _judged(request: Request) -> _Judged:
    cube = datacube.read_cube(request.cube)
    classifier = load(request.model, request.decision)
    wanted = classifier.card.preprocessing.planes
    cube = cube.select(wanted) if len(wanted) < len(cube.planes) else cube
    return _Judged(cube, classifier, classifier.predict(cube.pixels))


def _made(verb: str, request: Request) -> Provenance:
    chosen = {k: v for k, v in asdict(request).items() if k not in ("cube", "model", "output")}
    return provenance(verb, chosen, [request.cube], model=digest(request.model))


def _run(verb: str, request: Request, outputs: list[Path], work: Callable[[], str], running: Running | None) -> Report:
    made = _made(verb, request)
    galleries.checked_folder(request.output)
    return once(str(request.output), made, outputs, work, running or Running(),
                folder=request.output, what=verb)  # fmt: skip


def diagnose(request: Request, running: Running | None = None) -> Report:
    """Score a model and write pictures: OUTPUT/validation_set/{misclassified,well_classified}/images_*.

    Parameters
    ----------
    request : Request
    running : Running, optional

    Returns
    -------
    Report
        With the scores.
    """
    folder = request.output / "validation_set"

    def work() -> str:
        judged = _judged(request)
        rows = galleries.drawn(galleries.outcomes(judged.truth, judged.found.real), showing.RIGHT, request.seed)
        groups = {key: (galleries.FOLDERS[key], found) for key, found in rows.items()}
        galleries.write_pictures(folder, "pictures.csv", groups, judged.cube, judged.found.probability,
                                 overwrite=bool(running and running.overwrite))  # fmt: skip
        scores = evaluate(judged.truth, judged.found.probability, judged.classifier.threshold, groups=_families(judged))
        return f"{len(judged.cube)} cut-outs\n{scores.to_text()}"

    return _run("diagnostics", request, [folder / "pictures.csv"], work, running)


def _families(judged: _Judged) -> Array | None:
    names = judged.cube.column("object")
    return names if (names != "").all() else None


def plot(request: Request, running: Running | None = None) -> Report:
    """Write the plots of `otrain.pipeline.showing.PLOTS` into OUTPUT; what else is there stays.

    Parameters
    ----------
    request : Request
    running : Running, optional
    """

    def work() -> str:
        judged = _judged(request)
        shown = showing.Shown(judged.cube, judged.found.probability, judged.found.uncertainty)
        for name, data in showing.plots(shown, judged.classifier.threshold).items():
            atomic.write_bytes(request.output / name, data, overwrite=True)
        return f"{len(showing.PLOTS)} plots of {len(judged.cube)} cut-outs"

    return _run("plot-results", request, [request.output / name for name in showing.PLOTS], work, running)


def draw_maps(request: CamRequest, running: Running | None = None) -> Report:
    """Write OUTPUT/{True Positive,...}/cutout_CAM_i.png: all that are wrong, some at random of those that are right.

    Parameters
    ----------
    request : CamRequest
    running : Running, optional
    """

    def work() -> str:
        judged = _judged(request)
        rows = galleries.drawn(galleries.outcomes(judged.truth, judged.found.real), request.number, request.seed)
        groups = {key: (CAM_FOLDERS[key], found) for key, found in rows.items()}
        chosen = np.unique(np.concatenate(list(rows.values())))
        maps = np.zeros(judged.cube.pixels.shape[:3])
        real = judged.found.real[chosen]
        stamps = judged.cube.pixels[chosen]
        maps[chosen] = (
            occlusion(judged.classifier, stamps, real=real) if request.kind == "occlusion"
            else grad_cam(judged.classifier, stamps, layer=request.layer, real=real, kind=request.kind)
        )  # fmt: skip
        count = galleries.write_pictures(
            request.output, "maps.csv", groups, judged.cube, judged.found.probability, name="cutout_CAM_{}.png",
            maps=maps, overwrite=bool(running and running.overwrite),
        )  # fmt: skip
        empty = int((maps[chosen].max(axis=(1, 2)) == 0).sum())
        told = f"; {empty} are empty: nothing spoke for the class" if empty else ""
        return f"{count} maps{told}"

    return _run("grad-cam", request, [request.output / "maps.csv"], work, running)
