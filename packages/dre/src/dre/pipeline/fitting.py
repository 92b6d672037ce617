"""Step 4: fit the cuts of every image; chi cubes, summary table and mosaics."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from shared_io import batch, hdf5, table
from shared_io.errors import SchemaMismatch

from dre.compare import Fit, fit_stamps
from dre.device import open_device
from dre.files import catalogue
from dre.files.grid_cache import kept
from dre.files.mosaics import mosaic_path, write_mosaic
from dre.grid import ConvolvedGrid, ModelGrid
from dre.mosaic import mosaic_panels
from dre.pipeline.jobs import Job, job_of, read_extension_psf, seen, verdict
from dre.pipeline.modelling import models
from dre.pipeline.planning import Running, found_from_anywhere, provenance, run_step
from dre.pipeline.stamps import Sources
from dre.summary import summary_table

if TYPE_CHECKING:
    from astropy.table import Table
    from shared_io.batch import Report

    from dre.stamp import Stamp


@dataclass(frozen=True)
class Request:
    """What to fit and how; see the options of ``dre fit``."""

    inputs: Sources
    psf: Path
    chi: Path
    summary: Path
    catalogues: Path | None
    mosaics: Path | None = None
    statistic: str = "dre"
    workers: int = 1
    compression: str = "medium"
    device: str = "cpu"


def fit_all(request: Request, grid: ModelGrid, running: Running | None = None, *, cube: Path | None = None) -> Report:
    """Fit the sources of every image.

    Parameters
    ----------
    request : Request
        What to do. Its ``workers`` are threads that share the objects of one image.
    grid : ModelGrid
        Models, not convolved.
    running : Running, optional
        Where and how. Without a scheduler the images are fitted in this process, one after another.
    cube : pathlib.Path, optional
        The file of `grid`, from which the workers of a scheduler read it; None: the classic grid.

    Returns
    -------
    Report

    Raises
    ------
    InputNotFound
        If there are no images or cuts.
    ExternalFailed
        If the device is not there.
    """
    running = running or Running()
    request = found_from_anywhere(request, running)
    if running.scheduler is None:
        open_device(request.device)  # what is missing is said before anything is done
    model = grid.digest()
    options = {"statistic": request.statistic, "compression": request.compression}

    def plan(path: Path) -> batch.Unit:
        job = job_of(request.inputs, path, request.psf, request.catalogues)
        outputs = [request.chi / f"{job.name}_chi.h5", request.summary / f"{job.name}_tab.fits"]
        if request.mosaics is not None:
            outputs += [mosaic_path(request.mosaics, job.name, name) for name in job.stamps.open(room=0).names]
        made_of = provenance("fit", {**options, **job.stamps.settings}, job.inputs, model=model)
        return batch.Unit(job.name, tuple(outputs), made_of, job)

    if running.scheduler is None:
        running = replace(running, workers=1)
        work = partial(_fit_image, request, Convolver(grid, model))
    else:
        work = partial(_fit_elsewhere, request, cube.absolute() if cube else None, model)
    return run_step(
        request.inputs.paths(), plan, work,
        verb="fit", folder=request.chi, name=request.inputs.name, running=running, what="images",
    )  # fmt: skip


class Convolver:
    """The grid as seen through one PSF after another; the last one stays in memory, the others on disk."""

    def __init__(self, grid: ModelGrid, model: str | None = None) -> None:
        self.grid = grid
        self._model = model or grid.digest()
        self._lock = threading.Lock()
        self._psf: np.ndarray | None = None
        self._convolved: ConvolvedGrid | None = None

    def __call__(self, psf: np.ndarray) -> ConvolvedGrid:
        """Convolve with `psf`, shape (side, side), unless it is the last one again or is kept."""
        with self._lock:
            if self._convolved is None or self._psf is None or not np.array_equal(psf, self._psf):
                self._convolved = None  # two convolved grids never coexist
                content = ("convolved", self._model, psf.shape, psf.astype("<f8").tobytes())
                blocks = kept(content, ConvolvedGrid.room(self.grid.axes), lambda: self.grid.convolve(psf).blocks)
                self._convolved = ConvolvedGrid(self.grid.axes, blocks)
                self._psf = psf
            return self._convolved


def _fit_elsewhere(request: Request, cube: Path | None, model: str, unit: batch.Unit) -> str:
    """Fit an image on a worker, which reads the models when it first needs them."""
    with _loading:
        convolved = _convolver(cube, model)
    return _fit_image(request, convolved, unit)


@lru_cache(maxsize=1)
def _convolver(cube: Path | None, model: str) -> Convolver:
    grid = models(cube)
    if grid.digest() != model:
        raise SchemaMismatch(
            "the models on this worker are not those of the run", path=cube,
            hint="write them with dre models to a file that all machines see, and name it",
        )  # fmt: skip
    return Convolver(grid, model)


_loading = threading.Lock()


def _fit_image(request: Request, convolved: Convolver, unit: batch.Unit) -> str:
    job: Job = unit.payload  # type: ignore[assignment]
    opened = job.stamps.open(neighbours=False, room=0)  # this statistic does not know of neighbours
    for one in opened.left_out:
        batch.note(one)
    lost: list[str] = []
    blind: list[str] = []
    found: list[Fit] = []
    with hdf5.writer(
        unit.outputs[0], compression=request.compression, overwrite=True, provenance=unit.provenance
    ) as chi_file:
        for extension, own in seen(job, opened.names, blind):
            grid = convolved(read_extension_psf(job.psf, extension).pixels())
            for stamp, result in _fitted(opened.read(own, lost), grid, request):
                chi_file.add_array(result.name, result.chi)
                if not result.ok:
                    batch.note(f"{job.name}: {result.name} has no fit: {result.reason}")
                if request.mosaics is not None:
                    model = (
                        grid.image(result.best.model_idx) * result.scale
                        if result.ok
                        else np.full_like(stamp.obj, np.nan)
                    )
                    path = mosaic_path(request.mosaics, job.name, stamp.name)
                    write_mosaic(path, mosaic_panels(stamp.obj, stamp.mask, model), provenance=unit.provenance)
                found.append(replace(result, chi=np.empty((0,) * 4, np.float32)))
    sources = catalogue.read_catalogue(job.catalogue) if job.catalogue else None
    rows = summary_table(found, convolved.grid.axes, sources)
    table.write(rows, unit.outputs[1], overwrite=True, provenance=unit.provenance)
    return verdict(job, found, lost, blind)


def _fitted(stamps: Iterable[Stamp], grid: ConvolvedGrid, request: Request) -> Iterator[tuple[Stamp, Fit]]:
    """Pair each stamp with its fit; the stamps in flight wait in a queue."""
    waiting: deque[Stamp] = deque()

    def recorded() -> Iterator[Stamp]:
        for stamp in stamps:
            waiting.append(stamp)
            yield stamp

    accelerator = open_device(request.device, request.workers)
    for result in fit_stamps(
        recorded(), grid, statistic=request.statistic, workers=request.workers, accelerator=accelerator
    ):
        yield waiting.popleft(), result


def read_summary(path: Path) -> Table:
    """Read a Summary file."""
    return table.read(path)
