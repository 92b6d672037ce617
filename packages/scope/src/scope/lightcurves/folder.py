"""A folder of survey files, or one file, as the source of a quadrant's light curves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from shared_io import locate
from shared_io.errors import InputNotFound

from scope.lightcurves.nested import BULK_NAME
from scope.lightcurves.record import LightCurves
from scope.lightcurves.rubin import find_tables, read_rubin
from scope.lightcurves.selection import Quadrant, Selection
from scope.lightcurves.tables import FILTERS, light_curve_pieces

SUFFIXES = (".parquet", ".parquet.gzip", ".pq", ".csv", ".ecsv", ".h5", ".hdf5", ".pytable")


@dataclass(frozen=True)
class Folder:
    """Light curves in files.

    Parameters
    ----------
    path : pathlib.Path
        A file, or a folder that is searched with its subfolders.
    """

    path: Path

    def files(self, quadrant: Quadrant | None = None) -> list[Path]:
        """Return the files that may hold a quadrant's sources.

        Those whose names say so (``ztf_000301_zg_c02_q4_dr5.parquet``); without any, those whose names say nothing.

        Raises
        ------
        InputNotFound
            When there is none.
        """
        found = locate.files([self.path], suffixes=SUFFIXES, recursive=True)
        if quadrant is not None and self.path.is_dir():
            named = [path for path in found if BULK_NAME.search(path.name)]
            found = [path for path in named if _is_of(path, quadrant)] or [p for p in found if p not in set(named)]
        if not found:
            raise InputNotFound(
                f"no light curves{f' of {quadrant}' if quadrant else ''}", path=self.path,
                hint="put the survey's files there, e.g. ztf_000301_zg_c02_q4_dr5.parquet",
            )  # fmt: skip
        return found

    def named_quadrants(self) -> list[Quadrant]:
        """Return the quadrants that the names of the files tell, in order."""
        names = [BULK_NAME.search(path.name) for path in self.files()]
        found = {Quadrant(int(n["field"]), int(n["ccd"]), int(n["quad"])) for n in names if n}
        return sorted(found, key=lambda q: (q.field, q.ccd, q.quad))

    @property
    def is_rubin(self) -> bool:
        """Tell whether these are the tables of a Rubin data preview."""
        return find_tables(self.path) is not None

    def pieces(self, wanted: Quadrant | Sequence[int]) -> Iterator[LightCurves]:
        """Yield the light curves of one quadrant, in all filters, or of given identifiers; unknown ones are left out.

        They come in the order of the files. For identifiers, files whose names tell field, filter, CCD and quadrant are
        read only if one of them spells the same.

        Raises
        ------
        InputNotFound
            When there are none; a file named after the quadrant may be empty.
        """
        if isinstance(wanted, Quadrant):
            yield from self._of_quadrant(wanted)
        else:
            yield from self._of_sources(np.asarray(wanted, np.int64))

    def quadrant(self, quadrant: Quadrant) -> LightCurves:
        """Return what :meth:`pieces` yields for a quadrant."""
        return LightCurves.concatenate(list(self.pieces(quadrant)))

    def sources(self, identifiers: Sequence[int]) -> LightCurves:
        """Return what :meth:`pieces` yields for given identifiers."""
        return LightCurves.concatenate(list(self.pieces(identifiers)))

    def _of_quadrant(self, quadrant: Quadrant) -> Iterator[LightCurves]:
        if self.is_rubin:
            raise InputNotFound("Rubin tables have no ZTF quadrants", path=self.path, hint="give identifiers instead")
        paths, found = self.files(quadrant), 0
        for path in paths:
            for piece in light_curve_pieces(path, Selection(quadrant)):
                found += len(piece)
                yield piece
        if not found and not any(_is_of(path, quadrant) for path in paths):
            raise InputNotFound(f"no source lies in {quadrant}", path=self.path)

    def _of_sources(self, ids: np.ndarray) -> Iterator[LightCurves]:
        if self.is_rubin:
            parts = iter([read_rubin(self.path, ids)])
        else:
            wanted, spelled = Selection(ids=ids), {int(i) // 10**8 for i in ids}
            paths = [path for path in self.files() if _prefix(path) is None or _prefix(path) in spelled]
            parts = (piece for path in paths for piece in light_curve_pieces(path, wanted))
        found = 0
        for piece in parts:
            found += len(piece)
            yield piece
        if not found:
            raise InputNotFound(f"none of the {len(ids)} sources is here", path=self.path)


def _is_of(path: Path, quadrant: Quadrant) -> bool:
    name = BULK_NAME.search(path.name)
    if name is None:
        return False
    return (int(name["field"]), int(name["ccd"]), int(name["quad"])) == (quadrant.field, quadrant.ccd, quadrant.quad)


def _prefix(path: Path) -> int | None:
    """Return what the identifiers of a file begin with: field, filter, CCD and quadrant."""
    name = BULK_NAME.search(path.name)
    if name is None:
        return None
    return ((int(name["field"]) * 10 + FILTERS[name["filter"]]) * 100 + int(name["ccd"])) * 10 + int(name["quad"])
