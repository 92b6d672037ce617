"""An image in memory, with its catalogue and check images, and what is cut out of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from shared_io.errors import SchemaMismatch

from dre import cutouts
from dre.files import catalogue, images
from dre.stamp import Stamp

if TYPE_CHECKING:
    from astropy.table import Table

    from dre.cutouts import Selection
    from dre.files.layout import Sextracted


@dataclass(frozen=True, eq=False, slots=True)
class TileImages:
    """What `read_tile` reads.

    Attributes
    ----------
    image, catalogue : pathlib.Path
        For messages.
    sources : Table
        All sources.
    rows : dict of str to int
        Row of each source, by the name of its stamp.
    planes : tuple of tuple of ndarray
        Of each extension: where the image has data (see `_presence`), image minus background, segmentation map, noise.
    """

    image: Path
    catalogue: Path
    sources: Table
    rows: dict[str, int]
    planes: tuple[tuple[np.ndarray, ...], ...]

    def select(self, selection: Selection) -> tuple[list[str], list[str]]:
        """Choose the sources that are cut.

        Returns
        -------
        names : list of str
            Sorted.
        left_out : list of str
            What is to be said of sources that are selected but whose square leaves the image or lacks data.

        Raises
        ------
        SchemaMismatch
            A catalogue without the columns that the selection reads.
        """
        catalogue.require(self.sources, selection.columns, self.catalogue)
        extension = _plane_of(np.asarray(self.sources["EXT_NUMBER"], int))
        wanted = np.zeros(len(self.sources), bool)
        for k, (presence, *_) in enumerate(self.planes):
            wanted |= (extension == k) & selection.rows(self.sources, presence.shape)
        names, left_out = [], []
        for name, row in self.rows.items():
            if wanted[row] and cutouts.place_of(self.sources[row], self.planes[extension[row]][0]) is not None:
                names.append(name)
            elif wanted[row]:
                left_out.append(
                    f"{self.image.name}: {name} is left out: its square leaves the image or has pixels without data"
                )
        return sorted(names), left_out

    def cut(
        self, names: Iterable[str], *, centroid: str | None = None, neighbours: bool = True
    ) -> Iterator[Stamp | SchemaMismatch]:
        """Cut sources, selected or not; see `dre.cutouts.cut`. One that cannot be cut is yielded as an error."""
        for name in names:
            row = self.rows.get(name)
            stamp = None
            if row is not None:
                source = self.sources[row]
                planes = self.planes[int(_plane_of(np.asarray(source["EXT_NUMBER"], int)))]
                stamp = cutouts.cut(source, *planes, centroid=centroid, neighbours=neighbours)
            yield stamp or SchemaMismatch(
                f"no square of pixels around {name}", path=self.image, hint="is this the image of the catalogue?"
            )


def read_tile(image: Path, source: Path, products: Sextracted) -> TileImages:
    """Read an image with its catalogue and check images.

    Raises
    ------
    SchemaMismatch
        If the check images or the catalogue's extensions do not fit the image, or two sources have one number.
    """
    sources = catalogue.read_catalogue(source)
    presence = [_presence(frame.data) for frame in images.read_extensions(image)]
    shapes = [plane.shape for plane in presence]
    checks = (products.subtracted, products.segmentation, products.rms)
    read = ([frame.data for frame in images.read_matching(path, shapes)] for path in checks)
    planes = tuple(zip(presence, *read, strict=True))
    extension = np.asarray(sources["EXT_NUMBER"], int)
    if len(sources) and (extension.min() < 0 or extension.max() > len(planes)):
        raise SchemaMismatch(
            f"EXT_NUMBER {extension.max()} in a catalogue of an image with {len(planes)} extensions", path=source,
            hint="run sex_dre again",
        )  # fmt: skip
    numbers = zip(extension.tolist(), np.asarray(sources["NUMBER"], int).tolist(), strict=True)
    rows = {cutouts.stamp_name(*pair): row for row, pair in enumerate(numbers)}
    if len(rows) < len(sources):
        raise SchemaMismatch(
            "two sources of one NUMBER in an extension", path=source, hint="is this SExtractor's catalogue?"
        )
    return TileImages(image, source, sources, rows, planes)


def _presence(data: np.ndarray) -> np.ndarray:
    """Return zero where there is a datum and NaN where there is none: all of the sky image that a cut depends on."""
    good = np.isfinite(data)
    if good.all():
        return np.broadcast_to(np.float16(0), data.shape)
    return np.where(good, np.float16(0), np.float16("nan"))


def _plane_of(extension: np.ndarray) -> np.ndarray:
    """Return the number of the plane from EXT_NUMBER, where 0 is the first too."""
    return np.maximum(extension - 1, 0)
