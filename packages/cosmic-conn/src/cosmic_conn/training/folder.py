"""The folder of a run: its log, its states, its weights, and the summaries that TensorBoard reads."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared_io import atomic
from shared_io.errors import CorruptInput, InputNotFound, SchemaMismatch

from cosmic_conn.models.card import Card
from cosmic_conn.models.store import save
from cosmic_conn.network import UNet
from cosmic_conn.training.checkpoint import load_state, save_state

__all__ = ["LIMIT", "RunFolder", "State"]


LIMIT = 20_000_000
"""Of what a run leaves [byte]; networks whose weights alone are larger take what they need."""

_ROOM = LIMIT - 4_000_000  # for weights and states; the rest is for the log, the summaries and the page [byte]


@dataclass(frozen=True)
class State:
    """Where a run stands: the tensors, and what is known beside them.

    Attributes
    ----------
    tensors
        Of the network and the optimiser; none where there was no room for them.
    facts
        Epoch, options and what else is known.
    weights
        The file of weights of the same epoch.
    """

    tensors: Mapping[str, Any]
    facts: Mapping[str, Any]
    weights: Path

    @property
    def epoch(self) -> int:
        """The last epoch that is in it."""
        return int(self.facts["epoch"])


class RunFolder:
    """A run on disk.

    ====================  =======================================================================================
    log.jsonl             a line an epoch: losses, learning rate, scores
    models/best.*         weights of the best validation with their card, and, where there is room, the state to go
                          on from
    models/last.*         the same of the last epoch that was kept; see `settle`
    report.html           curves and example masks, at the end
    tensorboard/          where the package tensorboard is installed
    ====================  =======================================================================================

    Parameters
    ----------
    path
        Of the folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.models = self.path / "models"
        self.log = self.path / "log.jsonl"
        self.report = self.path / "report.html"

    def weights(self, which: str) -> Path:
        """Return the file of weights called ``best`` or ``last``."""
        return self.models / f"{which}.safetensors"

    def keep(self, which: str, network: UNet, card: Card, tensors: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
        """Write weights, card and state; the state last, so that a run goes on from what is complete.

        Of the best only the weights are kept where there is no room for two states: a run goes on from the last.
        """
        self.models.mkdir(parents=True, exist_ok=True)
        save(network, card, self.weights(which), overwrite=True)
        both = 2 * (self.weights(which).stat().st_size + sum(t.numel() * t.element_size() for t in tensors.values()))
        save_state(self._state(which), {} if which == "best" and both > _ROOM else tensors, facts)

    def settle(self) -> None:
        """Make a run that has ended small: where it is above `LIMIT`, states become facts, that of the best first."""
        for which in ("best", "last"):
            size = sum(path.stat().st_size for path in self.path.rglob("*") if path.is_file())
            if size > LIMIT and self._state(which).is_file():
                save_state(self._state(which), {}, self._read(which).facts)

    def state(self, epoch: int = 0) -> State:
        """Return the last state, or that of an epoch.

        Raises
        ------
        InputNotFound
            When this is no folder of a run.
        SchemaMismatch
            When there is no state of that epoch; those of the best and of the last are kept.
        """
        if not self._state("last").is_file():
            raise InputNotFound("no run to continue", path=self.path, hint="--continue_train names its folder")
        states = [self._read(which) for which in ("last", "best") if self._state(which).is_file()]
        if not epoch:
            return states[0]
        for state in states:
            if state.epoch == epoch:
                return state
        kept = ", ".join(str(e) for e in sorted({state.epoch for state in states}))
        raise SchemaMismatch(f"epoch {epoch} is not kept", path=self.path, hint=f"--continue_epoch can be {kept}")

    def add(self, line: Mapping[str, Any]) -> None:
        """Add a line to the log."""
        self.path.mkdir(parents=True, exist_ok=True)
        with self.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, sort_keys=True) + "\n")

    def lines(self) -> list[dict[str, Any]]:
        """Return the log; a line that was cut off by a crash is left out."""
        try:
            text = self.log.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        try:
            return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
        except ValueError as error:
            raise CorruptInput("not the log of a training", path=self.log) from error

    def rewind(self, epoch: int) -> None:
        """Forget what the log says of later epochs."""
        kept = [line for line in self.lines() if line.get("epoch", 0) <= epoch]
        atomic.write_text(self.log, "".join(json.dumps(line, sort_keys=True) + "\n" for line in kept), overwrite=True)

    def _state(self, which: str) -> Path:
        return self.models / f"{which}.state"

    def _read(self, which: str) -> State:
        tensors, facts = load_state(self._state(which))
        if not isinstance(facts.get("epoch"), int) or not isinstance(facts.get("options"), dict):
            raise SchemaMismatch("the state of another kind of training", path=self._state(which))
        return State(tensors, facts, self.weights(which))
