"""How well a mask agrees with the charge that is known to be there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cosmic_conn.kernels.masks import EIGHT

__all__ = ["CLASSES", "Score", "curves", "recall_at_purity", "score"]

TRUE = 5.0  # charge from which a pixel is one of a cosmic ray [noise of the sky]
FALSE = 1.0  # charge below which it is not; between the two an answer is neither right nor wrong

CLASSES: Mapping[str, tuple[int, int]] = {"1": (1, 1), "2-4": (2, 4), "5-20": (5, 20), ">20": (21, 1 << 30)}
"""Classes of true objects by the number of their pixels."""

_NEAR = 3  # how far from a seam or an edge is near it [pixel]
_CORE = 10.0  # light of a source above the sky from which a pixel is the middle of one [noise of the sky]


@dataclass(frozen=True)
class Score:
    """What a mask is worth.

    Attributes
    ----------
    recall
        Share of the true pixels that are flagged.
    completeness
        Share of the true objects (8-connected true pixels) of which a pixel is flagged.
    by_size
        The same for the objects of each of `CLASSES`; NaN where there is none.
    purity
        Right ones among the pixels flagged right or wrong.
    wrong, in_cores, at_edges, at_seams
        Pixels flagged wrong: all; those in the middle of sources; those near the edge of the image, near a seam.
    objects
        True objects.
    """

    recall: float
    completeness: float
    by_size: Mapping[str, float]
    purity: float
    wrong: int
    in_cores: int
    at_edges: int
    at_seams: int
    objects: int


def score(
    mask: npt.NDArray[np.bool_],
    charge: npt.NDArray[np.float32],
    noise: float,
    light: npt.NDArray[np.float32] | None = None,
    seams: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None = None,
) -> Score:
    """Return the score of a mask.

    Parameters
    ----------
    mask : ndarray of bool, shape (height, width)
    charge : ndarray of float32, same shape
        Of cosmic rays, as it was put in [e-].
    noise
        Standard deviation of the sky [e-].
    light : ndarray of float32, same shape, optional
        Of sources, above the sky [e-].
    seams : (rows, columns), optional
        Where tiles of the detector meet.
    """
    from scipy.ndimage import label

    true = charge > TRUE * noise
    wrong = mask & (charge < FALSE * noise)
    right = int((mask & true).sum())
    labels, count = label(true, EIGHT)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    hit = np.bincount(labels[mask & true], minlength=count + 1)[1:] > 0
    by_size = {name: _share(hit[(sizes >= low) & (sizes <= high)]) for name, (low, high) in CLASSES.items()}
    cores = np.zeros_like(mask) if light is None else light > _CORE * noise
    edge = np.ones_like(mask)
    edge[_NEAR:-_NEAR, _NEAR:-_NEAR] = False
    return Score(
        recall=right / max(int(true.sum()), 1),
        completeness=_share(hit),
        by_size=by_size,
        purity=right / max(right + int(wrong.sum()), 1),
        wrong=int(wrong.sum()),
        in_cores=int((wrong & cores).sum()),
        at_edges=int((wrong & edge).sum()),
        at_seams=int((wrong & _near_seams(mask.shape, seams)).sum()),
        objects=count,
    )


def curves(
    probability: npt.NDArray[np.float32],
    charge: npt.NDArray[np.float32],
    noise: float,
    thresholds: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return recall, purity and false-positive rate at each of some thresholds of a probability.

    The rate is the share of pixels without charge (below one sigma) that are flagged.
    """
    true, none = (np.sort(probability[where]) for where in (charge > TRUE * noise, charge < FALSE * noise))
    right = len(true) - np.searchsorted(true, thresholds, side="right")
    wrong = len(none) - np.searchsorted(none, thresholds, side="right")
    purity = np.where(right + wrong > 0, right / np.maximum(right + wrong, 1), 1.0)
    return right / max(len(true), 1), purity, wrong / max(len(none), 1)


def recall_at_purity(
    probability: npt.NDArray[np.float32], charge: npt.NDArray[np.float32], noise: float, least: float
) -> float:
    """Return the largest recall of all thresholds at which the purity is `least` or more; 0 where there is none.

    Parameters
    ----------
    probability : ndarray of float32, shape (height, width)
        Of a cosmic ray; or a mask, which has one threshold.
    charge, noise
        As for `score`.
    least
        Purity.
    """
    true, none = probability[charge > TRUE * noise], probability[charge < FALSE * noise]
    levels, count = np.unique(true[true > 0], return_counts=True)  # flagged from each level on
    right = count[::-1].cumsum()[::-1]
    wrong = len(none) - np.searchsorted(np.sort(none), levels, side="left")
    return float((right[right >= least * (right + wrong)]).max(initial=0) / max(len(true), 1))


def _share(hit: npt.NDArray[np.bool_]) -> float:
    return float(hit.mean()) if hit.size else float("nan")


def _near_seams(
    shape: tuple[int, ...], seams: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None
) -> npt.NDArray[np.bool_]:
    near = np.zeros(shape, dtype=bool)
    for axis, places in enumerate(seams or ()):
        for place in places:
            around = slice(max(place - _NEAR, 0), place + _NEAR)
            near[(around, slice(None)) if axis == 0 else (slice(None), around)] = True
    return near
