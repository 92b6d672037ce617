"""Folders of cut-outs -> a table of probabilities in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from shared_io.batch import Entry, Report
from shared_io.cli import progress
from shared_io.errors import SchemaMismatch, SharedIOError
from shared_io.provenance import digest

from otrain.cutouts import COLUMNS, Part
from otrain.files import sources
from otrain.files.models import read_model
from otrain.files.results import writer
from otrain.inference import Classifier, Prediction
from otrain.model import Decision
from otrain.pipeline.running import Running, once, provenance

__all__ = ["Request", "infer"]

Array = npt.NDArray[Any]

SUFFIXES = {"dat": ".dat", "csv": ".csv", "ecsv": ".ecsv", "fits": ".fits", "hdf5": ".h5", "parquet": ".parquet"}


@dataclass(frozen=True)
class Request:
    """What is scored; see the options of ``otrain-infer``."""

    cutouts: tuple[Path, ...]
    model: Path
    output: Path | None = None
    form: str = "dat"
    planes: tuple[str, ...] = ()
    decision: Decision = field(default_factory=Decision)
    workers: int = 1


def infer(request: Request, running: Running | None = None) -> Report:
    """Write DIR/infer_results.dat for each folder of cut-outs.

    Parameters
    ----------
    request : Request
    running : Running, optional

    Returns
    -------
    Report
        An entry for each folder, and for each cut-out that could not be read.

    Raises
    ------
    SchemaMismatch
        If several folders are to go into one file.
    """
    if request.output is not None and len(request.cutouts) > 1:
        raise SchemaMismatch("several folders of cut-outs and one output", hint="leave out --output")
    model = read_model(request.model)
    key = digest(request.model)
    classifier = Classifier(model, request.decision, threads=request.workers)
    entries: list[Entry] = []
    for folder in request.cutouts:
        try:
            entries += _folder(folder, request, classifier, key, running or Running())
        except SharedIOError as error:
            if len(request.cutouts) == 1:
                raise
            entries.append(Entry(str(folder), "failed", (), str(error)))
    return Report(tuple(entries))


def _folder(folder: Path, request: Request, classifier: Classifier, key: str, running: Running) -> Sequence[Entry]:
    where = folder if folder.is_dir() else folder.parent
    target = request.output or where / f"infer_results{SUFFIXES[request.form]}"
    files = sources.find(folder)
    if target.parent.absolute() == where.absolute() and target.name.lower().endswith(sources.SUFFIXES):
        files = [path for path in files if path.name != target.name]
    config = {**asdict(request.decision), "planes": list(request.planes), "form": target.suffix}
    made = provenance("infer", config, [], model=key, signatures={"cutouts": sources.signature(files)})
    failed: list[Entry] = []

    def work() -> str:
        with writer(target, overwrite=True, provenance=made) as write:
            count, real, edge = _scored(files, request, classifier, failed, write)
        text = f"{count} cut-outs, {real} above {classifier.threshold:.3g}"
        return text + (f"; {edge} at an edge" if edge else "")

    report = once(str(target), made, [target], work, running, folder=target.parent, what="folders")
    return (*report.entries, *failed)


def _scored(files: Sequence[Path], request: Request, classifier: Classifier, failed: list[Entry],
            write: Callable[[Mapping[str, Array]], object]) -> tuple[int, int, int]:  # fmt: skip
    """Score files part by part; return how many there were, how many are real, and how many lie at an edge."""
    planes = request.planes or classifier.card.preprocessing.planes
    wanted = planes if len(planes) > 1 or request.planes else ()
    count = real = edge = 0
    with progress(len(files), "cut-outs") as shown:
        for part in sources.read(files, planes=wanted, size=-1, workers=request.workers):
            failed += [Entry(name, "failed", (), str(error)) for name, error in part.failed]
            shown.advance(len(part) + len(part.failed))
            edge += int(part.edge.sum())
            part = part.keep(~part.edge) if part.edge.any() else part
            if len(part):
                columns = _columns(part, classifier.predict(part.pixels))
                write(columns)
                count, real = count + len(part), real + int(columns["real"].sum())
            del part  # before the next one is read
    if not count and failed:
        raise SchemaMismatch(f"no cut-out could be scored: {failed[0].message}")
    if not count:
        write({
            **{name: np.zeros(0, "U1" if kind is str else float) for name, kind in COLUMNS.items()},
            "filename": np.zeros(0, "U1"), "real": np.zeros(0, bool),
            **{name: np.zeros(0) for name in ("label0", "label1", "uncertainty")},
        })  # fmt: skip
    return count, real, edge


def _columns(part: Part, found: Prediction) -> dict[str, Array]:
    return {
        **part.columns, "filename": np.array([name.rpartition("/")[2] for name in part.names]),
        "label0": 1 - found.probability, "label1": found.probability, "uncertainty": found.uncertainty,
        "real": found.real,
    }  # fmt: skip
