"""Step 4 with the default statistic: fit the profiles of every cut, tile by tile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from shared_io import batch, table

from dre.blends import deblended
from dre.device import open_device
from dre.files import catalogue
from dre.files.grid_cache import kept
from dre.files.images import system_of
from dre.files.mosaics import mosaic_path, write_mosaic
from dre.grid import GridAxes
from dre.mosaic import mosaic_panels
from dre.noise import NoiseCorrelation
from dre.pipeline.jobs import Job, job_of, read_extension_psf, seen, verdict
from dre.pipeline.planning import Running, found_from_anywhere, provenance, run_step, shared_out
from dre.pipeline.stamps import Sources, StampReader
from dre.profiles import Fitter, ProfileFit, fit_profiles
from dre.psf import PSFModel
from dre.results import profile_table
from dre.search import SEARCH, SearchGrid

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from astropy.wcs import WCS
    from shared_io.batch import Report

    from dre.stamp import Stamp

SAMPLE = 64
"""Cuts that the correlation of the noise is measured on."""


@dataclass(frozen=True)
class Request:
    """What to fit and how; see the options of ``dre fit``.

    Attributes
    ----------
    axes : GridAxes or None
        Grid that the starts are sought on; None: `dre.SEARCH`.
    gain : float or None
        e-/ADU; None: the catalogue's SEXGAIN, or else no photon noise.
    zero_point : float or None
        Magnitude of 1 ADU; None: the catalogue's SEXMGZPT unless that is 0.
    """

    inputs: Sources
    psf: Path
    summary: Path
    catalogues: Path | None
    mosaics: Path | None = None
    axes: GridAxes | None = None
    gain: float | None = None
    zero_point: float | None = None
    workers: int = 1
    device: str = "cpu"


@dataclass(frozen=True)
class Frame:
    """What the catalogue says of one extension of the image."""

    gain: float
    zero_point: float
    system: WCS | None


NOTHING_KNOWN = Frame(float("inf"), float("nan"), None)
"""Of an image without a catalogue: no photon noise, no magnitudes, no places."""


def profile_all(request: Request, running: Running | None = None) -> Report:
    """Fit the sources of every image.

    Parameters
    ----------
    request : Request
        What to do. Its ``workers`` are cores: images in processes of their own, and threads on the objects of each.
    running : Running, optional
        Where and how. Its ``workers`` count with a scheduler only.

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
    card = open_device(request.device) if running.scheduler is None else None  # what is missing is said at once
    paths, cores = request.inputs.paths(), request.workers
    if card is not None:
        running, threads = replace(running, workers=1), cores  # one process has the card
    else:
        running, threads = shared_out(running, cores, len(paths))
    axes = request.axes or SEARCH
    options = {
        "statistic": "chi2", "n": list(axes.n), "q": list(axes.q), "angle": list(axes.angle),
        "log_r": list(axes.log_r), "gain": request.gain, "zero_point": request.zero_point,
    }  # fmt: skip

    def plan(path: Path) -> batch.Unit:
        job = job_of(request.inputs, path, request.psf, request.catalogues)
        outputs = [request.summary / f"{job.name}_tab.fits"]
        if request.mosaics is not None:
            outputs += [mosaic_path(request.mosaics, job.name, name) for name in job.stamps.open(room=0).names]
        made_of = provenance("fit", {**options, **job.stamps.settings}, job.inputs)
        return batch.Unit(job.name, tuple(outputs), made_of, job)

    return run_step(
        paths, plan, partial(_fit_image, replace(request, workers=threads)),
        verb="fit", folder=request.summary, name=request.inputs.name, running=running, what="images",
    )  # fmt: skip


