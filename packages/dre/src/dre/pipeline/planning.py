"""What the steps share: provenance of a unit, and planning that lets a bad image fail alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from shared_io import batch, ledger
from shared_io.errors import SharedIOError
from shared_io.provenance import Provenance, digest

T = TypeVar("T")
R = TypeVar("R")


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


@dataclass(frozen=True)
class Running:
    """How a step is run; see :func:`shared_io.batch.run`.

    Attributes
    ----------
    overwrite : bool
        Replace products that are there.
    resume : bool
        Skip what is there and was made from the same inputs and settings.
    workers : int
        Images at a time, each in a process of its own.
    scheduler : str, optional
        Address of a Dask scheduler, or ``slurm``: the images go to its workers.
    tell : callable, optional
        Called with a line for each source that is left out.
    """

    overwrite: bool = False
    resume: bool = True
    workers: int = 1
    scheduler: str | None = None
    tell: Callable[[str], None] | None = None


def shared_out(running: Running, cores: int, images: int) -> tuple[Running, int]:
    """Divide the cores between images, each in a process of its own, and threads on the objects of each.

    Much of a fit is Python, which one process does on one core: threads alone would not keep many busy.

    Parameters
    ----------
    running : Running
        Where and how. With a scheduler nothing changes: an image has one thread on a worker.
    cores, images : int

    Returns
    -------
    running : Running
        With so many images at a time.
    threads : int
        On each of them.
    """
    if running.scheduler is not None:
        return running, 1
    processes = max(min(cores, images), 1)
    return replace(running, workers=processes), max(cores // processes, 1)


def found_from_anywhere(request: R, running: Running) -> R:
    """Return a request with absolute paths if its work is done on other machines, which have other working folders."""
    if running.scheduler is None:
        return request
    changes: dict[str, object] = {}
    for field in fields(request):  # type: ignore[arg-type]
        value = getattr(request, field.name)
        if isinstance(value, Path):
            changes[field.name] = value.absolute()
        elif isinstance(value, tuple | list) and value and all(isinstance(item, Path) for item in value):
            changes[field.name] = tuple(item.absolute() for item in value)
        elif is_dataclass(value):
            changes[field.name] = found_from_anywhere(value, running)
    return replace(request, **changes)  # type: ignore[type-var]


def run_step(
    subjects: Sequence[T],
    plan: Callable[[T], batch.Unit],
    work: Callable[[batch.Unit], str],
    *,
    verb: str,
    folder: Path,
    name: Callable[[T], str],
    running: Running,
    what: str,
) -> batch.Report:
    """Plan and run one unit for each subject.

    Parameters
    ----------
    subjects : sequence
        Images, catalogues or cut files.
    plan : callable
        Makes the unit of a subject; what it raises fails that unit only. Called in this process, as the work goes on.
    work : callable
        Does a unit and says what it did: a function of a module or a `functools.partial` of one.
    verb : str
        The step.
    folder : pathlib.Path
        Where its products go and its ledger lies.
    name : callable
        Names a subject whose plan failed.
    running : Running
        Where and how.
    what : str
        What the subjects are.
    """

    def planned(subject: T) -> batch.Unit:
        try:
            return plan(subject)
        except SharedIOError as error:
            return batch.Unit(name(subject), (), Provenance("dre", "", "none", {}, {}), Unplanned(str(error)))

    return batch.run(
        (planned(subject) for subject in subjects), partial(_attempt, work),
        overwrite=running.overwrite, resume=running.resume, what=what, workers=running.workers,
        scheduler=running.scheduler, ledger=ledger.home(folder, "dre", verb), total=len(subjects), tell=running.tell,
    )  # fmt: skip


@dataclass(frozen=True)
class Unplanned:
    """Stands for the work of a subject whose plan failed.

    Attributes
    ----------
    reason : str
        Why.
    """

    reason: str


def _attempt(work: Callable[[batch.Unit], str], unit: batch.Unit) -> str:
    if isinstance(unit.payload, Unplanned):
        raise SharedIOError(unit.payload.reason)
    return work(unit)
