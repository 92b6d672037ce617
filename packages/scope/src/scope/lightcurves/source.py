"""What every source of light curves can do: a folder of files, a service."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from scope.lightcurves.record import LightCurves
from scope.lightcurves.selection import Quadrant


class Source(Protocol):
    """Light curves by quadrant or identifier, unclean."""

    def pieces(self, wanted: Quadrant | Sequence[int]) -> Iterator[LightCurves]:
        """Yield the light curves of one quadrant, in all filters, or of given identifiers; unknown ones are left out.

        Each source is whole in one piece, and no piece is large.

        Raises
        ------
        InputNotFound
            When there are none.
        """