def _fit_image(request: Request, unit: batch.Unit) -> str:
    job: Job = unit.payload  # type: ignore[assignment]
    lost: list[str] = []
    blind: list[str] = []
    found: list[ProfileFit] = []
    accelerator = open_device(request.device, request.workers)
    frames = frames_of(job)
    stamps = job.stamps.open()
    for one in stamps.left_out:
        batch.note(one)
    for extension, names in seen(job, stamps.names, blind):
        frame = frames.get(extension) or NOTHING_KNOWN
        gain = frame.gain if request.gain is None else request.gain
        sample = list(islice(stamps.read(names), SAMPLE))
        if not sample:
            list(stamps.read(names, lost))
            continue
        fitter = fitter_of(job, extension, sample, request.axes or SEARCH, gain)
        first = fit_profiles(stamps.read(names, lost), fitter, workers=request.workers, accelerator=accelerator)
        own = deblended(list(first), stamps.read, fitter, workers=request.workers)
        for fit in own:
            if not fit.ok:
                batch.note(f"{job.name}: {fit.name} has no fit: {fit.reason}")
        if request.mosaics is not None:
            _write_mosaics(request.mosaics, job, stamps, own, fitter, unit)
        found += own
    zero = {k: frame.zero_point if request.zero_point is None else request.zero_point for k, frame in frames.items()}
    if request.zero_point is not None:
        zero |= {one.ext_number: request.zero_point for one in found}
    systems = {k: frame.system for k, frame in frames.items() if frame.system is not None}
    sources = catalogue.read_catalogue(job.catalogue) if job.catalogue else None
    rows = profile_table(found, sources, zero_points=zero, systems=systems)
    table.write(rows, unit.outputs[0], overwrite=True, provenance=unit.provenance)
    if any(one.ok and not np.isfinite(one.gain) for one in found):
        blind.append("gain not known (--gain), photon noise left out")
    return verdict(job, found, lost, blind)


def fitter_of(job: Job, extension: int, sample: Sequence[Stamp], axes: GridAxes, gain: float) -> Fitter:
    """Return what the objects of one extension share, of which some are given."""
    psf = read_extension_psf(job.psf, extension)
    axes = replace(axes, box=sample[0].obj.shape[0])
    return Fitter(search_grid(axes, psf), psf, gain, NoiseCorrelation.measured(sample))


def search_grid(axes: GridAxes, psf: PSFModel) -> SearchGrid:
    """Models through a PSF: drawn once for all images and runs that share it."""
    return _grid(axes, _Key(psf))


class _Key:
    """A PSF that is equal to another of the same content."""

    def __init__(self, psf: PSFModel) -> None:
        self.psf = psf
        self.content = (psf.basis[0].tobytes(), psf.basis[0].shape, psf.sampling, psf.without_pixel)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.content == self.content

    def __hash__(self) -> int:
        return hash(self.content)


@lru_cache(maxsize=2)
def _grid(axes: GridAxes, key: _Key) -> SearchGrid:
    shape, area = SearchGrid.room(axes)
    models = kept(("search", axes, *key.content), shape, lambda: SearchGrid.build(axes, key.psf).models)
    return SearchGrid(axes, models, area)


def frames_of(job: Job) -> dict[int, Frame]:
    """Gain, zero point and world coordinates of each extension, by EXT_NUMBER (0 is the first too)."""
    heads = catalogue.read_heads(job.catalogue) if job.catalogue else []
    frames = {k: _frame(head, job.name) for k, head in enumerate(heads, 1)}
    return {**frames, 0: frames[1]} if frames else {}


def _frame(head: Header, image: str) -> Frame:
    gain, zero = head.get("SEXGAIN"), head.get("SEXMGZPT")
    system = system_of(head, image) if "CTYPE1" in head else None
    return Frame(
        float(gain) if isinstance(gain, int | float) and gain > 0 else float("inf"),
        float(zero) if isinstance(zero, int | float) and zero != 0 else float("nan"),
        system if system is not None and system.has_celestial else None,
    )


def _write_mosaics(
    folder: Path, job: Job, stamps: StampReader, found: list[ProfileFit], fitter: Fitter, unit: batch.Unit
) -> None:
    for stamp, one in zip(stamps.read([one.name for one in found]), found, strict=True):
        model = np.full(stamp.obj.shape, np.nan)
        if one.profile is not None:
            model = fitter.renderer(stamp).image(one.profile) + one.sky
        panels = mosaic_panels(stamp.obj, stamp.mask, model)
        write_mosaic(mosaic_path(folder, job.name, stamp.name), panels, provenance=unit.provenance)
