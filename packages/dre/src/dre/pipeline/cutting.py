"""Step 3: cut the galaxies out of every sky image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from shared_io import batch

from dre.cutouts import Selection
from dre.files import catalogue
from dre.files.cuts import write_cuts
from dre.pipeline.planning import Running, found_from_anywhere, provenance, run_step
from dre.pipeline.stamps import Tile, Tiles

if TYPE_CHECKING:
    from shared_io.batch import Report


@dataclass(frozen=True)
class Request:
    """What to cut and how; see the options of ``make_cuts``."""

    inputs: Sequence[Path]
    sextracted: Path
    catalogues: Path | None
    output: Path
    selection: Selection
    centroid: str | None = None
    compression: str = "medium"


def make_cuts(request: Request, running: Running | None = None) -> Report:
    """Write OUTPUT/NAME_cuts.h5 for every image.

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
        If there is no image.
    """
    running = running or Running()
    request = found_from_anywhere(request, running)
    tiles = Tiles(tuple(request.inputs), request.sextracted, request.selection, request.catalogues, request.centroid)

    def plan(image: Path) -> batch.Unit:
        tile, name = tiles.source(image), tiles.name(image)
        options = {**tile.settings, "compression": request.compression}
        return batch.Unit(name, (request.output / f"{name}_cuts.h5",), provenance("cuts", options, tile.inputs), tile)

    return run_step(
        tiles.paths(), plan, partial(_cut_image, request),
        verb="cuts", folder=request.output, name=tiles.name, running=running, what="images",
    )  # fmt: skip


def _cut_image(request: Request, unit: batch.Unit) -> str:
    tile: Tile = unit.payload  # type: ignore[assignment]
    stamps = tile.open(room=0)
    for one in stamps.left_out:
        batch.note(one)
    lost: list[str] = []
    count = write_cuts(
        unit.outputs[0], stamps.read(stamps.names, lost), compression=request.compression, overwrite=True,
        provenance=unit.provenance,
    )  # fmt: skip
    return f"{count} of {catalogue.count_sources(tile.catalogue)} sources"
