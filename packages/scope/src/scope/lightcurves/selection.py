"""Which sources of many are wanted: those of a quadrant, or given identifiers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scope.lightcurves.record import LightCurves


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

    @property
    def rcid(self) -> int:
        """Return the number of the readout channel, 0 to 63."""
        return 4 * (self.ccd - 1) + self.quad - 1


@dataclass(frozen=True)
class Selection:
    """Sources wanted; without a quadrant or identifiers all of them.

    Parameters
    ----------
    quadrant : Quadrant or None
        Those of this quadrant.
    ids : ndarray of int64 or None
        Those with these identifiers.
    """

    quadrant: Quadrant | None = None
    ids: np.ndarray | None = None

    def of(self, curves: LightCurves) -> LightCurves:
        """Return the wanted ones, in their order."""
        keep = np.ones(len(curves), bool)
        if self.quadrant is not None:
            q = self.quadrant
            keep &= (curves.field == q.field) & (curves.ccd == q.ccd) & (curves.quad == q.quad)
        if self.ids is not None:
            keep &= np.isin(curves.id, self.ids)
        return curves if keep.all() else curves.take(keep)

    def statistics(self, columns: list[str]) -> dict[str, list[float]]:
        """Return the numbers wanted of those columns of a survey file that tell, for skipping its row groups."""
        found: dict[str, list[float]] = {}
        if self.ids is not None:
            found["objectid"] = [int(i) for i in self.ids]
        if self.quadrant is not None:
            found |= {"fieldid": [self.quadrant.field], "rcid": [self.quadrant.rcid]}
        return {name: wanted for name, wanted in found.items() if name in columns}


EVERYTHING = Selection()
