"""Labels that are likely wrong, and objects that are worth a label."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["doubts", "ranked", "worth_labelling"]

Array = npt.NDArray[Any]


def doubts(labels: Array, probability: Array) -> Array:
    """Return how far each label is from what is said by networks that did not learn it.

    This is the self-confidence of confident learning (Northcutt, Jiang & Chuang 2021, JAIR 70, 1373): one minus the
    out-of-sample probability of the given label.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
    probability : ndarray of float, shape (n,)
        Of being real, from networks that did not see the object; NaN where there is none.
    """
    given = np.where(np.asarray(labels) == 1, probability, 1 - probability)
    return 1 - given


def ranked(labels: Array, probability: Array) -> Array:
    """Return the rows of objects from the most doubtful label to the least; those without probability are left out."""
    doubt = doubts(labels, probability)
    rows = np.flatnonzero(np.isfinite(doubt))
    return rows[np.argsort(-doubt[rows], kind="stable")]


def worth_labelling(uncertainty: Array, number: int) -> Array:
    """Return the rows of the most uncertain objects: their labels teach the most (uncertainty sampling)."""
    return np.argsort(-np.asarray(uncertainty), kind="stable")[:number]
