"""Step 1: catalogue and check images of every sky image, by SExtractor or by the embedded extractor."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from shared_io import batch, fits, locate
from shared_io.errors import SchemaMismatch
from shared_io.provenance import Provenance

from dre.config import Settings
from dre.external import programs, sextractor
from dre.files import images, sources
from dre.files.catalogue import count_sources
from dre.files.layout import Sextracted, sextracted
from dre.files.products import adopt, plain_copy
from dre.gain import gain_of
from dre.pipeline.embedded import extract_file
from dre.pipeline.planning import Running, found_from_anywhere, provenance, run_step

if TYPE_CHECKING:
    import numpy as np
    from shared_io.batch import Report


@dataclass(frozen=True)
class Request:
    """What to extract and how; see the options of ``sex_dre``."""

    inputs: Sequence[Path]
    output: Path
    config: Path | None = None
    engine: str = "auto"
    subdir: bool = False
    separator: str = "_"
    flags: Path | None = None
    weights: Sequence[Path] = ()
    gain: str | None = None
    gain_key: str = "auto"
    zero_point: float | None = None
    fwhm: float | None = None
    keys: Sequence[tuple[str, str]] = ()
    files: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Job:
    """One image: the files that go with it and the settings it gets."""

    detection: Path
    measurement: Path
    weights: tuple[Path, ...]
    flags: Path | None
    overrides: dict[str, str]
    target: Sextracted

    @property
    def inputs(self) -> tuple[Path, ...]:
        """Every input file, each once."""
        extra = (self.flags,) if self.flags else ()
        return tuple(dict.fromkeys((self.detection, self.measurement, *self.weights, *extra)))


@dataclass(frozen=True)
class Engine:
    """Who extracts, with what settings.

    Attributes
    ----------
    settings : Settings
        Of the configuration file.
    config : pathlib.Path, optional
        That file.
    program : Program, optional
        SExtractor; None: the embedded extractor.
    kernel : ndarray, optional
        The embedded extractor's filter.
    """

    settings: Settings
    config: Path | None
    program: programs.Program | None
    kernel: np.ndarray | None


def sextract(request: Request, running: Running | None = None) -> Report:
    """Extract the sources of every image of a folder.

    Parameters
    ----------
    request : Request
        What to do.
    running : Running, optional
        Where and how.

    Returns
    -------
    Report

    Raises
    ------
    InputNotFound
        If a folder or the configuration is not there.
    ExternalFailed
        If SExtractor is asked for and is not installed.
    """
    running = running or Running()
    request = found_from_anywhere(request, running)
    settings, config = sources.read_settings(request.config, "sex")
    program = None if request.engine == "sep" else programs.find("SExtractor")
    if request.engine == "sextractor":
        program = programs.require("SExtractor")
    kernel = None if program else sources.read_kernel(settings, config)
    name = f"SExtractor {program.version()}" if program else "sep"

    def plan(pair: tuple[Path, Path]) -> batch.Unit:
        job = _job(request, *pair)
        key = _provenance(job, settings, config, name)
        return batch.Unit(job.target.name, job.target.files, key, job)

    return run_step(
        _pairs(request), plan, partial(_extract_image, Engine(settings, config, program, kernel)),
        verb="sex", folder=request.output, name=lambda pair: locate.stem(pair[1]), running=running, what="images",
    )  # fmt: skip


def _extract_image(engine: Engine, unit: batch.Unit) -> str:
    job: Job = unit.payload  # type: ignore[assignment]
    if engine.program is None:
        return extract_file(job, engine.settings.replaced(**job.overrides), engine.kernel, unit.provenance)
    return _run_sextractor(engine.program, job, engine.settings, engine.config, unit.provenance)


def _pairs(request: Request) -> list[tuple[Path, Path]]:
    if len(request.inputs) == 2 and all(path.is_dir() for path in request.inputs):
        detection, measurement = (locate.files([folder]) for folder in request.inputs)
        return images.pair(detection, measurement, request.separator)
    return [(path, path) for path in locate.files(list(request.inputs))]


def _job(request: Request, detection: Path, measurement: Path) -> Job:
    name = locate.stem(measurement)
    weights = tuple(
        images.companion(folder, locate.stem(image), "wht")
        for folder, image in zip(request.weights, (detection, measurement), strict=False)
    )
    flags = images.companion(request.flags, name, "flag") if request.flags else None
    overrides = {key.upper(): value for key, value in request.keys}
    for key, folder in request.files:
        overrides[key.upper()] = str(images.beginning(Path(folder), name).absolute())
    if request.gain is not None:
        overrides["GAIN"] = f"{_gain(measurement, request):.8g}"
    if request.zero_point is not None:
        overrides["MAG_ZEROPOINT"] = f"{request.zero_point:g}"
    if request.fwhm is not None:
        overrides["SEEING_FWHM"] = f"{request.fwhm:g}"
    return Job(
        detection, measurement, weights, flags, overrides, sextracted(request.output, name, subdir=request.subdir)
    )


def _gain(path: Path, request: Request) -> float:
    """Gain from the first image's header over the primary header; SExtractor takes one value an image file."""
    header: dict[str, object] = {}
    with fits.quiet():
        for info in fits.inspect(path):
            header |= {key: value for key, value in info.header.items() if key}
            if len(info.shape) == 2 and info.kind in {"image", "compressed"}:
                break
        else:
            raise SchemaMismatch("no 2-D image in this file", path=path, hint="give a FITS image")
    try:
        return gain_of(header, str(request.gain), request.gain_key)
    except ValueError as error:
        raise SchemaMismatch(str(error), path=path) from error


