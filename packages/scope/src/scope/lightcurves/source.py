"""What every source of light curves can do: a folder of files, a service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from scope.lightcurves.record import LightCurves
from scope.lightcurves.selection import Quadrant


class Source(Protocol):
    """Light curves by quadrant or identifier, unclean."""

    def quadrant(self, quadrant: Quadrant) -> LightCurves:
        """Return the light curves of one quadrant, in all filters.

        Raises
        ------
        InputNotFound
            When there are none.
        """

    def sources(self, identifiers: Sequence[int]) -> LightCurves:
        """Return the light curves of given identifiers; unknown ones are left out.

        Raises
        ------
        InputNotFound
            When none is known.
        """
