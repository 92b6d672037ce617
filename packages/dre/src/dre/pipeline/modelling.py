"""Step 0: the grid of models, generated or read."""

from __future__ import annotations

import logging
from pathlib import Path

from dre.grid import CLASSIC, GridAxes, ModelGrid

log = logging.getLogger(__name__)


def write_models(path: Path, axes: GridAxes, *, overwrite: bool = False) -> ModelGrid:
    """Generate the models of `axes` and write them as a cube file; return them.

    Raises
    ------
    OutputExists
        If the file is there and `overwrite` is false (before anything is computed).
    """
    from shared_io.errors import OutputExists

    from dre.files.cube import write_cube

    if path.exists() and not overwrite:
        raise OutputExists("already there", path=path, hint="use --overwrite to replace it")
    grid = ModelGrid.generate(axes)
    write_cube(grid, path, overwrite=overwrite)
    return grid


def models(path: Path | None) -> ModelGrid:
    """Read the models of a cube file, or generate the classic grid when no file is named."""
    from dre.files.cube import read_cube

    if path is not None:
        return read_cube(path)
    log.info("no model cube named: generating the classic grid of %d models", CLASSIC.count)
    return ModelGrid.generate(CLASSIC)
