"""What all steps share: one unit of work with its outputs, done once, resumed, never in the way of other files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from shared_io import batch, ledger
from shared_io.batch import Report
from shared_io.errors import SharedIOError
from shared_io.provenance import Provenance, digest

__all__ = ["Running", "once", "provenance"]


@dataclass(frozen=True)
class Running:
    """How a step is run.

    Attributes
    ----------
    overwrite : bool
        Replace files that are in the way.
    resume : bool
        Skip what was done with the same inputs and settings.
    """

    overwrite: bool = False
    resume: bool = True


def provenance(verb: str, config: Mapping[str, object], inputs: Iterable[Path], *, model: str | None = None,
               signatures: Mapping[str, str] | None = None) -> Provenance:  # fmt: skip
    """Return what the outputs of a step depend on.

    Parameters
    ----------
    verb : str
    config : mapping
        Every setting that changes the outputs.
    inputs : iterable of Path
        Files, taken by their bytes.
    model : str, optional
        sha256 of a model file.
    signatures : mapping, optional
        Digests of inputs that are too many to be read.
    """
    from otrain import __version__

    names = {path.name: digest(path) for path in inputs}
    return Provenance("otrain", __version__, verb, dict(config), {**names, **(signatures or {})}, model)


def once(name: str, made: Provenance, outputs: Iterable[Path], work: Callable[[], str], running: Running, *,
         folder: Path, what: str = "steps") -> Report:  # fmt: skip
    """Do one unit of work, unless it is done.

    Parameters
    ----------
    name : str
        What reports call it.
    made : Provenance
    outputs : iterable of Path
        What it writes; the work may replace what it finds there.
    work : callable
        Does it and says what it did.
    running : Running
    folder : Path
        Where the ledger lies.
    what : str
        What is counted.

    Raises
    ------
    SharedIOError
        That of the work.
    """
    unit = batch.Unit(name, tuple(outputs), made)
    refused: list[SharedIOError] = []

    def attempt(_: batch.Unit) -> str:
        try:
            return work()
        except SharedIOError as error:
            refused.append(error)
            raise

    folder.mkdir(parents=True, exist_ok=True)
    journal = ledger.home(folder, "otrain", made.verb)
    report = batch.run([unit], attempt, overwrite=running.overwrite, resume=running.resume, what=what, ledger=journal)
    if refused:
        raise refused[0]
    return report
