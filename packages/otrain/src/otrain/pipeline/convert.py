"""Folders of labelled cut-outs -> one data cube."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from shared_io.batch import Entry, Report
from shared_io.cli import progress
from shared_io.errors import SchemaMismatch, SharedIOError

from otrain.cutouts import Part, fraction
from otrain.files import datacube, sources
from otrain.files.fits_cutouts import odd_shape
from otrain.files.spill import Columns, Pixels
from otrain.pipeline.running import Running, once, provenance

__all__ = ["Request", "convert"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Request:
    """What is converted; see the options of ``otrain-convert``."""

    output: Path
    name: str
    cutouts: Path
    share: float | None = 0.5
    size: int = -1
    planes: tuple[str, ...] = ()
    seed: int = 0
    workers: int = 1


@dataclass
class _Stored:
    """Cut-outs that wait in temporary files, the true ones first, and what became of the others."""

    pixels: Pixels
    columns: Columns
    planes: tuple[str, ...] = ()
    count: dict[int, int] = field(default_factory=lambda: {1: 0, 0: 0})
    failed: list[tuple[str, SharedIOError]] = field(default_factory=list)
    edge: int = 0

    def add(self, part: Part, label: int) -> None:
        """Store the cut-outs that are not at an edge."""
        self.failed += part.failed
        self.edge += int(part.edge.sum())
        part = part.keep(~part.edge) if part.edge.any() else part
        if not len(part):
            return
        shape = part.pixels.shape[1:]
        self.planes = self.planes or part.planes
        if self.pixels.shape and shape != self.pixels.shape:
            self.failed += [(name, odd_shape(shape, self.pixels.shape, name)) for name in part.names]
            return
        self.pixels.add(part.pixels)
        self.columns.add({name: part.columns[name] for name in datacube.KEYS.values()})
        self.count[label] += len(part)


def convert(request: Request, running: Running | None = None) -> Report:
    """Write PATH/datacube/NAME.npz from CUTOUTS/true and CUTOUTS/false.

    Parameters
    ----------
    request : Request
    running : Running, optional

    Returns
    -------
    Report
        The cube, and an entry for each file that could not be used.
    """
    files = {1: sources.find(sources.class_folder(request.cutouts, "true")),
             0: sources.find(sources.class_folder(request.cutouts, "false"))}  # fmt: skip
    target = request.output / "datacube" / f"{request.name}.npz"
    config = {k: v for k, v in asdict(request).items() if k not in ("output", "cutouts", "workers", "name")}
    signatures = {name: sources.signature(files[label]) for label, name in ((1, "true"), (0, "false"))}
    failed: list[tuple[str, SharedIOError]] = []
    report = once(
        target.name, provenance("convert", config, [], signatures=signatures), [target],
        lambda: _write(request, files, target, failed), running or Running(), folder=target.parent, what="cubes",
    )  # fmt: skip
    return Report((*report.entries, *(Entry(name, "failed", (), str(error)) for name, error in failed)))


def _write(
    request: Request, files: dict[int, Sequence[Path]], target: Path, failed: list[tuple[str, SharedIOError]]
) -> str:
    with tempfile.TemporaryFile(dir=target.parent) as pixels, tempfile.TemporaryFile(dir=target.parent) as columns:
        stored = _Stored(Pixels(pixels), Columns(columns))
        with progress(sum(map(len, files.values())), "cut-outs") as shown:
            for label in (1, 0):
                parts = sources.read(files[label], planes=request.planes, size=request.size, workers=request.workers)
                for part in parts:
                    stored.add(part, label)
                    shown.advance(len(part) + len(part.failed))
                    del part  # before the next one is read
        failed += stored.failed
        rows, labels = _chosen(stored, request)
        shape = (len(rows), *stored.pixels.shape)
        datacube.write_rows(target, stored.pixels.pieces(rows), shape, labels, stored.columns.chosen(rows),
                            stored.planes, overwrite=True)  # fmt: skip
    return _told(stored, labels, shape)


def _chosen(stored: _Stored, request: Request) -> tuple[Array, Array]:
    """The rows that make up the asked mixture, drawn at random, in their order."""
    real, bogus = stored.count[1], stored.count[0]
    if not real + bogus:
        first = f": {stored.failed[0][1]}" if stored.failed else ""
        raise SchemaMismatch(f"no cut-out could be used{first}", hint="cut-outs with EDGE true are left out")
    if request.share is None:
        return np.arange(real + bogus), np.repeat([1, 0], [real, bogus])
    if not real or not bogus:
        raise SchemaMismatch(f"{real} true and {bogus} false cut-outs could be used: both are needed")
    numbers = fraction(real, bogus, request.share)
    if numbers == (real, bogus):
        return np.arange(real + bogus), np.repeat([1, 0], numbers)
    rng = np.random.default_rng(request.seed)
    drawn = [
        np.sort(first + rng.choice(count, n, replace=False))
        for first, count, n in zip((0, real), (real, bogus), numbers, strict=True)
    ]
    return np.concatenate(drawn), np.repeat([1, 0], numbers)


def _told(stored: _Stored, labels: Array, shape: tuple[int, ...]) -> str:
    real = int(labels.sum())
    left = sum(stored.count.values()) - len(labels)
    text = f"{len(labels)} cut-outs of {shape[2]} x {shape[1]} x {shape[3]}: {real} true, {len(labels) - real} false"
    extra = [f"{left} left out for the balance" if left else "", f"{stored.edge} at an edge" if stored.edge else ""]
    return "; ".join([text, *filter(None, extra)])
