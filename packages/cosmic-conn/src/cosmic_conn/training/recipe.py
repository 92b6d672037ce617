"""The weights that are shipped: how they are made, in one call."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from shared_io import atomic, fits, provenance
from shared_io.errors import OutputExists, SchemaMismatch

from cosmic_conn.engine import one_thread
from cosmic_conn.files.stamps import read_stamps
from cosmic_conn.models.card import Card, Front, card_path
from cosmic_conn.models.store import check_name, save
from cosmic_conn.network import UNet
from cosmic_conn.training.checkpoint import load_state, save_state
from cosmic_conn.training.checks import check
from cosmic_conn.training.loop import Events, Learner, Recipe, train

__all__ = ["LEARNT", "Sources", "make_weights"]

LEARNT = 100
"""How many of the stamps, from the first, are learnt from; the others are left to score."""

_SNAPSHOT = 500
_CHECKS = 24  # frames that progress is measured on

_SOURCE = "trained from nothing on simulated frames with simulated and, where the data name them, real cosmic rays"


@dataclass(frozen=True)
class Sources:
    """Files of real data to learn from beside the simulated.

    Attributes
    ----------
    stamps
        JSON file of real cosmic rays (see `read_stamps`), of which the first 100 are injected.
    backgrounds
        FITS images without cosmic rays.
    """

    stamps: str | os.PathLike[str] | None = None
    backgrounds: Sequence[str | os.PathLike[str]] = ()

    def read(self) -> Events:
        """Read them.

        Raises
        ------
        SharedIOError
            When one cannot be read.
        """
        stamps = [] if self.stamps is None else read_stamps(self.stamps)[:LEARNT]
        return Events(stamps, [fits.read_image(path).data.astype(np.float32) for path in self.backgrounds])

    def record(self) -> dict[str, str]:
        """Return names and checksums, for the card."""
        files = [*([] if self.stamps is None else [self.stamps]), *self.backgrounds]
        found = {"/".join(Path(path).parts[-2:]): provenance.digest(path) for path in files}
        return found if self.stamps is None else found | {"stamps used": f"0 to {LEARNT - 1}"}


def make_weights(
    path: str | os.PathLike[str],
    recipe: Recipe,
    sources: Sources = Sources(),
    *,
    threshold: float = 0.5,
    name: str = "ground_imaging",
    command: str = "cosmic-conn models train",
    overwrite: bool = False,
    report: Callable[[int, float], None] | None = None,
) -> Card:
    """Train a network on simulated frames and write its weights and card.

    Parameters
    ----------
    path
        File of the weights, ending ``.safetensors``.
    recipe
        How to train.
    sources
        Real data to learn from.
    threshold, name, command
        That the card shall name.
    overwrite
        Whether files already there are replaced.
    report
        Called every 100 steps with the step and the mean loss.

    Returns
    -------
    Card

    Raises
    ------
    OutputExists, SchemaMismatch
        Before anything is done, when the weights cannot be put there.

    Notes
    -----
    Every 500 steps the state is written to ``NAME.state`` beside the weights, and the log to ``NAME.log.jsonl``; the
    same call goes on from there, to the same weights. The state is removed at the end.
    """
    check_name(path)
    if not overwrite and (Path(path).exists() or card_path(path).exists()):
        raise OutputExists("in the way", path=path, hint="--overwrite replaces it and its card")
    training = {"command": command, "recipe": recipe.to_dict(), "data": sources.record()}
    card = Card(name, "", recipe.architecture, Front(recipe.knee), threshold, "BSD-3-Clause", _SOURCE, training)
    with one_thread():  # sums in one order, the same each time
        run = _Run(Path(path), recipe, sources.read(), training, report)
        network = run.train()
    card = save(network, card, path, overwrite=True)
    run.state.unlink(missing_ok=True)
    return card


class _Run:
    """A training with its state and its log on disk."""

    def __init__(
        self,
        path: Path,
        recipe: Recipe,
        events: Events,
        training: dict[str, Any],
        report: Callable[[int, float], None] | None,
    ) -> None:
        self.state, self.log = path.with_suffix(".state"), path.with_suffix(".log.jsonl")
        self._recipe, self._events, self._training, self._report = recipe, events, training, report
        self._lines: list[dict[str, Any]] = []
        self._checks = [events.sample(recipe, recipe.stages[0].mixture, 2, number) for number in range(_CHECKS)]

    def train(self) -> UNet:
        """Train, from where the state on disk is."""
        return train(self._recipe, self._events, self._told, self._resumed())

    def _resumed(self) -> Learner:
        learner = Learner(self._recipe)
        if self.state.is_file():
            tensors, facts = load_state(self.state)
            if facts["training"] != _plain(self._training):
                hint = "remove it to begin anew"
                raise SchemaMismatch(
                    "the state of a training with another recipe or other data", path=self.state, hint=hint
                )
            learner.restore(tensors, facts["step"])
            self._lines = facts["log"]
        return learner

    def _told(self, loss: float, learner: Learner) -> None:
        line: dict[str, Any] = {"step": learner.step, "loss": round(loss, 6)}
        if learner.step % _SNAPSHOT == 0 or learner.step == self._recipe.steps:
            line |= check(learner.averaged, self._checks).to_dict()
        self._lines.append(line)
        if "recall" in line:
            atomic.write_text(self.log, _as_lines(self._lines), overwrite=True)
            facts = {"step": learner.step, "training": _plain(self._training), "log": self._lines}
            save_state(self.state, learner.state(), facts)
        if self._report is not None:
            self._report(learner.step, loss)


def _plain(value: Any) -> Any:
    """Return a value as JSON gives it back."""
    return json.loads(json.dumps(value))


def _as_lines(entries: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(entry, sort_keys=True) + "\n" for entry in entries)
