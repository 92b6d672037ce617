"""crossmatch.dat and infer_results.dat -> plots of what became of simulated sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shared_io.batch import Report

from otrain import crossmatch
from otrain.figures import canvas, simulated
from otrain.files.results import read_results
from otrain.pipeline.galleries import checked_folder
from otrain.pipeline.running import Running, once, provenance

__all__ = ["Request", "checkinfer"]


@dataclass(frozen=True)
class Request:
    """What is compared; see the options of ``otrain-checkinfer``."""

    plots: Path
    crossmatch: Path
    infer: Path
    limits: tuple[float, ...] = (12, 18, 21)
    thresholds: tuple[float, ...] = (0.1, 0.5, 0.7)
    lower: float = 0.5
    upper: float = 4.2


def checkinfer(request: Request, running: Running | None = None) -> Report:
    """Write the plots of PLOTS/CheckInfer/.

    Parameters
    ----------
    request : Request
        The tables may be named, or the folders in which they lie as crossmatch.dat and infer_results.dat.
    running : Running, optional

    Returns
    -------
    Report
        With the fractions by magnitude.
    """
    tables = (_inside(request.crossmatch, "crossmatch.dat"), _inside(request.infer, "infer_results.dat"))
    config = {k: v for k, v in asdict(request).items() if k not in ("plots", "crossmatch", "infer")}
    made = provenance("checkinfer", config, tables)
    folder = checked_folder(request.plots / "CheckInfer")

    def work() -> str:
        found = crossmatch.match(*(read_results(path) for path in tables))
        made = simulated.plots(found, request.limits, request.thresholds, request.lower, request.upper)
        for name, figure in made.items():
            canvas.save(figure, folder / name)
        return _told(crossmatch.fractions(found, request.limits, request.thresholds))

    outputs = [folder / name for name in simulated.NAMES]
    return once(str(folder), made, outputs, work, running or Running(),
                folder=folder, what="plots")  # fmt: skip


def _inside(path: Path, name: str) -> Path:
    return path / name if path.is_dir() else path


def _told(rows: Sequence[Mapping[str, Any]]) -> str:
    total = sum(row["simulated"] for row in rows)
    lines = [f"{total} simulated sources", "  ".join(f"{name:>12}" for name in rows[0])]
    for row in rows:
        lines.append("  ".join(f"{v:>12.3f}" if isinstance(v, float) else f"{v:>12}" for v in row.values()))
    return "\n".join(lines)
