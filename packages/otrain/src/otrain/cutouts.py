"""Cut-outs with what is known about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from shared_io.errors import SchemaMismatch, SharedIOError

__all__ = ["COLUMNS", "PLANES", "Cube", "Part", "fraction", "plane_name"]

Array = npt.NDArray[Any]

COLUMNS: dict[str, type] = {
    "candid": str, "mag": float, "magerr": float, "filter": str, "fwhm": float, "ra": float, "dec": float,
    "original": str, "x": float, "y": float, "fwhm_psf": float, "object": str, "night": str, "field": str,
}  # fmt: skip
"""What is known about a cut-out: FWHM in pixels, RA and Dec in degrees, positions in pixels of the original image."""

PLANES: dict[str, tuple[str, ...]] = {
    "science": ("science", "sci", "image", "new", "search"),
    "template": ("template", "tmpl", "ref", "reference"),
    "difference": ("difference", "diff", "sub"),
}
"""Names of planes, each with the names that they have in files, in lower case."""


def plane_name(name: str) -> str:
    """Return the common name of a plane; a name that is not known stays as it is, in lower case."""
    lower = name.strip().lower()
    return next((plane for plane, names in PLANES.items() if lower in names), lower)


@dataclass(frozen=True)
class Part:
    """Some cut-outs as they come from files.

    Attributes
    ----------
    pixels : ndarray of float32, shape (n, ny, nx, planes)
    columns : dict of ndarray
        The columns of `COLUMNS`, shape (n,); text that is not there is empty, numbers are NaN.
    edge : ndarray of bool, shape (n,)
        Whether the source is close to an image's edge.
    names : list of str
        File (and record) of each.
    planes : tuple of str
    failed : list of (str, SharedIOError)
        What could not be read.
    """

    pixels: Array
    columns: dict[str, Array]
    edge: Array
    names: list[str]
    planes: tuple[str, ...]
    failed: list[tuple[str, SharedIOError]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.names)

    def keep(self, mask: Array) -> Part:
        """Return the cut-outs of a mask."""
        rows = np.flatnonzero(mask)
        columns = {name: values[rows] for name, values in self.columns.items()}
        names = [self.names[k] for k in rows]
        return Part(self.pixels[rows], columns, self.edge[rows], names, self.planes, self.failed)


@dataclass(frozen=True)
class Cube:
    """Labelled cut-outs, as ``otrain-convert`` makes them.

    Attributes
    ----------
    pixels : ndarray of float32, shape (n, ny, nx, planes)
        May be mapped from a file.
    labels : ndarray of int64, shape (n,)
        1 real, 0 bogus.
    columns : dict of ndarray
        See `COLUMNS`; those that a file does not have are absent.
    planes : tuple of str
    data : str
        sha256 of pixels and labels, hexadecimal.
    """

    pixels: Array
    labels: Array
    columns: dict[str, Array]
    planes: tuple[str, ...]
    data: str = ""

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, chosen: Array) -> Cube:
        """Return some of the cut-outs."""
        columns = {name: values[chosen] for name, values in self.columns.items()}
        return Cube(self.pixels[chosen], self.labels[chosen], columns, self.planes)

    def select(self, planes: Sequence[str]) -> Cube:
        """Return the cube with some of its planes, in that order.

        Raises
        ------
        SchemaMismatch
            If one is not there.
        """
        wanted = tuple(plane_name(plane) for plane in planes)
        if wanted == self.planes:
            return self
        missing = [plane for plane in wanted if plane not in self.planes]
        if missing:
            raise SchemaMismatch(
                f"the cube has no plane {' and no '.join(missing)}", hint=f"it has {', '.join(self.planes)}"
            )
        chosen = [self.planes.index(plane) for plane in wanted]
        return Cube(self.pixels[..., chosen], self.labels, self.columns, wanted, self.data)

    def column(self, name: str) -> Array:
        """Return a column; empty values where the cube has none."""
        if name in self.columns:
            return self.columns[name]
        return np.full(len(self), "" if COLUMNS.get(name, float) is str else np.nan)


def fraction(real: int, bogus: int, share: float) -> tuple[int, int]:
    """Return the largest numbers of real and bogus cut-outs of which `share` are real.

    Parameters
    ----------
    real, bogus : int
        How many there are.
    share : float
        From 0 to 1.
    """
    if share <= 0 or share >= 1:
        return (0, bogus) if share <= 0 else (real, 0)
    wanted = real * (1 - share) / share
    if wanted <= bogus:
        return real, round(wanted)
    return round(bogus * share / (1 - share)), bogus


def gathered(parts: Iterable[Mapping[str, Array]]) -> dict[str, Array]:
    """Put the columns of several parts behind one another."""
    listed = list(parts)
    return {name: np.concatenate([part[name] for part in listed]) for name in (listed[0] if listed else ())}
