"""A folder of survey files, or one file, as the source of a quadrant's light curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from shared_io import locate
from shared_io.errors import InputNotFound

from scope.lightcurves.record import LightCurves
from scope.lightcurves.tables import BULK_NAME, read_light_curves

SUFFIXES = (".parquet", ".parquet.gzip", ".pq", ".csv", ".ecsv", ".h5", ".hdf5", ".pytable")


@dataclass(frozen=True)
class Quadrant:
    """One readout quadrant of a field.

    Parameters
    ----------
    field, ccd, quad : int
        ZTF field, CCD 1 to 16, quadrant 1 to 4.
    """

    field: int
    ccd: int
    quad: int

    def __str__(self) -> str:
        return f"field {self.field} ccd {self.ccd} quad {self.quad}"


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

    def quadrant(self, quadrant: Quadrant) -> LightCurves:
        """Return the light curves of one quadrant, in all filters.

        Raises
        ------
        InputNotFound
            When there are no files for it or none of their sources lies in it.
        """
        curves = LightCurves.concatenate([read_light_curves(path) for path in self.files(quadrant)])
        inside = (curves.field == quadrant.field) & (curves.ccd == quadrant.ccd) & (curves.quad == quadrant.quad)
        if not inside.any():
            raise InputNotFound(f"no source lies in {quadrant}", path=self.path)
        return curves if inside.all() else curves.take(inside)

    def sources(self, identifiers: Sequence[int]) -> LightCurves:
        """Return the light curves of given identifiers, in the order of the files; unknown ones are left out.

        Raises
        ------
        InputNotFound
            When none is known.
        """
        wanted = np.asarray(identifiers, np.int64)
        parts = []
        for path in self.files():
            curves = read_light_curves(path)
            parts.append(curves.take(np.isin(curves.id, wanted)))
        curves = LightCurves.concatenate(parts)
        if not len(curves):
            raise InputNotFound(f"none of the {len(wanted)} sources is here", path=self.path)
        return curves


def _is_of(path: Path, quadrant: Quadrant) -> bool:
    name = BULK_NAME.search(path.name)
    if name is None:
        return False
    return (int(name["field"]), int(name["ccd"]), int(name["quad"])) == (quadrant.field, quadrant.ccd, quadrant.quad)
