"""The scores of all detectors on all cases: a table, and curves."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cosmic_conn.evaluation.detectors import Answer, Contender, run
from cosmic_conn.evaluation.scenes import Case
from cosmic_conn.kernels.scores import Score, curves, recall_at_purity, score
from cosmic_conn.kernels.tiling import fitting_side, padded, tile_starts

if TYPE_CHECKING:
    from astropy.table import QTable
    from matplotlib.figure import Figure

__all__ = ["Row", "as_table", "curve_sheet", "evaluate", "write_report"]

_PURE = 0.99
_HALO, _MULTIPLE = 24, 4  # of our tiles: overlap to either side of a seam, and grid [pixel]


@dataclass(frozen=True)
class Row:
    """A detector on a case."""

    case: Case
    contender: Contender
    answer: Answer
    score: Score


def evaluate(
    cases: Sequence[Case],
    contenders: Sequence[Contender],
    python: str | None,
    *,
    repeats: int = 1,
    told: Callable[[], None] = lambda: None,
) -> list[Row]:
    """Score every detector on every case.

    Parameters
    ----------
    cases, contenders
        What is scored on what.
    python
        See `available`.
    repeats
        How often each is timed; the best counts.
    told
        Called after each.
    """
    rows = []
    for case in cases:
        for contender in contenders:
            answer = run(contender, case, python, repeats=repeats)
            mask = answer.found > contender.threshold
            rows.append(
                Row(case, contender, answer, score(mask, case.charge, case.noise, case.light, _seams(contender, case)))
            )
            told()
    return rows


def as_table(rows: Sequence[Row]) -> QTable:
    """Return the scores as a table, one row a detector and case."""
    from astropy import units as u
    from astropy.table import QTable

    table = QTable()
    table["case"] = [r.case.name for r in rows]
    table["detector"] = [r.contender.name for r in rows]
    table["recall"] = np.round([r.score.recall for r in rows], 4)
    table["objects"] = [r.score.objects for r in rows]
    table["completeness"] = np.round([r.score.completeness for r in rows], 4)
    for name in ("1", "2-4", "5-20", ">20"):
        table[f"completeness_{name}"] = np.round([r.score.by_size[name] for r in rows], 3)
    table["purity"] = np.round([r.score.purity for r in rows], 4)
    pure = [recall_at_purity(r.answer.found, r.case.charge, r.case.noise, _PURE) for r in rows]
    table["recall_pure"] = np.round(pure, 4)
    for name in ("wrong", "in_cores", "at_edges", "at_seams"):
        table[name] = [getattr(r.score, name) for r in rows]
    table["time"] = np.round([r.answer.seconds / (r.case.pixels.size / 2**20) for r in rows], 3) * u.s
    table["memory"] = np.round([r.answer.memory / 1e9 for r in rows], 2) * u.Gbyte
    table.meta["recall_pure"] = f"recall where the purity is {_PURE}; of a mask, its own if it is as pure"
    table.meta["time"] = "seconds for 1024 x 1024 pixels"
    return table


def write_report(rows: Sequence[Row], folder: str | os.PathLike[str], *, overwrite: bool = False) -> list[Path]:
    """Write ``scores.ecsv`` and ``curves.png`` into a folder; return their paths.

    Raises
    ------
    OutputExists, WriteFailed
        When they cannot be put there.
    """
    from shared_io import atomic
    from shared_io import table as tables

    paths = [Path(folder, "scores.ecsv"), Path(folder, "curves.png")]
    tables.write(as_table(rows), paths[0], overwrite=overwrite)
    with atomic.atomic_path(paths[1], overwrite=overwrite) as temporary:
        curve_sheet(rows).savefig(temporary, format="png", metadata={"Software": None})
    return paths


def curve_sheet(rows: Sequence[Row]) -> Figure:
    """Draw, for each case, purity over recall and recall over false-positive rate; masks are single points."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = [name for name in dict.fromkeys(r.case.name for r in rows) if (_of(rows, name)[0].case.charge > 0).any()]
    figure = Figure(figsize=(9.5, 3.2 * max(len(names), 1)), dpi=90, layout="tight")
    FigureCanvasAgg(figure)
    panels = figure.subplots(max(len(names), 1), 2, squeeze=False)
    for name, (left, right) in zip(names, panels, strict=False):
        for index, row in enumerate(_of(rows, name)):
            _draw(row, left, right, f"C{index}")
        left.set(xlabel="recall", ylabel="purity", title=name, xlim=(0.6, 1.005), ylim=(0.6, 1.01))
        right.set(xlabel="share of empty pixels flagged", ylabel="recall", xscale="log", xlim=(1e-7, 1e-1))
        left.legend(fontsize=6, loc="lower left")
    return figure


def _draw(row: Row, left: object, right: object, colour: str) -> None:
    found = row.answer.found
    two_values = bool(((found == 0) | (found == 1)).all())
    thresholds = (
        np.array([0.5]) if two_values else np.concatenate([np.geomspace(1e-3, 0.5, 60), np.linspace(0.5, 0.999, 60)])
    )
    recall, purity, rate = curves(found, row.case.charge, row.case.noise, thresholds)
    style = {"color": colour, "marker": "o" if two_values else None, "label": row.contender.name, "lw": 1}
    left.plot(recall, purity, **style)  # type: ignore[attr-defined]
    right.plot(np.maximum(rate, 1e-7), recall, **style)  # type: ignore[attr-defined]


def _of(rows: Sequence[Row], case: str) -> list[Row]:
    return [row for row in rows if row.case.name == case]


def _seams(contender: Contender, case: Case) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the rows and columns where a detector's tiles meet."""
    if not contender.tile:
        return None
    found = []
    for length in case.pixels.shape:
        if contender.peer:
            found.append(np.arange(contender.tile, length, contender.tile))
        else:
            full = padded(length, _MULTIPLE)
            side = fitting_side(full, contender.tile, _HALO, _MULTIPLE)
            starts = np.array(tile_starts(full, side, _HALO, _MULTIPLE))
            found.append((starts[1:] + starts[:-1] + side) // 2)
    return found[0], found[1]
