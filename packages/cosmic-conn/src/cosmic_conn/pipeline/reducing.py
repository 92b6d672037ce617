"""A whole reduction: the folders of exposures, the sequences in them, both phases, and what the log says."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared_io import batch, locate
from shared_io.errors import InputNotFound, SharedIOError

from cosmic_conn.files.exposures import read_exposure
from cosmic_conn.files.sequences import is_aligned
from cosmic_conn.labelling.grouping import Exposure, GroupRules, Skipped, group
from cosmic_conn.labelling.naming import ALIGNED, MASKED, RAW
from cosmic_conn.pipeline.aligning import AlignRequest, Sequence, align_files
from cosmic_conn.pipeline.labelling import Job, Request, label_files, record_of
from cosmic_conn.pipeline.reduction_log import write_logs

__all__ = ["Plan", "Reduction", "Source", "find_sources", "plan", "reduce_planned"]

_REASONS = 5  # why files are in no sequence, that are printed


@dataclass(frozen=True)
class Source:
    """A folder of exposures or of aligned files, and the folder in which the folders of the results are made."""

    folder: Path
    home: Path


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes
    ----------
    sequences
        To align, for phase one.
    jobs
        To label without that.
    skipped
        Files that are in no sequence.
    unreadable
        Files that could not be read, with the reason.
    """

    sequences: tuple[Sequence, ...] = ()
    jobs: tuple[Job, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    unreadable: tuple[batch.Entry, ...] = ()


@dataclass(frozen=True)
class Reduction:
    """What became of a reduction.

    Attributes
    ----------
    alignments, sequences
        Reports of the two phases; the first also names the files that could not be read.
    records
        What is known of each labelled sequence.
    skipped
        Files that are in no sequence.
    """

    alignments: batch.Report
    sequences: batch.Report
    records: tuple[dict[str, Any], ...] = ()
    skipped: tuple[Skipped, ...] = field(default=())

    @property
    def exit_code(self) -> int:
        """3 if anything failed, else 6 if anything was refused, else 0."""
        return batch.Report((*self.alignments.entries, *self.sequences.entries)).exit_code

    def to_json(self) -> dict[str, object]:
        """All of it, as plain values."""
        return {
            "exit_code": self.exit_code,
            "aligned": self.alignments.to_json(),
            "labelled": self.sequences.to_json(),
            "sequences": list(self.records),
            "skipped": [{"file": str(s.path), "reason": s.reason} for s in self.skipped],
        }

    def to_text(self) -> str:
        """The lines of both reports, and how many files are in no sequence, and why."""
        lines = [f"aligned: {self.alignments.to_text()}"] if self.alignments.entries else []
        lines.append(f"labelled: {self.sequences.to_text()}")
        for reason, number in Counter(s.reason for s in self.skipped).most_common(_REASONS):
            lines.append(f"{number} exposure{'s' if number > 1 else ''} in no sequence: {reason}")
        if not self.sequences.entries and self.skipped:
            lines.append("nothing to label: --keywords names the cards of other observatories; the log has each file")
        return "\n".join(lines)


def find_sources(data: Path, *, aligned: bool, output: Path | None = None) -> list[Source]:
    """Return the folders below a folder that are to be reduced.

    Those whose names end in ``banzai_frms`` (with `aligned`: in ``aligned_fits``), however deep; results go beside
    them. Where there is none, the folder itself; results go into it.

    Parameters
    ----------
    data
        The folder.
    aligned
        Whether phase one is done.
    output
        Root of the results, in which the structure of folders is kept; None for `data`.

    Raises
    ------
    InputNotFound
        When there is no FITS file.
    """
    if not data.is_dir():
        what = "a file, not a folder" if data.exists() else "no such folder"
        raise InputNotFound(what, path=data, hint="give the folder of the exposures with --data")
    ending = ALIGNED if aligned else RAW
    named = [Path(where) for where in _folders(data) if where.name.endswith(ending) and _frames(where)]
    root = output or data
    if named:
        return [Source(found, root / found.parent.relative_to(data)) for found in named if found != data] or [
            Source(data, output or data.parent)
        ]
    if not _frames(data):
        where = f"neither here nor in a folder {ending} below it"
        raise InputNotFound(f"no FITS files, {where}", path=data)
    return [Source(data, root)]


def plan(sources: list[Source], rules: GroupRules, request: Request, *, aligned: bool) -> Plan:
    """Return what is to be done with the files of some folders; their headers are read for it."""
    made = [_plan(source, rules, request, aligned=aligned) for source in sources]
    return Plan(
        tuple(s for p in made for s in p.sequences),
        tuple(j for p in made for j in p.jobs),
        tuple(s for p in made for s in p.skipped),
        tuple(u for p in made for u in p.unreadable),
    )


def reduce_planned(
    planned: Plan,
    request: Request,
    aligning: AlignRequest,
    home: Path,
    *,
    options: dict[str, Any] | None = None,
    overwrite: bool = False,
    resume: bool = True,
    cpus: int = 1,
) -> Reduction:
    """Align and label what was planned, and write the log.

    Parameters
    ----------
    planned
        See `plan`.
    request, aligning
        How to label and how to align.
    home
        Folder of log and ledgers.
    options
        What was asked for, for the log.
    overwrite, resume, cpus
        As ``overwrite``, ``resume`` and ``workers`` of `shared_io.batch.run`.
    """
    first = align_files(planned.sequences, aligning, home, overwrite=overwrite, resume=resume, cpus=cpus)
    there = {s.target for s, e in zip(planned.sequences, first.entries, strict=True) if e.state in ("done", "skipped")}
    jobs = [Job((s.target,), s.folder.parent / MASKED) for s in planned.sequences if s.target in there]
    jobs += planned.jobs
    second = label_files(jobs, request, home, overwrite=overwrite, resume=resume, cpus=cpus)
    records = [record_of(Path(e.outputs[0])) for e in second.entries if e.state in ("done", "skipped")]
    found = Reduction(
        batch.Report((*planned.unreadable, *first.entries)), second, tuple(r for r in records if r), planned.skipped
    )
    write_logs(home, options or {}, found.to_json(), planned.skipped)
    return found


def _plan(source: Source, rules: GroupRules, request: Request, *, aligned: bool) -> Plan:
    if aligned:
        return _aligned_plan(source)
    exposures, unreadable = _exposures(source, rules, request)
    groups, skipped = group(exposures, rules)
    if rules.spectra:
        jobs = [Job(tuple(e.path for e in members), source.home / MASKED) for members in groups]
        return Plan(jobs=tuple(jobs), skipped=tuple(skipped), unreadable=tuple(unreadable))
    sequences = [Sequence(tuple(e.path for e in members), source.home / ALIGNED) for members in groups]
    return Plan(tuple(sequences), skipped=tuple(skipped), unreadable=tuple(unreadable))


def _aligned_plan(source: Source) -> Plan:
    jobs, skipped, unreadable = [], [], []
    for path in _frames(source.folder):
        try:
            if is_aligned(path):
                jobs.append(Job((path,), source.home / MASKED))
            else:
                skipped.append(Skipped(path, "not an aligned file: it has no two frames and their VALID_MASK"))
        except SharedIOError as error:
            unreadable.append(batch.Entry(str(path), "failed", (), str(error)))
    return Plan(jobs=tuple(jobs), skipped=tuple(skipped), unreadable=tuple(unreadable))


def _exposures(source: Source, rules: GroupRules, request: Request) -> tuple[list[Exposure], list[batch.Entry]]:
    found, unreadable = [], []
    for path in _frames(source.folder):
        try:
            found.append(read_exposure(path, request.keywords, spectrum=rules.spectra))
        except SharedIOError as error:
            unreadable.append(batch.Entry(str(path), "failed", (), str(error)))
    return found, unreadable


def _folders(data: Path) -> Iterator[Path]:
    """Return a folder and all below it, in a stable order; hidden ones are left out."""
    for where, folders, _ in os.walk(data):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield Path(where)


def _frames(folder: Path) -> list[Path]:
    try:
        return locate.files(folder, suffixes=(*locate.FITS_SUFFIXES, ".fitz"))
    except InputNotFound:
        return []
