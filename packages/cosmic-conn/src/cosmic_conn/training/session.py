"""A training from its files to its weights: epochs, validations, what is kept, and going on after an interruption."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from shared_io.errors import SchemaMismatch

from cosmic_conn.engine import Engine
from cosmic_conn.models.card import Card, Front
from cosmic_conn.models.store import load
from cosmic_conn.network import UNet
from cosmic_conn.training.datasets import Entry
from cosmic_conn.training.deck import divided
from cosmic_conn.training.feeding import Feeder, Shelf
from cosmic_conn.training.folder import RunFolder, State
from cosmic_conn.training.losses import lower_bound
from cosmic_conn.training.options import Options
from cosmic_conn.training.scores import Scores, Tally, validate
from cosmic_conn.training.trainer import Trainer

__all__ = ["Machine", "Session", "best_seed"]

_log = logging.getLogger(__name__)

_SEEDS = 30
_SEED_FILES, _SEED_CROP = 2, 512  # what untrained networks are compared on
_KEEP_AFTER = 60.0  # without a validation, the state is written so often [s]
_LICENCE = "that of whoever trained it"


@dataclass(frozen=True)
class Machine:
    """What computes: device, arithmetic and threads of the CPU."""

    device: torch.device
    bf16: bool = False
    threads: int = 1

    def engine(self, network: UNet, card: Card) -> Engine:
        """Return a network made ready to search frames."""
        return Engine(network, card, self.device, threads=self.threads)


class Session:
    """A run.

    Parameters
    ----------
    folder
        Where it is kept.
    entries
        All files.
    options
        How to train.
    machine
        What computes.
    about
        What the card shall say of data and command.
    """

    def __init__(
        self, folder: RunFolder, entries: Sequence[Entry], options: Options, machine: Machine, about: Mapping[str, Any]
    ) -> None:
        self.folder, self.options, self.machine, self._about = folder, options, machine, dict(about)
        self.learn, self.valid = divided(entries, options.valid_ratio, options.max_valid_size, options.seed)
        self.shelf = Shelf()
        self._best: dict[str, Any] = {"epoch": 0, "loss": float("inf"), "scores": {}}
        self._epoch = 0
        self._trainer = Trainer(options, machine.device)

    @property
    def best(self) -> Mapping[str, Any]:
        """Epoch, loss and scores of the best validation."""
        return self._best

    @property
    def epoch(self) -> int:
        """The last epoch that was trained."""
        return self._epoch

    def start(self, network: UNet | None = None, seed: int | None = None) -> None:
        """Begin at the beginning, with a network or one of random weights."""
        self._trainer = self._new_trainer(network, seed)

    def resume(self, state: State, network: UNet | None = None) -> None:
        """Go on from a state; with a network, from its weights instead, the optimiser knowing nothing.

        So it does where the state of the optimiser was not kept.

        Raises
        ------
        SchemaMismatch
            When only weights are kept, and they are of another epoch.
        """
        if network is None and not state.tensors:
            network, card = load(state.weights)
            if card.training.get("epoch") != state.epoch:
                raise SchemaMismatch(f"these are not the weights of epoch {state.epoch}", path=state.weights)
            _log.warning("the optimiser begins anew: of so large a network its state is not kept at the end of a run")
        self._trainer = self._new_trainer(network, None)
        if network is None:
            self._trainer.restore(state.tensors)
        self._best, self._epoch = dict(state.facts["best"]), state.epoch
        self.folder.rewind(state.epoch)

    def run(self, told: Callable[[int, Mapping[str, Any]], None] = lambda epoch, line: None) -> None:
        """Train to the last epoch.

        Parameters
        ----------
        told
            Called after each epoch with its number and its line of the log.
        """
        feeder = Feeder(self.learn, self.options, self.shelf)
        kept = time.monotonic()
        for epoch in range(self._epoch + 1, self.options.epoch + 1):
            o = self.options
            loss = self._trainer.run(epoch, feeder.batches(epoch))
            line: dict[str, Any] = {
                "epoch": epoch, "train_loss": round(loss, 6), "lr": o.rate(epoch),
                "alpha": lower_bound(epoch, o.imbalance_alpha) if o.loss == "median_bce" else None,
            }  # fmt: skip
            due = epoch % o.validate_freq == 0 or epoch == o.epoch
            if due:
                line |= self._judge(epoch, loss)
            self.folder.add(line)
            _log.info("%s", ", ".join(f"{name} {value}" for name, value in line.items()))
            if due or time.monotonic() - kept > _KEEP_AFTER:
                self._keep("last", epoch)
                kept = time.monotonic()
            self._epoch = epoch
            told(epoch, line)

    def card(self, epoch: int) -> Card:
        """Return the card of the weights after an epoch."""
        best = self._best if epoch == self._best["epoch"] else {}
        scores: Mapping[str, float] = best.get("scores", {})
        training = {
            **self._about,
            "options": self.options.to_dict(),
            "epoch": epoch,
            "files": {"learnt from": len(self.learn), "validated on": len(self.valid)},
            "validation": dict(scores),
        }
        source = "trained with cosmic-conn train; the threshold is that of the largest Dice coefficient in validation"
        front, threshold = Front(self.options.knee), scores.get("threshold", self._best["scores"].get("threshold", 0.5))
        return Card(self.folder.path.name, "", self.options.architecture, front, threshold, _LICENCE, source, training)

    def tally(self, network: UNet) -> Tally:
        """Validate a network."""
        engine = self.machine.engine(network, self.card(0))
        return validate(engine, self.valid, self.shelf, self.options.valid_crop)

    def _judge(self, epoch: int, train_loss: float) -> dict[str, float]:
        """Validate, keep the best, and return the scores; without files to validate on the training loss decides."""
        found = self.tally(self._trainer.copy())
        scores = found.scores() if found.losses else Scores({})
        loss = scores.loss if scores.values else train_loss
        if loss < self._best["loss"]:
            self._best = {"epoch": epoch, "loss": loss, "scores": dict(scores.values)}
            self._keep("best", epoch)
        return dict(scores.values)

    def _keep(self, which: str, epoch: int) -> None:
        names = sorted(entry.path.name for entry in (*self.learn, *self.valid))
        facts = {"epoch": epoch, "best": self._best, "options": self.options.to_dict(), "names": names}
        self.folder.keep(which, self._trainer.copy(), self.card(epoch), self._trainer.state(), facts)

    def _new_trainer(self, network: UNet | None, seed: int | None) -> Trainer:
        m = self.machine
        return Trainer(self.options, m.device, bf16=m.bf16, threads=m.threads, network=network, seed=seed)


def best_seed(session: Session) -> int:
    """Return which of 30 random seeds gives the untrained network that validates best.

    They are compared on the middle of the frames of two files.
    """
    o = session.options
    entries = (session.valid or session.learn)[:_SEED_FILES]
    found: dict[int, float] = {}
    for seed in np.random.default_rng([o.seed, 6]).integers(2**31, size=_SEEDS):
        torch.manual_seed(int(seed))
        engine = session.machine.engine(UNet(o.architecture).eval(), session.card(0))
        tally = validate(engine, entries, session.shelf, min(o.valid_crop, _SEED_CROP))
        found[int(seed)] = tally.scores().loss
    best = min(found, key=lambda seed: found[seed])
    _log.info("of %d seeds %d is the best: %.4f", _SEEDS, best, found[best])
    return best
