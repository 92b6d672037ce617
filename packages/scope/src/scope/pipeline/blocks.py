"""A quadrant in blocks of stars: what other processes are given, and the most that a kill can cost.

Each block's features are written to a file of their own beside the table that they are for, whole or not at all; when
all are there, the table is put together from them.  A file tells what it was made from, so that a run that goes on
after a kill takes up those that fit, and the table has the same bytes as if nothing had happened.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from shared_io import batch
from shared_io.errors import CorruptInput, SharedIOError
from shared_io.provenance import Provenance

from scope.block_file import read_block, write_block
from scope.feature_table import ROW_GROUP, to_arrow
from scope.features.assembly import FAILURE, Recipe, around, baselines, measure_stars, stars_of
from scope.features.schema import INT, TEXT
from scope.kowalski.answers import ANSWER
from scope.lightcurves.record import LightCurves
from scope.periods.device import open_device
from scope.pipeline.division import MOST_SOURCES, divided, seconds

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Running:
    """Where blocks are measured.

    Parameters
    ----------
    workers : int
        Processes of this machine, or workers asked of Slurm.
    scheduler : str or None
        ``dask``, the address of a Dask scheduler, or ``slurm``; None: this machine (:func:`shared_io.batch.run`).
    """

    workers: int = 1
    scheduler: str | None = None


HERE = Running()


@dataclass(frozen=True)
class Block:
    """Some stars of a quadrant.

    Parameters
    ----------
    curves : LightCurves
        Theirs alone, in the order of the quadrant.
    stars : tuple of ndarray of int
        Rows of each star.
    recipe : Recipe
        What is measured.
    longest : float
        Longest baseline of the quadrant [d].
    threads : int
        Stars measured at a time.
    columns : mapping of str to str
        Columns of its file with their types.
    sharers : int
        Processes that share a GPU, if it is searched on one.
    """

    curves: LightCurves
    stars: tuple[np.ndarray, ...]
    recipe: Recipe
    longest: float
    threads: int
    columns: Mapping[str, str]
    sharers: int = 1

    @property
    def provenance(self) -> Provenance:
        """Return what the features depend on: the light curves themselves, the options, the version."""
        from scope import __version__

        periods = None if self.recipe.periods is None else self.recipe.periods.recorded()
        recipe = json.loads(json.dumps(asdict(self.recipe) | {"periods": periods}, default=str))
        compatible = self.recipe.periods is not None and self.recipe.periods.compatible
        config = {"recipe": recipe, "columns": list(self.columns), "longest": self.longest if compatible else None}
        return Provenance("scope", __version__, "measure-stars", config, {"light curves": _digest(self)})


class Blocks:
    """The blocks of a quadrant, in an order and of a size that depend on its light curves and the options alone.

    Parameters
    ----------
    curves : LightCurves
        Clean, of the whole quadrant; its points may lie on the disk.
    recipe : Recipe
        What is measured.
    columns : mapping of str to str
        Columns of the feature table with their types.
    most : int
        Light curves in a block, unless one star has more.
    """

    def __init__(
        self, curves: LightCurves, recipe: Recipe, columns: Mapping[str, str], most: int = MOST_SOURCES
    ) -> None:
        self.curves, self.recipe, self.columns = curves, recipe, columns
        spans, self._stars = baselines(curves), stars_of(curves, recipe)
        self._longest = float(spans.max()) if len(spans) else 0.0
        if recipe.periods is not None and recipe.periods.compatible:
            spans = np.full(len(spans), self._longest)
        self._ends = divided(self._stars, curves.counts, seconds(curves.counts, spans, recipe), most)
        elsewhere = {*around(curves, recipe, slice(0)), "radec_geojson", "fritz_name"}
        self._measured = {"_id": INT} | {name: kind for name, kind in columns.items() if name not in elsewhere}
        self._measured |= {FAILURE: TEXT}

    def __len__(self) -> int:
        return len(self._ends)

    def rows(self, k: int) -> np.ndarray:
        """Return the light curves of a block, in their order."""
        return np.sort(np.concatenate(self._of(k)))

    @property
    def largest(self) -> int:
        """Return the most light curves in a block."""
        return max((len(self.rows(k)) for k in range(len(self))), default=0)

    def block(self, k: int, threads: int = 1, sharers: int = 1) -> Block:
        """Return a block with its light curves; see :class:`Block`."""
        rows = self.rows(k)
        stars = tuple(np.searchsorted(rows, star) for star in self._of(k))
        alone = replace(self.recipe, catalogues={}, alerts=None)  # these belong to the table
        return Block(self.curves.take(rows), stars, alone, self._longest, threads, self._measured, sharers)

    def measure(self, folder: Path, running: Running) -> tuple[list[Path], int]:
        """Measure all blocks that are not there yet.

        Parameters
        ----------
        folder : pathlib.Path
            Where their files go.
        running : Running
            Where they are measured.

        Returns
        -------
        list of pathlib.Path
            The files.
        int
            How many were there.

        Raises
        ------
        SharedIOError
            When one failed; the others are kept.
        """
        paths = [folder / f"block_{k:05d}.arrow" for k in range(len(self))]
        # A few blocks are not worth many processes: each needs seconds to start.
        workers = running.workers if running.scheduler else min(running.workers, len(self))
        threads = 1 if running.scheduler else max(1, running.workers // max(workers, 1))
        there: list[Path] = []
        report = batch.run(
            self._units(paths, threads, workers, there), _write, what="blocks of stars", workers=max(workers, 1),
            scheduler=running.scheduler, total=sum(not path.exists() for path in paths),
        )  # fmt: skip
        if report.failed:
            bad = report.failed
            more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
            raise SharedIOError(f"{bad[0].name} of {len(paths)}{more}: {bad[0].message}")
        return paths, len(there)

    def failures(self, paths: Sequence[Path]) -> dict[int, str]:
        """Return which light curves could not be measured, and why, from the files of the blocks.

        Raises
        ------
        CorruptInput
            When a file is damaged.
        """
        found: dict[int, str] = {}
        for path in paths:
            for one in _failed(read_block(path)[1]).to_pylist():
                found[one["_id"]] = one[FAILURE]
        return found

    def groups(self, paths: Sequence[Path], more: Mapping[str, Sequence[Any]]) -> Iterator[Any]:
        """Yield the row groups of the table as Arrow.

        Parameters
        ----------
        paths : sequence of pathlib.Path
            Files of the blocks.
        more : mapping of str to sequence
            Further columns, of all sources.

        Raises
        ------
        CorruptInput
            When a file is damaged.
        """
        owner, place = self._owners()
        for start in range(0, len(self.curves), ROW_GROUP):
            rows = slice(start, start + ROW_GROUP)
            values = _gathered(paths, owner[rows], place[rows])
            surroundings = around(self.curves, self.recipe, rows) | {n: list(v[rows]) for n, v in more.items()}
            yield to_arrow(values | surroundings, self.columns)

    def _of(self, k: int) -> list[np.ndarray]:
        return self._stars[self._ends[k - 1] if k else 0 : self._ends[k]]

    def _owners(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the block of each light curve, and its row there."""
        owner, place = np.empty((2, len(self.curves)), np.int64)
        for k in range(len(self)):
            rows = self.rows(k)
            owner[rows], place[rows] = k, np.arange(len(rows))
        return owner, place

    def _units(self, paths: Sequence[Path], threads: int, sharers: int, there: list[Path]) -> Iterator[batch.Unit]:
        """Yield the blocks that are still to be measured; the others are noted in `there`."""
        for k, path in enumerate(paths):
            block = self.block(k, threads, max(sharers, 1))
            made = block.provenance
            if _is_made(path, made.key):
                there.append(path)
                continue
            path.unlink(missing_ok=True)
            yield batch.Unit(f"block {k + 1}", (path,), made, block)


