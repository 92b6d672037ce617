"""A data cube -> a model with its card, and everything that shows how good it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from shared_io.batch import Report
from shared_io.cli import progress
from shared_io.errors import SchemaMismatch

from otrain import graph, splits
from otrain.cutouts import Cube
from otrain.evaluation import evaluate
from otrain.files import datacube, models
from otrain.inference import Classifier
from otrain.model import Card, Decision, Model
from otrain.pipeline import showing
from otrain.pipeline.members import Members
from otrain.pipeline.running import Running, once, provenance
from otrain.preprocessing import Preprocessing
from otrain.training import framework
from otrain.training.ensemble import Kept, Plan, Trained, train
from otrain.training.loop import Recipe

__all__ = ["Request", "fit_model", "make_model", "train_cube"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Request:
    """What is trained; see the options of ``otrain-train``."""

    cube: Path
    folder: Path
    name: str
    plan: Plan = field(default_factory=Plan)
    frac: float = 0.15
    size: int | None = None
    normalisation: str = "robust"
    views: int = 1
    split_by: str = "auto"
    decision: Decision = field(default_factory=Decision)
    device: str = "auto"
    report: bool = True
    planes: tuple[str, ...] = ()

    @property
    def home(self) -> Path:
        """The folder of all that the training writes."""
        return self.folder / "CNN_training" / self.name

    @property
    def model(self) -> Path:
        """The model file."""
        return self.home / f"{self.name}.h5"

    def config(self) -> dict[str, Any]:
        """Every setting that changes the outputs."""
        chosen = {k: v for k, v in asdict(self).items() if k not in ("cube", "folder", "device")}
        return {**chosen, "name": self.name}


def train_cube(request: Request, running: Running | None = None) -> Report:
    """Train, and write MODELPATH/CNN_training/NAME/.

    Parameters
    ----------
    request : Request
    running : Running, optional

    Returns
    -------
    Report
    """
    made = provenance("train", request.config(), [request.cube])
    outputs = [request.model, models.card_path(request.model), validation_path(request.home)]
    outputs += showing.outputs(request.home, request.name, trained=True) if request.report else []
    return once(request.model.name, made, outputs, lambda: _train(request, made), running or Running(),
                folder=request.home, what="models")  # fmt: skip


def validation_path(home: Path) -> Path:
    """Return where the cut-outs that were held back are written."""
    return home / "validation_set" / "datacube" / "cube_validation.npz"


def _train(request: Request, made: Any) -> str:
    cube = datacube.read_cube(request.cube)
    cube = cube.select(request.planes) if request.planes else cube
    framework.load(request.device)
    split = splits.split(cube, request.split_by, request.frac, request.plan.seed)
    rest, held = cube.rows(np.flatnonzero(~split.held)), cube.rows(np.flatnonzero(split.held))
    members = Members(request.home, made.key)
    with progress(None, "steps") as shown:
        model, trained = fit_model(rest, split.families[~split.held], request, data=cube.data, advance=shown.advance,
                                   kept=members)  # fmt: skip
    classifier = Classifier(model)
    found = None
    if len(held):
        probability = classifier.predict(held.pixels).probability
        found = evaluate(held.labels == 1, probability, classifier.threshold, groups=split.families[split.held])
        scores = {"held_back": found.summary(), "split": _told(split)}
        model = replace(model, card=replace(model.card, training={**model.card.training, **scores}))
        datacube.write_cube(validation_path(request.home), held, overwrite=True, one_hot=True)
    else:
        datacube.write_cube(validation_path(request.home), rest, overwrite=True, one_hot=True)
    models.write_model(model, request.model, overwrite=True, provenance=made)
    if request.report:
        showing.after_training(request.home, request.name, model, rest, held, trained)
    members.clear(request.plan.members)
    twins = f"\n{split.duplicates} cut-outs have twins, kept on one side" if split.duplicates else ""
    text = found.to_text() if found else "no cut-out was held back"
    return f"{len(rest)} cut-outs learned from, {len(held)} held back (split by {split.by}){twins}\n{text}"


def _told(split: splits.Split) -> dict[str, Any]:
    return {"by": split.by, "families": int(split.families.max()) + 1, "twins": split.duplicates,
            "contradictions": split.contradictions}  # fmt: skip


def fit_model(cube: Cube, families: Array, request: Request, *, data: str = "", advance: Any = None,
              kept: Kept | None = None) -> tuple[Model, Trained]:  # fmt: skip
    """Train on a whole cube and return the model.

    Parameters
    ----------
    cube : Cube
    families : ndarray, shape (n,)
        See `otrain.splits`.
    request : Request
    data : str
        sha256 of the data, for the card.
    advance : callable, optional
        Told how many steps were done.
    kept : Kept, optional
        See `otrain.training.ensemble.train`.

    Raises
    ------
    SchemaMismatch
        If the cut-outs are too small for the network, or too few.
    """
    side = min(cube.pixels.shape[1:3])
    size = request.size if request.size is not None else min(side, 32)
    if side < 16 or 0 <= size < 16:
        raise SchemaMismatch(
            f"cut-outs of {cube.pixels.shape[2]} x {cube.pixels.shape[1]} pixels, used {size}: at least 16 are needed"
        )
    if size > side:
        raise SchemaMismatch(f"a square of {size} pixels cannot be cut from {side}", hint="give a smaller --size")
    prepare = Preprocessing(cube.planes, size, request.normalisation)
    trained = train(cube.pixels, cube.labels, families, prepare, request.plan, progress=advance, kept=kept)
    return make_model(trained, cube, prepare, request, data), trained


def make_model(trained: Trained, cube: Cube, prepare: Preprocessing, request: Request, data: str) -> Model:
    """Put trained networks and all that belongs to them into one model."""
    seen = np.isfinite(trained.z)
    truth = cube.labels[seen] == 1
    network = trained.networks[0]
    real, bogus = int((cube.labels == 1).sum()), int((cube.labels == 0).sum())
    calibrated = {"real": int(truth.sum()), "bogus": int((~truth).sum())}
    training = {
        "data_sha256": data, "real": real, "bogus": bogus, "calibrated_on": calibrated,
        "settings": request.config(), "versions": framework.frameworks(), "parameters": trained.parameters,
        "epochs": [len(history) for history in trained.histories],
    }  # fmt: skip
    card = Card(
        request.name, request.plan.network, network.shape, len(trained.networks), network.described(), prepare,
        request.views, trained.slope, trained.offset, calibrated["real"] / calibrated["bogus"], trained.threshold,
        training, "that of the training data", str(request.cube.name),
    )  # fmt: skip
    model = Model(card, graph.to_onnx(trained.networks), trained.z[seen], truth)
    return model.with_threshold(request.decision)


def recipe(epochs: int, gpus: int = 1, batch: int = 32, balance: float = 0.5) -> Recipe:
    """Return the default recipe with some of its values."""
    return Recipe(epochs=epochs, gpus=gpus, batch=batch, balance=balance)
