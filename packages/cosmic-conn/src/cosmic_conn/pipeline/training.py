"""``cosmic-conn train``: what is asked for, into a run on disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from shared_io.errors import OutputExists, SchemaMismatch

from cosmic_conn.engine import cores, device_of, has_fast_bf16
from cosmic_conn.models.published import read_checkpoint
from cosmic_conn.models.registry import open_model
from cosmic_conn.network import UNet
from cosmic_conn.training.allocation import keep_freed_memory
from cosmic_conn.training.datasets import Entry, Listing, list_files
from cosmic_conn.training.feeding import Shelf
from cosmic_conn.training.folder import RunFolder
from cosmic_conn.training.options import Options
from cosmic_conn.training.scores import validate
from cosmic_conn.training.session import Machine, Session, best_seed

__all__ = ["Outcome", "Request", "score_files", "train_files"]

Told = Callable[[int, Mapping[str, Any]], None]


@dataclass(frozen=True)
class Request:
    """What to train.

    Attributes
    ----------
    data
        Folder of the files.
    options
        How.
    output
        Folder of the runs.
    comment
        Behind the time in the name of the run's folder.
    load_model
        Weights to begin with: a name, a file of weights, or a checkpoint of Cosmic-CoNN.
    continue_train, continue_epoch
        Run to continue: its name below `output` or its path; from which epoch (0: the last).
    random_seed
        Whether the best of 30 seeds is searched for.
    device, precision, threads
        What computes.
    tensorboard
        Whether to write summaries; None where the package is installed.
    overwrite
        Whether a run of the same name is replaced.
    """

    data: Path
    options: Options = field(default_factory=Options)
    output: Path = Path("checkpoints")
    comment: str = ""
    load_model: str = ""
    continue_train: str = ""
    continue_epoch: int = 0
    random_seed: bool = False
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    threads: int | None = None
    tensorboard: bool | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        if Path(f"_{self.comment}").name != f"_{self.comment}" or "\0" in self.comment:
            raise ValueError(f"a comment is part of the name of a folder, and has no separators: {self.comment!r}")

    @property
    def machine(self) -> Machine:
        """Return what computes; mixed precision is for GPUs.

        Raises
        ------
        ExternalFailed
            When there is no such GPU.
        """
        device = device_of(self.device)
        fast = device.type == "cuda" and has_fast_bf16(device)
        return Machine(device, self.precision == "bf16" or (self.precision == "auto" and fast), self.threads or cores())


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes
    ----------
    run
        Its folder.
    epochs
        That it has now.
    best
        Epoch and scores of the best validation.
    failed
        Files that could not be used, and why.
    """

    run: str
    epochs: int
    best: Mapping[str, Any]
    failed: Mapping[str, str]

    @property
    def exit_code(self) -> int:
        """0, or 3 where files could not be used."""
        return 3 if self.failed else 0

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {"run": self.run, "epochs": self.epochs, "best": dict(self.best), "failed": dict(self.failed)}

    def to_text(self) -> str:
        """Return it as lines."""
        best = ", ".join(f"{name} {value:.4g}" for name, value in self.best.get("scores", {}).items())
        lines = [
            f"{self.run}: {self.epochs} epochs; best is epoch {self.best.get('epoch', 0)} ({best or 'no validation'})"
        ]
        lines += [f"not used: {reason}" for reason in self.failed.values()]
        return "\n".join(lines)


