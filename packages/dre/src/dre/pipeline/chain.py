"""All steps, one after another, in one working folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from shared_io import locate

from dre.config import FOLDERS
from dre.cutouts import Selection
from dre.device import open_device
from dre.files.cube import read_axes
from dre.files.sources import write_sources
from dre.pipeline import cutting, extraction, profiling, psf_models, reporting
from dre.pipeline.planning import Running

if TYPE_CHECKING:
    from shared_io.batch import Report

    from dre.grid import GridAxes


@dataclass(frozen=True)
class Request:
    """What to do; see the options of ``dre run``."""

    images: tuple[Path, ...]
    output: Path
    config: Path | None = None
    psfex_config: Path | None = None
    model: Path | None = None
    engine: str = "auto"
    psf_engine: str = "auto"
    gain: str | None = None
    zero_point: float | None = None
    margin: float = 80
    max_stellarity: float = 0.5
    device: str = "cpu"

    def folder(self, product: str) -> Path:
        """Folder of a product, a key of `dre.config.FOLDERS`."""
        return self.output / FOLDERS[product]


def plan_of(request: Request) -> str:
    """Say what would be done, a line for each image."""
    images = locate.files(request.images)
    steps = ", ".join(str(request.folder(name)) for name in ("sextracted", "psf", "cuts", "summary", "report"))
    return "\n".join([*(f"would fit: {path}" for path in images), f"{len(images)} image(s) -> {steps}"])


def run_chain(request: Request, running: Running, say: Callable[[str], None]) -> Iterator[Report]:
    """Run every step, and yield what became of it.

    Parameters
    ----------
    request : Request
        What to do.
    running : Running
        Where and how.
    say : callable
        Told which step begins.
    """
    locate.files(request.images)  # what is missing is said before anything is written
    if running.scheduler is None:
        open_device(request.device)
    axes = read_axes(request.model) if request.model else None
    config, psfex_config = _configurations(request)
    for title, step in (
        ("sources", partial(_extract, request, config)),
        ("PSFs", partial(_psfs, request, psfex_config)),
        ("cuts", partial(_cuts, request)),
        ("profiles", partial(_profiles, request, axes)),
    ):
        say(f"{title}:")
        report = step(running)
        yield report
        if not report.done and not report.skipped:
            return  # nothing is left to go on with
    say("sheets and page:")
    yield from _report(request, running)


def _configurations(request: Request) -> tuple[Path, Path]:
    """The configuration files: the user's, or those that dre writes into the working folder once."""
    sources = request.output / "sex_source"
    if not (sources / "default.sex").exists() or not (sources / "default.psfex").exists():
        write_sources(sources, overwrite=False)
    return request.config or sources / "default.sex", request.psfex_config or sources / "default.psfex"


def _extract(request: Request, config: Path, running: Running) -> Report:
    own = extraction.Request(
        locate.files(request.images), request.folder("sextracted"), config, request.engine, gain=request.gain,
        zero_point=request.zero_point,
    )  # fmt: skip
    return extraction.sextract(own, running)


def _psfs(request: Request, config: Path, running: Running) -> Report:
    own = psf_models.Request(request.folder("sextracted"), request.folder("psf"), config, request.psf_engine)
    return psf_models.model_psfs(own, running)


def _cuts(request: Request, running: Running) -> Report:
    selection = Selection(request.margin, request.max_stellarity)
    own = cutting.Request(request.images, request.folder("sextracted"), None, request.folder("cuts"), selection)
    return cutting.make_cuts(own, running)


def _profiles(request: Request, axes: GridAxes | None, running: Running) -> Report:
    own = profiling.Request(
        request.folder("cuts"), request.folder("psf"), request.folder("summary"), request.folder("sextracted"),
        axes=axes, zero_point=request.zero_point, workers=running.workers if running.scheduler is None else 1,
        device=request.device,
    )  # fmt: skip
    return profiling.profile_all(own, running)


def _report(request: Request, running: Running) -> Iterator[Report]:
    own = reporting.Request(
        request.folder("summary"), request.folder("cuts"), request.folder("psf"), request.folder("report")
    )
    return reporting.report_all(own, running)
