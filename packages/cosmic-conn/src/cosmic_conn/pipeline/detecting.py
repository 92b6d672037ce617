"""Frames of many files searched: which they are, where the results go, and the work of one file."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, cast

import numpy as np
from shared_io import batch, fits, ledger, locate
from shared_io.errors import InputNotFound, SharedIOError
from shared_io.provenance import Provenance, digest

from cosmic_conn.branches import Strip
from cosmic_conn.detection import Camera, Detector, Settings
from cosmic_conn.files.frames import BITS_MASK, SCIENCE, camera_of, open_science
from cosmic_conn.files.products import MASK, Layout, product_of, write_products
from cosmic_conn.models.card import read_card
from cosmic_conn.models.registry import find_model
from cosmic_conn.sky import Plane

__all__ = ["FOLDER", "Outcome", "Request", "detect_files", "frames_below"]

FOLDER = "cosmic_conn_output"
"""Where results go by default: this folder beside each input."""

PREFIX = "CR_"


@dataclass(frozen=True)
class Request:
    """What to search and how.

    Attributes
    ----------
    settings, camera, layout
        Of the detection and of its products.
    extension, bad_pixels
        HDUs to search, and those of bad pixels.
    output
        Folder of the results; None is `FOLDER` beside each input.
    preview
        Whether a PNG is drawn beside each result.
    """

    settings: Settings = field(default_factory=Settings)
    camera: Camera = field(default_factory=Camera)
    layout: Layout = field(default_factory=Layout)
    extension: str = SCIENCE
    bad_pixels: str = BITS_MASK
    output: Path | None = None
    preview: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of the files: the report of the batch, and the counts of each image that was searched."""

    report: batch.Report
    images: tuple[dict[str, Any], ...]

    @property
    def exit_code(self) -> int:
        """That of the report."""
        return self.report.exit_code

    def to_json(self) -> dict[str, object]:
        """Both, as plain values."""
        return {**self.report.to_json(), "images": list(self.images)}

    def to_text(self) -> str:
        """The text of the report."""
        return self.report.to_text()


def frames_below(inputs: str | os.PathLike[str]) -> list[Path]:
    """Return the FITS files meant by a file, folder (searched to its bottom), pattern or list; results left out.

    Raises
    ------
    InputNotFound
        When there is none.
    """
    paths = [p for p in locate.files(inputs, recursive=True) if FOLDER not in p.absolute().parts[:-1]]
    if not paths:
        raise InputNotFound("no FITS file but earlier results", path=inputs)
    return paths


def detect_files(
    paths: Iterable[Path], request: Request, *, overwrite: bool = False, resume: bool = True, workers: int = 1
) -> Outcome:
    """Search files, each by itself: a bad one never stops the others.

    Parameters
    ----------
    paths
        The files.
    request
        What to do.
    overwrite, resume, workers
        As for `shared_io.batch.run`.
    """
    paths = list(paths)
    model = "" if request.settings.method == "lacosmic" else read_card(find_model(request.settings.model)).sha256
    units = [_unit(path, request, model) for path in paths]
    home = request.output or _common(paths) / FOLDER
    report = batch.run(
        units, partial(_work, request=request), overwrite=overwrite, resume=resume, what="frames", workers=workers,
        ledger=ledger.home(home, "cosmic-conn", "detect"),
    )  # fmt: skip
    images = [row for entry in report.entries if entry.state in ("done", "skipped") for row in _counts(entry)]
    return Outcome(report, tuple(images))


def _unit(path: Path, request: Request, model: str) -> batch.Unit:
    from cosmic_conn import __version__

    folder = request.output or path.parent / FOLDER
    target = folder / f"{PREFIX}{path.name}"
    outputs = (target, folder / f"{PREFIX}{locate.stem(path)}.png") if request.preview else (target,)
    settings = dataclasses.asdict(dataclasses.replace(request.settings, threads=None))  # they change nothing
    config = {
        "settings": {**settings, "model": Path(request.settings.model).name},
        "camera": dataclasses.asdict(request.camera),
        "layout": dataclasses.asdict(request.layout),
        "extension": request.extension,
        "bad_pixels": request.bad_pixels,
    }
    try:
        inputs, wrong = {path.name: digest(path)}, None
    except SharedIOError as error:
        inputs, wrong = {}, str(error)
    made = Provenance("cosmic-conn", __version__, "detect", config, inputs, model or None)
    return batch.Unit(str(path), outputs, made, (path, wrong))


def _common(paths: list[Path]) -> Path:
    """Return the folder that all paths are in or below."""
    return Path(os.path.commonpath([p.absolute().parent for p in paths]))


@lru_cache(maxsize=1)
def _detector(settings: Settings) -> Detector:
    """The detector of a run, made once in each process."""
    return Detector(settings)


def _work(unit: batch.Unit, *, request: Request) -> str:
    path, wrong = cast(tuple[Path, str | None], unit.payload)
    if wrong:
        raise SharedIOError(wrong)
    detector = _detector(request.settings)
    found, pixels, picture = [], 0, None
    for image in open_science(path, request.extension, request.bad_pixels):
        camera = camera_of(image, request.camera)
        strips: Iterable[Strip] = detector.strips(Plane(image.pixels, image.mask, camera.saturation), camera)
        if request.preview and picture is None:
            from cosmic_conn.figures import preview

            strips = list(strips)
            picture = preview(image.pixels[:], np.concatenate([mask for _, mask in strips]), path.name)
        found.append(product_of(image, camera, detector, strips, request.layout))
        pixels += image.pixels.size
    if picture is not None:
        from cosmic_conn.figures import save

        save(picture, unit.outputs[1])
    write_products(path, unit.outputs[0], found, request.layout, unit.provenance, overwrite=True)
    flagged, objects = (sum(p.mask.header[key] for p in found) for key in ("CRNPIX", "CRNOBJ"))
    return f"{objects} cosmic rays on {100 * flagged / pixels:.3g} % of the pixels"


def _counts(entry: batch.Entry) -> list[dict[str, Any]]:
    """Return the counts in the headers of a result."""
    rows = []
    for info in fits.inspect(entry.outputs[0]):
        if info.name == MASK and "CRNPIX" in info.header:
            h = info.header
            rows.append(
                {
                    "file": entry.name,
                    "output": entry.outputs[0],
                    "extver": info.ver,
                    "pixels": h["CRNPIX"],
                    "fraction": h["CRFRAC"],
                    "objects": h["CRNOBJ"],
                    "by_size": {"1": h["CRN1"], "2-4": h["CRN2"], "5-20": h["CRN5"], ">20": h["CRN21"]},
                    "rate_per_cm2_s": h.get("CRRATE"),
                }
            )
    return rows