def remove(folder: Path) -> None:
    """Remove the files of blocks whose table is done, and what was kept for them, and nothing else."""
    for pattern in ("*block_*.arrow*", f"*{ANSWER}*"):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def measure(block: Block, advance: Callable[[int], object] = lambda _: None) -> dict[str, Any]:
    """Return the columns of a block's file."""
    device = block.recipe.periods.device if block.recipe.periods is not None else "cpu"
    found = measure_stars(
        block.curves, block.stars, block.recipe, block.longest, threads=block.threads, advance=advance,
        accelerator=open_device(device, block.sharers),
    )  # fmt: skip
    return {"_id": block.curves.id, **found}


def _write(unit: batch.Unit) -> None:
    block: Any = unit.payload  # a Block
    write_block(unit.outputs[0], to_arrow(measure(block), block.columns), unit.provenance.key)


def _is_made(path: Path, key: str) -> bool:
    """Tell whether a file holds what a key stands for; a damaged one is told of, one of other work is not."""
    if not path.exists():
        return False
    try:
        found, table = read_block(path)
        return found == key and not len(_failed(table))  # what failed is tried again
    except CorruptInput as error:
        log.warning("%s: its stars are measured again", error)
        return False


def _failed(table: Any) -> Any:
    """Return the rows of a block's table that could not be measured."""
    if FAILURE not in table.column_names:
        return table.slice(0, 0)
    return table.select(["_id", FAILURE]).filter(table[FAILURE].is_valid())


def _gathered(paths: Sequence[Path], owner: np.ndarray, place: np.ndarray) -> dict[str, Any]:
    """Return what some files hold of some light curves, as Arrow columns in their order."""
    import pyarrow as pa

    order = np.argsort(owner, kind="stable")
    parts = [read_block(paths[k])[1].take(place[order[owner[order] == k]]) for k in np.unique(owner)]
    found = pa.concat_tables(parts).take(np.argsort(order, kind="stable"))
    return {name: found[name] for name in found.column_names}


def _digest(block: Block) -> str:
    found = hashlib.sha256()
    curves = block.curves
    for values in (curves.id, curves.filter, curves.offsets, curves.hjd, curves.mag, curves.magerr, *block.stars):
        found.update(np.ascontiguousarray(values).data)
        found.update(b"|")
    return found.hexdigest()
