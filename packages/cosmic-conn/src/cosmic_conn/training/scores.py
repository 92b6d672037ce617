"""How good a network is on frames that are held back: from counts of probabilities, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from cosmic_conn.engine import Engine
from cosmic_conn.search import probability_rows
from cosmic_conn.sky import Plane, Sky
from cosmic_conn.training.datasets import Entry
from cosmic_conn.training.exposures import Exposures, middle
from cosmic_conn.training.feeding import Shelf

__all__ = ["Scores", "Tally", "probability_of", "validate"]

_BINS = 4096
_TILE = 320
_RATES = (1e-4, 1e-3)


@dataclass(frozen=True)
class Scores:
    """What a network is worth on the pixels that count.

    Attributes
    ----------
    valid_cr_loss
        Mean over the frames of ``1 - (2 sum(p y) + 1) / (sum p + sum y + 1)``.
    dice
        Of the mask at a probability of 0.5.
    recall, purity
        Likewise.
    recall_at_1e-4, recall_at_1e-3
        Recall at such a share of pixels without a cosmic ray flagged.
    purity_at_0.95
        Purity at a recall of 0.95.
    threshold
        Probability at which the Dice coefficient is largest.
    """

    values: dict[str, float]

    @property
    def loss(self) -> float:
        """``valid_cr_loss``: the smaller the better."""
        return self.values["valid_cr_loss"]

    @property
    def threshold(self) -> float:
        """Where the Dice coefficient is largest."""
        return self.values["threshold"]


@dataclass
class Tally:
    """Counts of probabilities of pixels with and without a cosmic ray, and the losses of frames."""

    rays: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(_BINS, dtype=np.int64))
    empty: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(_BINS, dtype=np.int64))
    losses: list[float] = field(default_factory=list)

    def add(
        self, probability: npt.NDArray[np.float32], truth: npt.NDArray[np.bool_], keep: npt.NDArray[np.bool_]
    ) -> None:
        """Add a frame."""
        places = np.minimum((probability * _BINS).astype(np.int64), _BINS - 1)
        self.rays += np.bincount(places[truth & keep], minlength=_BINS)
        self.empty += np.bincount(places[~truth & keep], minlength=_BINS)
        p, y = probability[keep].astype(np.float64), truth[keep]
        self.losses.append(float(1 - (2 * p[y].sum() + 1) / (p.sum() + y.sum() + 1)))

    def curves(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return recall, purity and share of empty pixels flagged, with thresholds from high to low."""
        right, wrong = np.cumsum(self.rays[::-1]), np.cumsum(self.empty[::-1])
        purity = np.where(right + wrong > 0, right / np.maximum(right + wrong, 1), 1.0)
        return right / max(int(right[-1]), 1), purity, wrong / max(int(wrong[-1]), 1)

    def scores(self) -> Scores:
        """Return the scores of all frames together."""
        recall, purity, rate = self.curves()
        both = recall + purity
        dice = np.where(both > 0, 2 * recall * purity / np.where(both > 0, both, 1), 0.0)
        half, best = _BINS // 2 - 1, int(np.argmax(dice))
        values = {
            "valid_cr_loss": float(np.mean(self.losses)) if self.losses else 1.0,
            "dice": float(dice[half]),
            "recall": float(recall[half]),
            "purity": float(purity[half]),
            **{f"recall_at_{r:.0e}".replace("e-0", "e-"): float(np.max(recall[rate <= r], initial=0)) for r in _RATES},
            "purity_at_0.95": float(np.max(purity[recall >= 0.95], initial=0)),
            "threshold": float(np.clip(1 - (best + 1) / _BINS, 0.05, 0.95)),
        }
        return Scores({name: round(value, 6) for name, value in values.items()})


def validate(engine: Engine, entries: Sequence[Entry], shelf: Shelf, crop: int) -> Tally:
    """Search the middle of all frames of some files and count what is found.

    Parameters
    ----------
    engine
        The network, as it is used for detection.
    entries
        Files; those that cannot be read are left out, and remembered by the shelf.
    shelf
        Where prepared files are kept.
    crop
        Side of the middle [pixel].
    """
    tally = Tally()
    for entry in entries:
        exposures = shelf.get(entry)
        if exposures is not None:
            cut = middle(exposures, crop)
            for index in range(len(cut.frames)):
                tally.add(probability_of(engine, cut, index), cut.truth[index], cut.keep[index])
    return tally


def probability_of(engine: Engine, exposures: Exposures, index: int) -> npt.NDArray[np.float32]:
    """Return the probability map of a frame, its sky being known."""
    plane = Plane(exposures.frames[index])
    height, width = plane.shape
    grid = (-(-height // 32), -(-width // 32))
    sky = Sky(np.zeros(grid, dtype=np.float32), np.ones(grid, dtype=np.float32), plane.shape)
    return np.concatenate([rows for _, rows in probability_rows(plane, sky, engine, _TILE)])