def train_files(request: Request, told: Told = lambda epoch, line: None) -> Outcome:
    """Train a network on a folder of files, or go on with a run.

    Parameters
    ----------
    request
        What to train.
    told
        Called after each epoch with its number and its line of the log.

    Returns
    -------
    Outcome

    Raises
    ------
    InputNotFound, SchemaMismatch, OutputExists, ExternalFailed, WriteFailed
        Before anything is done, where it cannot be.
    """
    from cosmic_conn.training.report import write_report
    from cosmic_conn.training.summaries import summaries

    keep_freed_memory()
    machine = request.machine
    folder = RunFolder(_folder(request))
    listing = list_files(request.data, request.options.model, request.options.min_exposure)
    about = {"command": "cosmic-conn train", "data": _record(listing)}
    session = _session(request, folder, listing, machine, about)
    with summaries(folder.path / "tensorboard", request.tensorboard) as write:

        def both(epoch: int, line: Mapping[str, Any]) -> None:
            write(epoch, line)
            told(epoch, line)

        session.run(both)
    write_report(session)
    folder.settle()
    failed = {**listing.failed, **session.shelf.failed}
    return Outcome(str(folder.path), session.epoch, session.best, failed)


def score_files(request: Request) -> dict[str, Any]:
    """Score a model on all files of a folder; nothing is written.

    Raises
    ------
    SharedIOError
        When the model or the data cannot be used.
    """
    network, card = open_model(request.load_model or "ground_imaging")
    listing = list_files(request.data, request.options.model, request.options.min_exposure)
    shelf = Shelf()
    engine = request.machine.engine(network, card)
    scores = validate(engine, listing.entries, shelf, request.options.valid_crop).scores()
    return {
        "model": card.name,
        "files": len(listing.entries),
        **scores.values,
        "failed": {**listing.failed, **shelf.failed},
    }


def _record(listing: Listing) -> dict[str, Any]:
    """Return what the card says of the data: number, and a checksum of all names and sizes."""
    import hashlib

    lines = [f"{entry.path.name} {entry.path.stat().st_size}" for entry in listing.entries]
    text = "\n".join(sorted(lines))
    return {"files": len(lines), "sha256 of names and sizes": hashlib.sha256(text.encode()).hexdigest()}


def _session(
    request: Request, folder: RunFolder, listing: Listing, machine: Machine, about: Mapping[str, Any]
) -> Session:
    network = _loaded(request.load_model) if request.load_model else None
    if request.continue_train:
        state = folder.state(request.continue_epoch)
        options = _continued(Options.from_dict(dict(state.facts["options"])), request.options)
        _check_names(state.facts.get("names"), listing.entries, folder)
        session = Session(folder, listing.entries, options, machine, about)
        session.resume(state, network)
        return session
    if folder.path.exists() and not request.overwrite:
        raise OutputExists("in the way", path=folder.path, hint="another --comment, or --overwrite")
    options = request.options if network is None else replace(request.options, architecture=network.architecture)
    session = Session(folder, listing.entries, options, machine, about)
    session.start(network, best_seed(session) if request.random_seed and network is None else None)
    folder.rewind(0)
    return session


def _folder(request: Request) -> Path:
    """Return the folder of the run to continue, or of a new one, named by the time."""
    if request.continue_train:
        named = Path(request.continue_train)
        return named if named.is_dir() else request.output / named
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    now = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    name = now.strftime("%Y_%m_%d_%H_%M") + (f"_{request.comment}" if request.comment else "")
    return request.output / name


def _continued(kept: Options, asked: Options) -> Options:
    """Return the options of a run with those changed that are asked for: the ones that are not the default."""
    plain = Options()
    names = ("epoch", "lr", "milestones", "validate_freq", "valid_crop", "max_train_size", "batch", "crop")
    changed = {name: getattr(asked, name) for name in names if getattr(asked, name) != getattr(plain, name)}
    return replace(kept, **changed)


def _check_names(names: Any, entries: tuple[Entry, ...], folder: RunFolder) -> None:
    if names != sorted(entry.path.name for entry in entries):
        hint = "--data names the folder that the run has learnt from"
        raise SchemaMismatch("the run has learnt from other files than these", path=folder.path, hint=hint)


def _loaded(model: str) -> UNet:
    """Return the network of a name, a file of weights, or a checkpoint of Cosmic-CoNN."""
    if model.endswith((".pth", ".pth.tar", ".tar")):
        return read_checkpoint(model)
    return open_model(model)[0]
