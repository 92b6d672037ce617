"""What the steps share: provenance of a unit, and planning that lets a bad image fail alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from shared_io import batch
from shared_io.errors import SharedIOError
from shared_io.provenance import Provenance, digest

T = TypeVar("T")


def provenance(
    verb: str, config: Mapping[str, object], inputs: Iterable[Path], *, model: str | None = None
) -> Provenance:
    """Return the provenance of one unit.

    Parameters
    ----------
    verb : str
        The step.
    config : mapping
        Every setting that changes its outputs.
    inputs : iterable of pathlib.Path
        Input files; they are named by folder and file name, so that moving a working folder changes nothing.
    model : str, optional
        Checksum of the model grid.
    """
    from dre import __version__

    names = {f"{path.absolute().parent.name}/{path.name}": digest(path) for path in inputs}
    return Provenance("dre", __version__, verb, dict(config), names, model)


def run_step(
    subjects: Sequence[T],
    plan: Callable[[T], batch.Unit],
    work: Callable[[batch.Unit], str],
    *,
    name: Callable[[T], str],
    overwrite: bool,
    resume: bool,
    what: str,
) -> batch.Report:
    """Plan and run one unit for each subject.

    Parameters
    ----------
    subjects : sequence
        Images, catalogues or cut files.
    plan : callable
        Makes the unit of a subject; what it raises fails that unit only.
    work : callable
        Does a unit and says what it did.
    name : callable
        Names a subject whose plan failed.
    overwrite, resume, what
        As in :func:`shared_io.batch.run`.
    """

    def planned(subject: T) -> batch.Unit:
        try:
            return plan(subject)
        except SharedIOError as error:
            return batch.Unit(name(subject), (), Provenance("dre", "", "none", {}, {}), error)

    def attempt(unit: batch.Unit) -> str:
        if isinstance(unit.payload, SharedIOError):
            raise unit.payload
        return work(unit)

    return batch.run([planned(subject) for subject in subjects], attempt, overwrite=overwrite, resume=resume, what=what)
