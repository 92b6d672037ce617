"""Folders of labelled cut-outs -> one data cube."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from shared_io.batch import Entry, Report
from shared_io.cli import progress
from shared_io.errors import SchemaMismatch, SharedIOError

from otrain.cutouts import Part, fraction
from otrain.files import datacube, sources
from otrain.files.fits_cutouts import odd_shape
from otrain.pipeline.running import Running, once, provenance

__all__ = ["Request", "convert"]

Array = npt.NDArray[Any]

_BLOCK = 1024


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
    """Cut-outs that wait in a temporary file, and what became of the others."""

    file: IO[bytes]
    shape: tuple[int, ...] = ()
    planes: tuple[str, ...] = ()
    labels: list[Array] = field(default_factory=list)
    columns: list[dict[str, Array]] = field(default_factory=list)
    failed: list[tuple[str, SharedIOError]] = field(default_factory=list)
    edge: int = 0

    def add(self, part: Part, label: int) -> None:
        """Store the cut-outs that are not at an edge."""
        self.failed += part.failed
        self.edge += int(part.edge.sum())
        part = part.keep(~part.edge) if part.edge.any() else part
        if not len(part):
            return
        self.shape = self.shape or part.pixels.shape[1:]
        self.planes = self.planes or part.planes
        if part.pixels.shape[1:] != self.shape:
            self.failed += [(name, odd_shape(part.pixels.shape[1:], self.shape, name)) for name in part.names]
            return
        self.file.write(np.ascontiguousarray(part.pixels, np.float32).tobytes())
        self.labels.append(np.full(len(part), label, np.int64))
        self.columns.append({name: part.columns[name] for name in datacube.KEYS.values()})

    def gathered(self, rows: Array) -> dict[str, Array]:
        """Return the columns of some rows; the parts are given up one column after another."""
        columns = {}
        for name in list(self.columns[0]):
            columns[name] = np.concatenate([part.pop(name) for part in self.columns])[rows]
        return columns

    def pieces(self, rows: Array) -> Iterator[Array]:
        """Read rows back, in rising order, in pieces."""
        size = int(np.prod(self.shape))
        for start in range(0, len(rows), _BLOCK):
            piece = rows[start : start + _BLOCK]
            first, last = int(piece[0]), int(piece[-1]) + 1
            if last - first > 8 * len(piece):
                yield np.stack([self._run(int(row), 1, size)[0] for row in piece])
            else:
                yield self._run(first, last - first, size)[piece - first]

    def _run(self, first: int, count: int, size: int) -> Array:
        self.file.seek(first * size * 4)
        return np.frombuffer(self.file.read(count * size * 4), np.float32).reshape(count, *self.shape)


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
    with tempfile.TemporaryFile(dir=target.parent) as file:
        stored = _Stored(file)
        with progress(sum(map(len, files.values())), "cut-outs") as shown:
            for label in (1, 0):
                parts = sources.read(files[label], planes=request.planes, size=request.size, workers=request.workers)
                for part in parts:
                    stored.add(part, label)
                    shown.advance(len(part) + len(part.failed))
        failed += stored.failed
        rows, labels = _chosen(stored, request)
        columns = stored.gathered(rows)
        shape = (len(rows), *stored.shape)
        datacube.write_rows(target, stored.pieces(rows), shape, labels, columns, stored.planes, overwrite=True)
    return _told(stored, labels, shape)


def _chosen(stored: _Stored, request: Request) -> tuple[Array, Array]:
    """The rows that make up the asked mixture, drawn at random, in their order."""
    if not stored.labels:
        first = f": {stored.failed[0][1]}" if stored.failed else ""
        raise SchemaMismatch(f"no cut-out could be used{first}", hint="cut-outs with EDGE true are left out")
    labels = np.concatenate(stored.labels)
    real, bogus = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    if request.share is None:
        return np.arange(len(labels)), labels
    if not len(real) or not len(bogus):
        raise SchemaMismatch(f"{len(real)} true and {len(bogus)} false cut-outs could be used: both are needed")
    rng = np.random.default_rng(request.seed)
    numbers = fraction(len(real), len(bogus), request.share)
    drawn = [np.sort(rng.choice(rows, n, replace=False)) for rows, n in zip((real, bogus), numbers, strict=True)]
    rows = np.concatenate(drawn)
    return rows, labels[rows]


def _told(stored: _Stored, labels: Array, shape: tuple[int, ...]) -> str:
    real = int(labels.sum())
    left = sum(map(len, stored.labels)) - len(labels)
    text = f"{len(labels)} cut-outs of {shape[2]} x {shape[1]} x {shape[3]}: {real} true, {len(labels) - real} false"
    extra = [f"{left} left out for the balance" if left else "", f"{stored.edge} at an edge" if stored.edge else ""]
    return "; ".join([text, *filter(None, extra)])
