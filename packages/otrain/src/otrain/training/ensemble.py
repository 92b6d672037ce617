"""An ensemble by cross-fitting: each member learns from all folds but one, and that one judges it.

So every training object has a score from a member that never saw it. From these follow the calibration, the threshold
and the list of suspicious labels; no object is spent on them alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
from shared_io.errors import SchemaMismatch

from otrain.kernels import calibration, groups, scores
from otrain.network import architecture
from otrain.training import loop

if TYPE_CHECKING:
    from otrain.network import Network
    from otrain.preprocessing import Preprocessing

__all__ = ["Kept", "Plan", "Trained", "train"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Plan:
    """What is trained.

    Attributes
    ----------
    network : str
        ``small`` or ``otrain``.
    members : int
        Networks in the ensemble.
    dropout : float
        Of the network's dropout layers.
    recipe : loop.Recipe
    seed : int
    """

    network: str = "small"
    members: int = 4
    dropout: float = 0.3
    recipe: loop.Recipe = field(default_factory=loop.Recipe)
    seed: int = 0

    @property
    def tuned(self) -> loop.Recipe:
        """The recipe; the large network without batch norms takes a quarter of the learning rate."""
        slow = self.network == "otrain"
        return replace(self.recipe, rate=self.recipe.rate / 4) if slow else self.recipe


@dataclass(frozen=True)
class Trained:
    """What came out.

    Attributes
    ----------
    networks : tuple of Network
    z : ndarray of float, shape (n,)
        Logit of each training object from the member that did not learn from it; NaN where all did.
    slope, offset : float
        Calibrated logit = slope * z + offset.
    threshold : float
        On the calibrated probability, from `z`.
    histories : tuple of list
        The epochs of each member.
    parameters : int
        Of one member.
    """

    networks: tuple[Network, ...]
    z: Array
    slope: float
    offset: float
    threshold: float
    histories: tuple[list[dict[str, float]], ...]
    parameters: int


class Kept(Protocol):
    """Keeps members while a training runs; each depends on its seed alone, not on those before it."""

    def load(self, number: int) -> loop.Fitted | None:
        """Return a member, or None if it was not finished."""

    def save(self, number: int, fitted: loop.Fitted) -> None:
        """Keep a member."""


def train(cube: Array, labels: Array, families: Array, prepare: Preprocessing, plan: Plan, *,
          progress: Callable[[int], None] | None = None, kept: Kept | None = None) -> Trained:  # fmt: skip
    """Train an ensemble.

    Parameters
    ----------
    cube : ndarray, shape (n, ny, nx, planes)
    labels : ndarray of int, shape (n,)
        0 bogus, 1 real.
    families : ndarray, shape (n,)
        Objects of one family are never on both sides.
    prepare : Preprocessing
    plan : Plan
    progress : callable, optional
        Told how many steps were done.
    kept : Kept, optional
        Where members are kept that are finished, and taken from where they are.

    Raises
    ------
    SchemaMismatch
        If there are too few objects of a class.
    """
    labels = np.asarray(labels, int)
    folds = max(plan.members, 2) if plan.members > 1 else 6
    fold = _folds(families, labels, folds, plan.seed)
    source = loop.Source(cube, prepare)
    layers = architecture(plan.network, plan.dropout)
    z, fitted = np.full(len(labels), np.nan), []
    for member in range(plan.members):
        train_rows, valid = np.flatnonzero(fold != member), np.flatnonzero(fold == member)
        found = kept.load(member) if kept else None
        if found is None:
            found = loop.fit(layers, source, labels, train_rows, valid, plan.tuned, plan.seed * 1000 + member,
                             advance=progress)  # fmt: skip
            if kept:
                kept.save(member, found)
        z[valid] = _logits(found.network, source, valid)
        fitted.append(found)
    return _judged(tuple(one.network for one in fitted), labels, z, tuple(one.history for one in fitted),
                   fitted[0].parameters)  # fmt: skip


def _folds(families: Array, labels: Array, folds: int, seed: int) -> Array:
    for name, number in (("bogus", int((labels == 0).sum())), ("real", int((labels == 1).sum()))):
        if number < folds:
            raise SchemaMismatch(
                f"{number} {name} cut-outs are too few to train with {folds} folds", hint="give more of them"
            )
    fold = groups.fold_numbers(families, labels, folds, np.random.default_rng(seed))
    for k in range(folds):
        for name, value in (("bogus", 0), ("real", 1)):
            if not (labels[fold != k] == value).any() or not (labels[fold == k] == value).any():
                raise SchemaMismatch(
                    f"the {name} cut-outs belong to too few groups for {folds} folds",
                    hint="split by another column with --split-by, or give more objects",
                )
    return fold


def _logits(network: Network, source: loop.Source, rows: Array) -> Array:
    parts = [network(source[rows[k : k + 256]]) for k in range(0, len(rows), 256)]
    return np.concatenate(parts).astype(np.float64)


def _judged(networks: tuple[Network, ...], labels: Array, z: Array, histories: tuple[list[dict[str, float]], ...],
            parameters: int) -> Trained:  # fmt: skip
    seen = np.isfinite(z)
    truth = labels[seen] == 1
    slope, offset = calibration.fit_platt(truth, z[seen])
    calibrated = calibration.sigmoid(slope * z[seen] + offset)
    threshold = scores.best_threshold(truth, calibrated)
    return Trained(networks, z, slope, offset, threshold, histories, parameters)
