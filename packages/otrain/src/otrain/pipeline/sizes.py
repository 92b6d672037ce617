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
from otrain.kernels import calibration, learning_curve, resampling, scores
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

ROUNDS, CURVES = 1000, 200
"""Resamplings of the scores, and how many of them a curve is fitted to."""

_FAR = 1e9


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
        study = _all(cube, request)
        found = _resampled(study, request.training.plan.seed)
        table.write(study.rows, outputs[-1], overwrite=True, provenance=made)
        for path, figure in zip(outputs, sizes.plots(study.rows, found, _laws(found)[:1]), strict=False):
            canvas.save(figure, path)
        return _told(study.rows, found, request.goal)

    return once(name, made, outputs, work, running or Running(), folder=request.output, what="studies")


@dataclass(frozen=True)
class _Study:
    """A row for each training, and what each of them says about the test objects."""

    rows: Table
    truth: Array
    families: Array
    called: Array  # (trainings, test objects)


def _all(cube: Cube, request: Request) -> _Study:
    """Train on every size, largest first, so often."""
    from astropy.table import Table

    plan = request.training.plan
    split = splits.split(cube, request.training.split_by, max(request.training.frac, 0.05), plan.seed)
    test, pool = cube.rows(np.flatnonzero(split.held)), np.flatnonzero(~split.held)
    rows: list[dict[str, float]] = []
    called: list[Array] = []
    with progress(request.sections * request.repeats, "trainings") as shown:
        for repeat in range(request.repeats):
            order = _ordered(pool, split.families, np.random.default_rng([plan.seed, repeat]))
            for section in range(request.sections, 0, -1):
                chosen = order[: round(len(order) * section / request.sections)]
                if min(np.bincount(cube.labels[chosen], minlength=2)) >= LEAST:
                    own = np.sort(chosen)
                    found = _one(cube.rows(own), split.families[own], test, request, repeat)
                    if found is not None:
                        rows.append({"size": len(chosen), "repeat": repeat, **found[0]})
                        called.append(found[1])
                shown.advance()
    if not rows:
        raise SchemaMismatch(f"no size has {LEAST} cut-outs of each class", path=request.training.cube)
    return _Study(Table(rows), test.labels == 1, split.families[split.held], np.array(called))


def _ordered(pool: Array, families: Array, rng: np.random.Generator) -> Array:
    """Rows in an order in which families stay together, drawn at random."""
    names = rng.permutation(np.unique(families[pool]))
    place = {int(name): k for k, name in enumerate(names.tolist())}
    return pool[np.argsort([place[int(f)] for f in families[pool]], kind="stable")]


def _one(
    cube: Cube, families: Array, test: Cube, request: Request, repeat: int
) -> tuple[dict[str, float], Array] | None:
    """Train once; scores, and which test objects are called real. None: too few families of a class."""
    plan = replace(request.training.plan, seed=request.training.plan.seed + 7919 * repeat)
    try:
        model, _ = fit_model(cube, families, replace(request.training, plan=plan))
    except SchemaMismatch:
        return None
    classifier = Classifier(model)
    p, truth = classifier.predict(test.pixels).probability, test.labels == 1
    own = classifier.predict(cube.pixels).probability
    called = p > classifier.threshold
    found = scores.counts(truth, called)
    return {
        "mcc": found.mcc, "auc": scores.auc(truth, p), "f1": found.f1, "accuracy": found.accuracy,
        "train_accuracy": scores.counts(cube.labels == 1, own > classifier.threshold).accuracy,
        "loss": _loss(truth, p), "train_loss": _loss(cube.labels == 1, own),
    }, called  # fmt: skip


def _loss(truth: Array, p: Array) -> float:
    z = calibration.logit(np.clip(p, 1e-7, 1 - 1e-7))
    return float(np.mean(np.logaddexp(0, z) - truth * z))


def _resampled(study: _Study, seed: int) -> sizes.Resampled:
    """Scores by size over resampled families of test objects and resampled repeats, the same draws for every size."""
    rng = np.random.default_rng([seed, 1])
    found = resampling.resampled_scores(
        study.truth, study.called, resampling.family_draws(study.families, ROUNDS, rng)
    )  # fmt: skip
    size = np.asarray(study.rows["size"])
    at = np.unique(size)
    means = {
        name: np.array([resampling.over_repeats(values[size == n], rng) for n in at]) for name, values in found.items()
    }
    return sizes.Resampled(at, means)


def _laws(found: sizes.Resampled) -> list[tuple[float, float, float]]:
    """The curve of the MCC, and those of the draws; none where there are too few sizes."""
    try:
        return [learning_curve.fit_power_law(found.size, draw) for draw in found.scores["mcc"].T[:CURVES]]
    except ValueError:
        return []


def _told(rows: Table, found: sizes.Resampled, goal: float | None) -> str:
    lines = [f"{'size':>8}{'MCC':>9}{'95 %':>9}{'to':>9}{'AUC':>9}"]
    for size, mcc in zip(found.size[::-1].tolist(), found.scores["mcc"][::-1], strict=True):
        low, high = resampling.interval(mcc)
        auc = float(np.nanmean(np.asarray(rows["auc"])[np.asarray(rows["size"]) == size]))
        lines.append(f"{size:>8}{mcc[0]:>9.3f}{low:>9.3f}{high:>9.3f}{auc:>9.4f}")
    laws = _laws(found)
    if not laws:
        return "\n".join([*lines, "too few sizes for a curve"])
    floor, scale, exponent = laws[0]
    top = int(max(found.size))
    lines.append(f"fitted: MCC = 1 - ({floor:.3f} + {scale:.3g} n^-{exponent:.2f})")
    for factor in (2, 4):
        expected = np.array([float(learning_curve.power_law(factor * top, law)) for law in laws])
        low, high = resampling.interval(expected)
        lines.append(
            f"with {factor} times as many ({factor * top}): MCC {expected[0]:.3f} (95 %: {low:.3f} to {high:.3f})"
        )
    if goal is not None:
        wanted = np.array([learning_curve.needed(law, goal) for law in laws])
        lines.append(_more(wanted, top, goal))
    return "\n".join(lines)


def _more(wanted: Array, top: int, goal: float) -> str:
    low, high = (_number(value) for value in np.percentile(wanted, [2.5, 97.5], method="nearest"))
    between = f" (95 %: {low} to {high})"
    if not wanted[0] <= _FAR:
        return f"MCC {goal:g} is beyond what this curve reaches with more labels{between}"
    more = max(round(float(wanted[0])) - top, 0)
    if not more:
        return f"MCC {goal:g} is reached{between}"
    return f"MCC {goal:g} needs about {_number(wanted[0])} cut-outs{between}: {more} more"


def _number(wanted: float) -> str:
    return str(round(float(wanted))) if wanted <= _FAR else "never"
