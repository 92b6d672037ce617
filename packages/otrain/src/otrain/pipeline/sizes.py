"""Trainings on parts of a cube, all judged by the same objects: so many labels are enough."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from shared_io import table
from shared_io.batch import Report
from shared_io.cli import progress
from shared_io.errors import SchemaMismatch

from otrain import splits
from otrain.cutouts import Cube
from otrain.figures import canvas, sizes
from otrain.files import datacube
from otrain.inference import Classifier
from otrain.kernels import calibration, learning_curve, scores
from otrain.pipeline.running import Running, once, provenance
from otrain.pipeline.train import Request as TrainRequest
from otrain.pipeline.train import fit_model
from otrain.training import framework

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["Request", "optimise"]

Array = npt.NDArray[Any]

LEAST = 12
"""Objects of each class from which on a size is tried."""


@dataclass(frozen=True)
class Request:
    """What is trained how often; see the options of ``otrain-optimise-dataset-size``."""

    training: TrainRequest
    output: Path
    sections: int = 20
    repeats: int = 3
    goal: float | None = None


def optimise(request: Request, running: Running | None = None) -> Report:
    """Write OUTDIR/NAME_dataset_size.csv and its plots.

    Parameters
    ----------
    request : Request
    running : Running, optional
    """
    name = request.training.name
    outputs = [request.output / f"{name}_{what}" for what in (*sizes.NAMES, "dataset_size.csv")]
    config = {**request.training.config(), "sections": request.sections, "repeats": request.repeats,
              "goal": request.goal}  # fmt: skip
    made = provenance("optimise-dataset-size", config, [request.training.cube])

    def work() -> str:
        cube = datacube.read_cube(request.training.cube)
        framework.load(request.training.device)
        rows = _all(cube, request)
        table.write(rows, outputs[-1], overwrite=True, provenance=made)
        law = _law(rows)
        for path, figure in zip(outputs, sizes.plots(rows, law), strict=False):
            canvas.save(figure, path)
        return _told(rows, law, request.goal)

    return once(name, made, outputs, work, running or Running(), folder=request.output, what="studies")


def _all(cube: Cube, request: Request) -> Table:
    """Train on every size, largest first, so often; one row for each training."""
    from astropy.table import Table

    plan = request.training.plan
    split = splits.split(cube, request.training.split_by, max(request.training.frac, 0.05), plan.seed)
    test, pool = cube.rows(np.flatnonzero(split.held)), np.flatnonzero(~split.held)
    rows: list[dict[str, float]] = []
    with progress(request.sections * request.repeats, "trainings") as shown:
        for repeat in range(request.repeats):
            order = _ordered(pool, split.families, np.random.default_rng([plan.seed, repeat]))
            for section in range(request.sections, 0, -1):
                chosen = order[: round(len(order) * section / request.sections)]
                if min(np.bincount(cube.labels[chosen], minlength=2)) >= LEAST:
                    found = _one(cube.rows(np.sort(chosen)), split.families[np.sort(chosen)], test, request, repeat)
                    rows.append({"size": len(chosen), "repeat": repeat, **found})
                shown.advance()
    if not rows:
        raise SchemaMismatch(f"no size has {LEAST} cut-outs of each class", path=request.training.cube)
    return Table(rows)


def _ordered(pool: Array, families: Array, rng: np.random.Generator) -> Array:
    """Rows in an order in which families stay together, drawn at random."""
    names = rng.permutation(np.unique(families[pool]))
    place = {int(name): k for k, name in enumerate(names.tolist())}
    return pool[np.argsort([place[int(f)] for f in families[pool]], kind="stable")]


def _one(cube: Cube, families: Array, test: Cube, request: Request, repeat: int) -> dict[str, float]:
    plan = replace(request.training.plan, seed=request.training.plan.seed + 7919 * repeat)
    try:
        model, _ = fit_model(cube, families, replace(request.training, plan=plan))
    except SchemaMismatch:  # too few families of a class for this size
        return dict.fromkeys(("mcc", "auc", "f1", "accuracy", "train_accuracy", "loss", "train_loss"), float("nan"))
    classifier = Classifier(model)
    p, truth = classifier.predict(test.pixels).probability, test.labels == 1
    own = classifier.predict(cube.pixels).probability
    found = scores.counts(truth, p > classifier.threshold)
    return {
        "mcc": found.mcc, "auc": scores.auc(truth, p), "f1": found.f1, "accuracy": found.accuracy,
        "train_accuracy": scores.counts(cube.labels == 1, own > classifier.threshold).accuracy,
        "loss": _loss(truth, p), "train_loss": _loss(cube.labels == 1, own),
    }  # fmt: skip


def _loss(truth: Array, p: Array) -> float:
    z = calibration.logit(np.clip(p, 1e-7, 1 - 1e-7))
    return float(np.mean(np.logaddexp(0, z) - truth * z))


def _law(rows: Table) -> tuple[float, float, float] | None:
    try:
        return learning_curve.fit_power_law(np.asarray(rows["size"]), np.asarray(rows["mcc"]))
    except ValueError:
        return None


def _told(rows: Table, law: tuple[float, float, float] | None, goal: float | None) -> str:
    lines = [f"{'size':>8}{'MCC':>9}{'lowest':>9}{'highest':>9}{'AUC':>9}"]
    for size in sorted(set(rows["size"].tolist()), reverse=True):
        part = rows[rows["size"] == size]
        mcc, auc = np.asarray(part["mcc"]), np.asarray(part["auc"])
        if np.isfinite(mcc).any():
            lines.append(f"{size:>8}{np.nanmean(mcc):>9.3f}{np.nanmin(mcc):>9.3f}{np.nanmax(mcc):>9.3f}"
                         f"{np.nanmean(auc):>9.4f}")  # fmt: skip
    if law is None:
        return "\n".join([*lines, "too few sizes for a curve"])
    floor, scale, exponent = law
    top = int(max(rows["size"]))
    lines.append(f"fitted: MCC = 1 - ({floor:.3f} + {scale:.3g} n^-{exponent:.2f})")
    for factor in (2, 4):
        expected = float(learning_curve.power_law(factor * top, law))
        lines.append(f"with {factor} times as many ({factor * top}): MCC {expected:.3f}")
    if goal is not None:
        lines.append(_more(learning_curve.needed(law, goal), top, goal))
    return "\n".join(lines)


def _more(wanted: float, top: int, goal: float) -> str:
    if not np.isfinite(wanted) or wanted > 1e9:
        return f"MCC {goal:g} is beyond what this curve reaches with more labels"
    more = max(round(wanted) - top, 0)
    return f"MCC {goal:g} needs about {round(wanted)} cut-outs: {more} more" if more else f"MCC {goal:g} is reached"