def _provenance(job: Job, settings: Settings, config: Path | None, engine: str) -> Provenance:
    named = (settings.text(key) for key in ("PARAMETERS_NAME", "FILTER_NAME", "STARNNW_NAME"))
    auxiliary = [path for path in (sources.find_auxiliary(name, config, []) for name in named) if path is not None]
    values = {key: value for key, value in settings.values.items() if not key.endswith("_NAME")}
    overrides = {key: Path(value).name if value.startswith("/") else value for key, value in job.overrides.items()}
    options = {"engine": engine, "settings": values, "overrides": overrides}
    return provenance("sex", options, [*job.inputs, *auxiliary])


def _run_sextractor(
    program: programs.Program, job: Job, settings: Settings, config: Path | None, origin: Provenance
) -> str:
    with tempfile.TemporaryDirectory(prefix="dre-sex-") as name:
        folder = Path(name)
        frames = [plain_copy(job.measurement, folder, "image")]
        if job.detection != job.measurement:
            frames.insert(0, plain_copy(job.detection, folder, "detection"))
        overrides = dict(job.overrides)
        if job.weights:
            copies = [plain_copy(path, folder, f"weight{k}") for k, path in enumerate(job.weights)]
            overrides["WEIGHT_IMAGE"] = ",".join(str(path) for path in copies)
            if settings.text("WEIGHT_TYPE").upper() == "NONE":
                overrides.setdefault("WEIGHT_TYPE", ",".join(["MAP_WEIGHT"] * len(copies)))
        if job.flags:
            overrides["FLAG_IMAGE"] = str(plain_copy(job.flags, folder, "flag"))
        if "GAIN" in job.overrides:
            overrides.setdefault("GAIN_KEY", "NOTGAIN")  # else a GAIN card of the header would win over -GAIN
        products = sextractor.run(program, frames, folder, settings, config, overrides=overrides)
        for path in job.target.files:
            suffix = path.stem.rsplit("_", 1)[1]
            adopt(products[suffix], path, image=job.measurement.name, provenance=origin, overwrite=True)
    return f"{count_sources(job.target.catalogue)} sources"
