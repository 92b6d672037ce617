"""Step 0: the grid of models, generated or read."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from shared_io import batch, ledger

from dre.files.cube import read_cube, write_cube
from dre.grid import CLASSIC, GridAxes, ModelGrid
from dre.pipeline.planning import provenance

if TYPE_CHECKING:
    from shared_io.batch import Report

log = logging.getLogger(__name__)


def write_models(path: Path, axes: GridAxes, *, overwrite: bool = False, resume: bool = True) -> Report:
    """Generate the models of `axes` and write them as a cube file.

    Parameters
    ----------
    path : pathlib.Path
        File to write.
    axes : GridAxes
        Evenly spaced axes.
    overwrite : bool
        Replace another file that is there.
    resume : bool
        Do nothing if these very models are there.

    Returns
    -------
    Report
    """
    named = {"n": axes.n, "q": axes.q, "angle": axes.angle, "log_r": axes.log_r}
    config = {name: [values[0], values[-1], len(values)] for name, values in named.items()}
    unit = batch.Unit(path.name, (path,), provenance("models", {**config, "box": axes.box}, []))

    def work(unit: batch.Unit) -> str:
        write_cube(ModelGrid.generate(axes), path, overwrite=True, provenance=unit.provenance)
        return f"{axes.count} models of {axes.box}x{axes.box} px"

    journal = ledger.home(path.parent, "dre", "models")
    return batch.run([unit], work, overwrite=overwrite, resume=resume, what="cubes", ledger=journal)


def models(path: Path | None) -> ModelGrid:
    """Read the models of a cube file, or generate the classic grid when no file is named."""
    if path is not None:
        return read_cube(path)
    log.info("no model cube named: generating the classic grid of %d models", CLASSIC.count)
    return ModelGrid.generate(CLASSIC)
