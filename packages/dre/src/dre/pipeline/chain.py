"""All steps, one after another, in one working folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from shared_io import locate
from shared_io.errors import InputNotFound

from dre.config import FOLDERS
from dre.cutouts import Selection
from dre.device import open_device
from dre.files.cube import read_axes
from dre.files.sources import write_sources
from dre.pipeline import cutting, extraction, fitting, profiling, psf_models, reporting
from dre.pipeline.modelling import models
from dre.pipeline.planning import Running
from dre.pipeline.stamps import CutFiles, Sources, Tiles

if TYPE_CHECKING:
    from shared_io.batch import Report


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
    psf: Path | None = None
    gain: str | None = None
    zero_point: float | None = None
    selection: Selection = field(default_factory=Selection)
    device: str = "cpu"
    statistic: str = "chi2"
    cuts: bool = False
    report: bool = True

    @property
    def steps(self) -> list[tuple[str, Step]]:
        """What is done, in this order, until the fits are written."""
        cuts: list[tuple[str, Step]] = [("cuts", _cuts)] if self.cuts else []
        fits: tuple[str, Step] = ("models", _models) if self.statistic == "dre" else ("profiles", _profiles)
        psfs: list[tuple[str, Step]] = [] if self.psf else [("PSFs", _psfs)]
        return [("sources", _extract), *psfs, *cuts, fits]

    @property
    def psfs(self) -> Path:
        """Where the fits take their PSFs from."""
        return self.psf or self.folder("psf")

    @property
    def stamps(self) -> Sources:
        """Where the fits take their stamps from."""
        if self.cuts:
            return CutFiles(self.folder("cuts"))
        return Tiles(self.images, self.folder("sextracted"), self.selection)

    def folder(self, product: str) -> Path:
        """Folder of a product, a key of `dre.config.FOLDERS`."""
        return self.output / FOLDERS[product]


def plan_of(request: Request) -> str:
    """Say what would be done, a line for each image."""
    images = locate.files(request.images)
    products = {"sextracted": True, "psf": request.psf is None, "cuts": request.cuts, "chi": request.statistic == "dre",
                "summary": True, "report": request.report}  # fmt: skip
    steps = ", ".join(str(request.folder(name)) for name, made in products.items() if made)
    return "\n".join([*(f"would fit: {path}" for path in images), f"{len(images)} image(s) -> {steps}"])


@dataclass(frozen=True)
class Done:
    """What became of one step: its report, and which step it was."""

    step: str
    report: Report

    @property
    def exit_code(self) -> int:
        """That of the report."""
        return self.report.exit_code

    def to_text(self) -> str:
        """Return the report in words."""
        return self.report.to_text()

    def to_json(self) -> dict[str, object]:
        """Return the report with the step's name."""
        return {"step": self.step, **self.report.to_json()}


def run_chain(request: Request, running: Running, say: Callable[[str], None]) -> Iterator[Done]:
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
    if request.psf is not None and not request.psf.exists():
        raise InputNotFound("no such PSF", path=request.psf, hint="name a file, or a folder of NAME.psf or NAME.fits")
    if request.model is not None:
        read_axes(request.model)
    _write_configurations(request)
    for title, step in request.steps:
        say(f"{title}:")
        report = step(request, running)
        yield Done(title, report)
        request = _left(request, report)
        if not request.images:
            return
    if request.report:
        say("sheets and page:")
        yield from map(Done, ("sheets", "page"), _report(request, running))


def _left(request: Request, report: Report) -> Request:
    """Return the request without the images that a step could not do."""
    lost = {entry.name for entry in (*report.failed, *report.refused)}
    return replace(request, images=tuple(p for p in locate.files(request.images) if locate.stem(p) not in lost))


def _write_configurations(request: Request) -> None:
    """Write the configuration files into the working folder, once."""
    sources = request.output / "sex_source"
    if not (sources / "default.sex").exists() or not (sources / "default.psfex").exists():
        write_sources(sources, overwrite=False)


def _extract(request: Request, running: Running) -> Report:
    own = extraction.Request(
        locate.files(request.images), request.folder("sextracted"),
        request.config or request.output / "sex_source" / "default.sex", request.engine, gain=request.gain,
        zero_point=request.zero_point,
    )  # fmt: skip
    return extraction.sextract(own, running)


def _psfs(request: Request, running: Running) -> Report:
    config = request.psfex_config or request.output / "sex_source" / "default.psfex"
    own = psf_models.Request(request.folder("sextracted"), request.folder("psf"), config, request.psf_engine)
    return psf_models.model_psfs(own, running)


def _cuts(request: Request, running: Running) -> Report:
    sextracted, output = request.folder("sextracted"), request.folder("cuts")
    return cutting.make_cuts(cutting.Request(request.images, sextracted, None, output, request.selection), running)


def _profiles(request: Request, running: Running) -> Report:
    own = profiling.Request(
        request.stamps, request.psfs, request.folder("summary"), request.folder("sextracted"),
        axes=read_axes(request.model) if request.model else None, zero_point=request.zero_point,
        workers=_threads(running), device=request.device,
    )  # fmt: skip
    return profiling.profile_all(own, running)


def _models(request: Request, running: Running) -> Report:
    own = fitting.Request(
        request.stamps, request.psfs, request.folder("chi"), request.folder("summary"),
        request.folder("sextracted"), workers=_threads(running), compression="none", device=request.device,
    )  # fmt: skip
    return fitting.fit_all(own, models(request.model), running, cube=request.model)


def _threads(running: Running) -> int:
    return running.workers if running.scheduler is None else 1


def _report(request: Request, running: Running) -> Iterator[Report]:
    own = reporting.Request(
        request.folder("summary"), request.stamps, request.psfs, request.folder("report"), earlier=True,
    )  # fmt: skip
    return reporting.report_all(own, running)


Step = Callable[[Request, Running], "Report"]
"""A step of the chain."""
