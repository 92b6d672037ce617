"""Where the stamps of an image come from: its file of cuts, or the image itself, cut in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from shared_io import locate
from shared_io.errors import InputNotFound, SchemaMismatch

from dre.cutouts import Selection
from dre.files.cuts import cut_names, read_cuts
from dre.files.layout import Sextracted, find_sextracted
from dre.pipeline.tile import read_tile
from dre.stamp import Stamp

Cut = Callable[[list[str]], Iterator[Stamp | SchemaMismatch]]


class StampReader:
    """The stamps of an image, drawn more than once: the first of them stay in memory, as far as there is room.

    Parameters
    ----------
    names : list of str
        Of the selected sources, sorted.
    cut : callable
        Yields the stamps of these names, or why one cannot be had.
    room : int
        That they may take, bytes.
    left_out : sequence of str
        What is to be said of sources that were selected but have no stamp.
    """

    def __init__(self, names: list[str], cut: Cut, room: int, left_out: Sequence[str] = ()) -> None:
        self.names, self.left_out = names, left_out
        self._cut, self._room = cut, room
        self._kept: dict[str, Stamp] = {}

    def read(self, names: list[str], lost: list[str] | None = None) -> Iterator[Stamp]:
        """Draw stamps; those that cannot be had are described in `lost`."""
        left = iter(self._cut([name for name in names if name not in self._kept]))
        for name in names:
            item = self._kept.get(name) or next(left)
            if isinstance(item, Stamp):
                self._keep(item)
                yield item
            elif lost is not None:
                lost.append(str(item))

    def _keep(self, stamp: Stamp) -> None:
        arrays = (stamp.obj, stamp.mask, stamp.rms, stamp.neighbours)
        size = sum(array.nbytes for array in arrays if array is not None)
        if stamp.name not in self._kept and size <= self._room:
            self._room -= size
            self._kept[stamp.name] = stamp


class Source(Protocol):
    """Where the stamps of one image come from; small enough to be sent to another process."""

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The files that are read; messages name the first."""

    @property
    def settings(self) -> dict[str, object]:
        """What else the stamps depend on, for provenance."""

    def open(self, *, neighbours: bool = True, room: int = 1 << 27) -> StampReader:
        """Open it.

        Parameters
        ----------
        neighbours : bool
            Whether the stamps say which pixels are a neighbour's.
        room : int
            StampReader to keep in memory, bytes.
        """


@dataclass(frozen=True)
class CutFile:
    """A file of cuts, from ``make_cuts``."""

    path: Path

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The file."""
        return (self.path,)

    @property
    def settings(self) -> dict[str, object]:
        """Nothing."""
        return {}

    def open(self, *, neighbours: bool = True, room: int = 1 << 27) -> StampReader:
        """See `Source.open`."""
        return StampReader(cut_names(self.path), partial(read_cuts, self.path, neighbours=neighbours), room)


@dataclass(frozen=True)
class Tile:
    """An image with its catalogue and check images.

    Attributes
    ----------
    image, catalogue : pathlib.Path
    products : Sextracted
        Of which the check images are used.
    selection : Selection
        Which sources are cut.
    centroid : str, optional
        See `dre.cutouts.cut`.
    """

    image: Path
    catalogue: Path
    products: Sextracted
    selection: Selection
    centroid: str | None = None

    @property
    def inputs(self) -> tuple[Path, ...]:
        """Image, catalogue and check images."""
        return (self.image, self.catalogue, *self.products.files[1:])

    @property
    def settings(self) -> dict[str, object]:
        """Selection and centroid."""
        filters = [list(one) for one in self.selection.filters]
        bounds = {"margin": self.selection.margin, "max_stellarity": self.selection.max_stellarity}
        return {**bounds, "filters": filters, "centroid": self.centroid}

    def open(self, *, neighbours: bool = True, room: int = 1 << 27) -> StampReader:
        """See `Source.open`."""
        tile = read_tile(self.image, self.catalogue, self.products)
        names, left_out = tile.select(self.selection)
        return StampReader(names, partial(tile.cut, centroid=self.centroid, neighbours=neighbours), room, left_out)


class Sources(Protocol):
    """The images of a run."""

    def paths(self) -> list[Path]:
        """One file for each image."""

    def name(self, path: Path) -> str:
        """Name of the image that one of them stands for."""

    def source(self, path: Path) -> Source:
        """Where its stamps come from."""

    def find(self, name: str) -> Source:
        """Where the stamps of the image of this name come from; raises InputNotFound if it is not there."""


@dataclass(frozen=True)
class CutFiles:
    """A folder of NAME_cuts.h5, or one such file."""

    folder: Path

    def paths(self) -> list[Path]:
        """See `Sources.paths`; raises InputNotFound if there is none."""
        if self.folder.is_file():
            return [self.folder]
        found = sorted(self.folder.glob("*_cuts.h5"))
        if not found:
            raise InputNotFound(
                "no *_cuts.h5 there", path=self.folder, hint="run make_cuts first, or name the folder with -i"
            )
        return found

    def name(self, path: Path) -> str:
        """See `Sources.name`."""
        return path.stem.removesuffix("_cuts")

    def source(self, path: Path) -> CutFile:
        """See `Sources.source`."""
        return CutFile(path)

    def find(self, name: str) -> CutFile:
        """See `Sources.find`."""
        path = self.folder / f"{name}_cuts.h5"
        if not path.exists():
            raise InputNotFound(
                "no cuts of this image", path=path, hint="name their folder with --cuts, or the images with --images"
            )
        return CutFile(path)


@dataclass(frozen=True)
class Tiles:
    """Images, whose sources are cut in memory."""

    images: tuple[Path, ...]
    sextracted: Path
    selection: Selection = field(default_factory=Selection)
    catalogues: Path | None = None
    centroid: str | None = None

    def paths(self) -> list[Path]:
        """See `Sources.paths`; raises InputNotFound if there is none."""
        return locate.files(self.images)

    def name(self, path: Path) -> str:
        """See `Sources.name`."""
        return locate.stem(path)

    def source(self, path: Path) -> Tile:
        """See `Sources.source`."""
        name = self.name(path)
        products = find_sextracted(self.sextracted, name)
        catalogue = find_sextracted(self.catalogues, name).catalogue if self.catalogues else products.catalogue
        return Tile(path, catalogue, products, self.selection, self.centroid)

    def find(self, name: str) -> Tile:
        """See `Sources.find`."""
        found = [path for path in self.paths() if self.name(path) == name]
        if len(found) != 1:
            where = self.images[0] if self.images else None
            raise InputNotFound(f"{len(found)} images are called {name}", path=where, hint="name it with --images")
        return self.source(found[0])
