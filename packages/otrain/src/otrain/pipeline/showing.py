"""What a training shows: plots, pictures, the page, and lists of what to look at and what to label next."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from shared_io import atomic

from otrain import report, suspicion
from otrain.attention import grad_cam
from otrain.cutouts import Cube, gathered
from otrain.evaluation import evaluate
from otrain.figures import canvas, curves
from otrain.inference import Classifier
from otrain.kernels import calibration
from otrain.pipeline import galleries

if TYPE_CHECKING:
    from otrain.model import Model
    from otrain.training.ensemble import Trained

__all__ = ["PLOTS", "Shown", "after_training", "outputs", "plots"]

Array = npt.NDArray[Any]

PLOTS = ("errmag_ROC.png", "mag_ROC.png", "errmag_recall.png", "mag_recall.png", "model_F1_MCC.png",
         "prob_distribution.png", "reliability.png", "scores_by.png")  # fmt: skip
LISTS = ("label_errors.csv", "label_next.csv")
GALLERY = 60
RIGHT = 30


@dataclass(frozen=True)
class Shown:
    """Objects with probabilities from networks that have not seen them.

    Attributes
    ----------
    cube : Cube
    probability, uncertainty : ndarray of float, shape (n,)
    """

    cube: Cube
    probability: Array
    uncertainty: Array

    @property
    def truth(self) -> Array:
        """Which are real."""
        return self.cube.labels == 1


def outputs(home: Path, name: str, *, trained: bool) -> list[Path]:
    """Return the files that `after_training` writes (the pictures of single cut-outs aside)."""
    own = [f"{name}_loss_vs_epochs.png", f"{name}_accuracy_vs_epochs.png"] if trained else []
    return [home / path for path in (*own, *PLOTS, *LISTS, "report.html")]


def plots(shown: Shown, threshold: float) -> dict[str, bytes]:
    """Return the plots of `PLOTS` as PNG."""
    cube, truth, p = shown.cube, shown.truth, shown.probability
    mag, error = cube.column("mag"), cube.column("magerr")
    by = {"magnitude": mag, "magnitude error": error, "FWHM [pixel]": cube.column("fwhm"),
          "filter": cube.column("filter")}  # fmt: skip
    made = {
        "errmag_ROC.png": curves.roc(truth, p, error, "magnitude error", threshold),
        "mag_ROC.png": curves.roc(truth, p, mag, "magnitude", threshold),
        "errmag_recall.png": curves.precision_recall(truth, p, error, "magnitude error", threshold),
        "mag_recall.png": curves.precision_recall(truth, p, mag, "magnitude", threshold),
        "model_F1_MCC.png": curves.f1_mcc(truth, p, threshold),
        "prob_distribution.png": curves.distribution(truth, p, threshold),
        "reliability.png": curves.reliability(truth, p),
        "scores_by.png": curves.scores_by(truth, p, threshold, by),
    }
    return {name: canvas.png(one) for name, one in made.items()}


def after_training(home: Path, name: str, model: Model, rest: Cube, held: Cube, trained: Trained) -> None:
    """Write all that shows a training into its folder.

    Parameters
    ----------
    home : Path
    name : str
        Of the model.
    model : Model
    rest, held : Cube
        What was learned from, and what was held back.
    trained : Trained
    """
    classifier = Classifier(model)
    crossed = _crossed(model, rest, trained)
    unseen = _predicted(classifier, held) if len(held) else crossed
    pictures = plots(unseen, classifier.threshold)
    pictures |= {
        f"{name}_loss_vs_epochs.png": canvas.png(curves.history(trained.histories, ("loss", "val_loss"), "loss")),
        f"{name}_accuracy_vs_epochs.png": canvas.png(curves.history(trained.histories, ("val_accuracy",), "accuracy")),
    }
    both = _joined(crossed, unseen) if len(held) else crossed
    suspects = suspicion.ranked(both.cube.labels, both.probability)
    _write_lists(home, both, suspects)
    rows = galleries.drawn(galleries.outcomes(unseen.truth, unseen.probability > classifier.threshold), RIGHT, 0)
    groups = {key: (galleries.FOLDERS[key], found) for key, found in rows.items()}
    galleries.write_pictures(home / "validation_set", "pictures.csv", groups, unseen.cube, unseen.probability,
                             overwrite=True)  # fmt: skip
    for file, data in pictures.items():
        atomic.write_bytes(home / file, data, overwrite=True)
    text = _page(name, model, classifier, both, suspects, pictures, unseen, held=len(held))
    atomic.write_text(home / "report.html", text, overwrite=True)


def _crossed(model: Model, rest: Cube, trained: Trained) -> Shown:
    """The training objects, judged by the members that did not learn from them."""
    seen = np.flatnonzero(np.isfinite(trained.z))
    p = calibration.sigmoid(model.card.slope * trained.z[seen] + model.card.offset)
    return Shown(rest.rows(seen), p, 4 * p * (1 - p))


def _predicted(classifier: Classifier, cube: Cube) -> Shown:
    found = classifier.predict(cube.pixels)
    return Shown(cube, found.probability, found.uncertainty)


def _joined(a: Shown, b: Shown) -> Shown:
    cube = Cube(
        np.concatenate([a.cube.pixels, b.cube.pixels]), np.concatenate([a.cube.labels, b.cube.labels]),
        gathered([a.cube.columns, b.cube.columns]), a.cube.planes,
    )  # fmt: skip
    return Shown(cube, np.concatenate([a.probability, b.probability]), np.concatenate([a.uncertainty, b.uncertainty]))


def _write_lists(home: Path, both: Shown, suspects: Array) -> None:
    doubt = suspicion.doubts(both.cube.labels, both.probability)
    _write_list(home / LISTS[0], both, suspects, "doubt", doubt)
    _write_list(home / LISTS[1], both, suspicion.worth_labelling(both.uncertainty, len(both.probability)),
                "uncertainty", both.uncertainty)  # fmt: skip


def _write_list(path: Path, both: Shown, rows: Array, name: str, values: Array) -> None:
    from astropy.table import Table
    from shared_io import table

    made = Table({
        "candid": both.cube.column("candid")[rows], "label": both.cube.labels[rows],
        "probability": both.probability[rows], name: values[rows], "mag": both.cube.column("mag")[rows],
        "filter": both.cube.column("filter")[rows],
    })  # fmt: skip
    table.write(made, path, overwrite=True)


def _page(name: str, model: Model, classifier: Classifier, both: Shown, suspects: Array, pictures: Mapping[str, bytes],
          unseen: Shown, *, held: int) -> str:  # fmt: skip
    threshold = classifier.threshold
    rows = galleries.outcomes(both.truth, both.probability > threshold)
    wrong_p = rows["FP"][np.argsort(-both.probability[rows["FP"]], kind="stable")]
    wrong_n = rows["FN"][np.argsort(both.probability[rows["FN"]], kind="stable")]
    made = [
        _gallery(classifier, both, wrong_p, "False positives", "Labelled bogus and called real, the surest first."),
        _gallery(classifier, both, wrong_n, "False negatives", "Labelled real and called bogus, the surest first."),
        _gallery(classifier, both, suspects[:GALLERY], "Likely label errors",
                 "Networks that did not learn these objects disagree with their labels, most of all with the first. "
                 "The whole list is label_errors.csv.", total=len(suspects)),
    ]  # fmt: skip
    which = f"{held} objects held back" if held else "all objects, each judged by a member that did not learn it"
    found = evaluate(unseen.truth, unseen.probability, threshold)
    scores = f"On {which}:\n\n{found.to_text()}"
    shown = [(file.removesuffix(".png").replace("_", " "), data) for file, data in pictures.items()]
    card = json.dumps(model.card.described(), indent=1, sort_keys=True)
    return report.page(f"otrain: {name}", scores, shown, made, [_next(both)], both.cube.planes, card)


def _gallery(classifier: Classifier, both: Shown, rows: Array, title: str, text: str, *, total: int | None = None
             ) -> report.Gallery:  # fmt: skip
    chosen = rows[:GALLERY]
    stamps = both.cube.pixels[chosen]
    maps = grad_cam(classifier, stamps, views=2) if len(chosen) and classifier.card.layers else None
    names = ("bogus", "real")
    captions = [
        f"{galleries.caption(both.cube, int(row), float(both.probability[row]))}  labelled "
        f"{names[int(both.cube.labels[row])]}" for row in chosen
    ]  # fmt: skip
    return report.Gallery(title, text, stamps, captions, maps, len(rows) if total is None else total)


def _next(both: Shown) -> tuple[str, str, Sequence[Sequence[str]]]:
    rows = suspicion.worth_labelling(both.uncertainty, 25)
    lines = [["candid", "probability", "uncertainty", "label now"]]
    for row in rows.tolist():
        lines.append([str(both.cube.column("candid")[row]), f"{both.probability[row]:.3f}",
                      f"{both.uncertainty[row]:.3f}", ("bogus", "real")[int(both.cube.labels[row])]])  # fmt: skip
    text = (
        "The least certain objects: look at these again first, and label more of their kind. The whole list is "
        "label_next.csv; for cut-outs without labels sort the table of otrain-infer --format csv by its uncertainty."
    )
    return "What to label next", text, lines
