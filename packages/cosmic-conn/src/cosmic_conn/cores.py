"""Running a network on the cores of a CPU by the fast pass, without torch."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cosmic_conn.forward import Forward
from cosmic_conn.models.card import Card

__all__ = ["Cores"]

Tiles = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Cores:
    """A network made ready to run; what `cosmic_conn.engine.Engine` is with torch.

    Attributes
    ----------
    forward
        Its fast pass.
    card
        Its preprocessing and threshold.
    threads
        How many tiles are worked on at a time. Each is one thread's, so that the answers are the same for any number
        of them.
    """

    forward: Forward
    card: Card
    threads: int = 1

    @property
    def depends_on_tile(self) -> bool:
        """Whether a pixel's answer depends on the whole tile."""
        return self.card.architecture.depends_on_tile

    @property
    def together(self) -> int:
        """How many tiles it is worth giving at a time."""
        return 4 * self.threads

    def probabilities(self, tiles: Tiles) -> Tiles:
        """Return the probability of a cosmic ray in each pixel of tiles of shape (n, height, width)."""
        with ThreadPoolExecutor(self.threads) as pool:
            return np.stack(list(pool.map(self._probability, tiles)))

    def _probability(self, tile: Tiles) -> Tiles:
        with np.errstate(over="ignore"):  # the exponential of a pixel that is surely none is infinite
            return np.asarray(1 / (1 + np.exp(-self.forward(tile))))
