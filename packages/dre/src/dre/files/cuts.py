"""Cut files: one HDF5 group EE_NNNN for each source, with the datasets obj, seg, rms and neighbours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from shared_io import hdf5
from shared_io.errors import SchemaMismatch

from dre.stamp import Stamp

if TYPE_CHECKING:
    from shared_io.provenance import Provenance

DATASETS = ("obj", "seg", "rms")
"""Pixels minus background [ADU], mask (bool), background noise [ADU]."""

NEIGHBOURS = "neighbours"
"""NUMBER of the other source of each pixel (unsigned, 0: none); the predecessor's files have none."""

NAMED = ("EXT_NUMBER", "NUMBER")
"""Attributes that the name of a cut says too."""


def write_cuts(
    path: Path,
    stamps: Iterable[Stamp],
    *,
    compression: str = "medium",
    overwrite: bool = False,
    provenance: Provenance | None = None,
) -> int:
    """Write cuts, each as a group with its position as attributes; return how many.

    Parameters
    ----------
    path : pathlib.Path
        File to write.
    stamps : iterable of Stamp
        Taken one by one, so that memory stays flat.
    compression : {'none', 'low', 'medium', 'high'}
        Preset of :mod:`shared_io.hdf5`.
    overwrite : bool
        Replace an existing file.
    provenance : Provenance, optional
        Stored as attributes of the file.
    """
    count = 0
    with hdf5.writer(path, compression=compression, overwrite=overwrite, provenance=provenance) as out:
        for stamp in stamps:
            arrays = {"obj": stamp.obj, "seg": stamp.mask, "rms": stamp.rms}
            if stamp.neighbours is not None:
                numbers = np.promote_types(np.uint16, np.min_scalar_type(stamp.neighbours.max(initial=0)))
                arrays[NEIGHBOURS] = stamp.neighbours.astype(numbers)
            attributes: dict[str, object] = dict(zip(NAMED, (stamp.ext_number, stamp.number), strict=True))
            attributes["FLAGS"] = stamp.flags
            if stamp.x is not None and stamp.y is not None:
                attributes |= {"X_IMAGE": stamp.x, "Y_IMAGE": stamp.y}
            out.add(stamp.name, arrays, attributes)
            count += 1
    return count


def cut_names(path: Path) -> list[str]:
    """Return the names of the cuts of a file, in order."""
    with hdf5.reader(path) as source:
        return list(source.names)


def read_cuts(
    path: Path, names: Iterable[str] | None = None, *, neighbours: bool = True
) -> Iterator[Stamp | SchemaMismatch]:
    """Read cuts one by one; a damaged group is yielded as its error, so that the others still arrive.

    Old files (mask as float32, no attributes) are read too.

    Parameters
    ----------
    path : pathlib.Path
        File to read.
    names : iterable of str, optional
        Which cuts; the default is all, in order.
    neighbours : bool
        Whether to read which pixels are a neighbour's, where the file says so.

    Yields
    ------
    Stamp or SchemaMismatch
    """
    with hdf5.reader(path) as source:
        for name in source.names if names is None else names:
            arrays = source.arrays(name, without=() if neighbours else (NEIGHBOURS,))
            problem = _problem(name, arrays)
            if problem:
                yield SchemaMismatch(problem, path=path, hdu=name, hint="run make_cuts again")
                continue
            attributes = source.attrs(name, without=NAMED)
            extension, number = (int(part) for part in name.split("_"))
            yield Stamp(
                name, arrays["obj"], arrays["seg"] > 0, arrays["rms"], extension, number,
                _optional(attributes, "X_IMAGE"), _optional(attributes, "Y_IMAGE"),
                arrays.get(NEIGHBOURS), int(_optional(attributes, "FLAGS") or 0),
            )  # fmt: skip


def _problem(name: str, arrays: dict[str, np.ndarray]) -> str:
    parts = name.split("_")
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        return "the name of a cut must be EE_NNNN"
    missing = [key for key in DATASETS if key not in arrays]
    if missing:
        return f"the cut lacks {', '.join(missing)}"
    shapes = {arrays[key].shape for key in (*DATASETS, NEIGHBOURS) if key in arrays}
    if len(shapes) != 1 or any(len(shape) != 2 for shape in shapes):
        return f"obj, seg and rms must be images of one shape, not {sorted(shapes)}"
    return ""


def _optional(attributes: dict, key: str) -> float | None:
    return float(attributes[key]) if key in attributes else None
