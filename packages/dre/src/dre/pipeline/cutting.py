"""Step 3: cut the galaxies out of every sky image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from shared_io import batch, locate
from shared_io.errors import SchemaMismatch

from dre import cutouts
from dre.cutouts import Selection
from dre.files import catalogue, images
from dre.files.cuts import write_cuts
from dre.files.layout import Sextracted, find_sextracted
from dre.pipeline.planning import Running, found_from_anywhere, provenance, run_step

if TYPE_CHECKING:
    from astropy.table import Table
    from shared_io.batch import Report

    from dre.stamp import Stamp


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


@dataclass(frozen=True)
class Job:
    """One image with its catalogue and check images."""

    image: Path
    catalogue: Path
    products: Sextracted

    @property
    def inputs(self) -> tuple[Path, ...]:
        """Every input file."""
        return (self.image, self.catalogue, *self.products.files[1:])


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
    selection = request.selection
    options = {
        "margin": selection.margin, "max_stellarity": selection.max_stellarity, "centroid": request.centroid,
        "filters": [list(one) for one in selection.filters], "compression": request.compression,
    }  # fmt: skip

    def plan(image: Path) -> batch.Unit:
        name = locate.stem(image)
        products = find_sextracted(request.sextracted, name)
        source = find_sextracted(request.catalogues, name).catalogue if request.catalogues else products.catalogue
        job = Job(image, source, products)
        return batch.Unit(name, (request.output / f"{name}_cuts.h5",), provenance("cuts", options, job.inputs), job)

    return run_step(
        locate.files(list(request.inputs)), plan, partial(_cut_image, request),
        verb="cuts", folder=request.output, name=locate.stem, running=running, what="images",
    )  # fmt: skip


def _cut_image(request: Request, unit: batch.Unit) -> str:
    job: Job = unit.payload  # type: ignore[assignment]
    table = catalogue.read_catalogue(job.catalogue)
    catalogue.require(table, request.selection.columns, job.catalogue)
    stamps = cut_all(job, table, request.selection, request.centroid, batch.note)
    count = write_cuts(
        unit.outputs[0], stamps, compression=request.compression, overwrite=True, provenance=unit.provenance
    )
    return f"{count} of {len(table)} sources"


def cut_all(
    job: Job,
    table: Table,
    selection: Selection,
    centroid: str | None,
    tell: Callable[[str], None] | None = None,
) -> Iterator[Stamp]:
    """Cut every selected source of an image, extension by extension.

    Raises
    ------
    SchemaMismatch
        If the check images or the catalogue's extensions do not fit the image.
    """
    frames = images.read_extensions(job.image)
    shapes = [frame.data.shape for frame in frames]
    subtracted = images.read_matching(job.products.subtracted, shapes)
    segmentation = images.read_matching(job.products.segmentation, shapes)
    rms = images.read_matching(job.products.rms, shapes)
    extension = np.asarray(table["EXT_NUMBER"], int)
    last = max(len(frames), 1)
    if len(table) and (extension.min() < 0 or extension.max() > last):
        raise SchemaMismatch(
            f"EXT_NUMBER {extension.max()} in a catalogue of an image with {last} extensions", path=job.catalogue,
            hint="run sex_dre again",
        )  # fmt: skip
    for k, frame in enumerate(frames):
        own = table[(extension == k + 1) | ((extension == 0) & (k == 0))]
        for source in own[selection.rows(own, frame.data.shape)]:
            stamp = cutouts.cut(
                source, frame.data, subtracted[k].data, segmentation[k].data, rms[k].data, centroid=centroid
            )
            if stamp is not None:
                yield stamp
            elif tell is not None:
                name = cutouts.stamp_name(source["EXT_NUMBER"], source["NUMBER"])
                tell(f"{job.image.name}: {name} is left out: its square leaves the image or has pixels without data")
