"""Phase two of a reduction: aligned files labelled, each by itself."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
from shared_io import atomic, batch, ledger
from shared_io.errors import SharedIOError
from shared_io.provenance import Provenance, digest

from cosmic_conn.files.keywords import LCO, Keywords, number
from cosmic_conn.files.sequences import Aligned, read_aligned, write_masked
from cosmic_conn.files.spectra import read_spectra
from cosmic_conn.files.stacks import frame_names, gains_of, spectra_of, stack_of
from cosmic_conn.labelling.label import label_stack
from cosmic_conn.labelling.naming import PREVIEWS, REJECTED, aligned_name, base_name, masked_name
from cosmic_conn.labelling.spectra import label_spectra, without_overscan
from cosmic_conn.labelling.stack import Labels, Rejected, Rules

__all__ = ["Job", "Request", "label_files", "record_of"]


@dataclass(frozen=True)
class Request:
    """How to label files.

    Attributes
    ----------
    rules
        Of the labels.
    keywords
        Which cards mean what.
    comment
        Folder of the previews, and a part of their names.
    preview, debug
        Whether previews are drawn, and whether ratios and cores are written too.
    """

    rules: Rules = field(default_factory=Rules)
    keywords: Keywords = LCO
    comment: str = ""
    preview: bool = True
    debug: bool = False


@dataclass(frozen=True)
class Job:
    """An aligned file, or several of spectra, and the folder that the masked file goes to."""

    sources: tuple[Path, ...]
    folder: Path

    @property
    def target(self) -> Path:
        """The masked file."""
        first = self.sources[0].name
        return self.folder / masked_name(first if len(self.sources) == 1 else aligned_name(first, len(self.sources)))

    @property
    def record(self) -> Path:
        """What became of it, as JSON."""
        return self.target.with_suffix(".json")


def label_files(
    jobs: Iterable[Job], request: Request, home: Path, *, overwrite: bool = False, resume: bool = True, cpus: int = 1
) -> batch.Report:
    """Label aligned files, each by itself: a bad one never stops the others.

    Parameters
    ----------
    jobs
        The files.
    request
        How.
    home
        Folder of the ledger.
    overwrite, resume, cpus
        As ``overwrite``, ``resume`` and ``workers`` of `shared_io.batch.run`.
    """
    jobs = list(jobs)
    foreign = [] if overwrite else [job for job in jobs if job.target.exists() and record_of(job.record) is None]
    units = [_unit(job, request) for job in jobs if job not in foreign]
    report = batch.run(
        units, partial(_work, request=request), overwrite=overwrite, resume=resume, what="sequences", workers=cpus,
        ledger=ledger.home(home, "cosmic-conn", "reduce"),
    )  # fmt: skip
    told = "is in the way and was not made by this program; --overwrite replaces it"
    refused = (batch.Entry(str(j.sources[0]), "refused", (str(j.record),), f"{j.target} {told}") for j in foreign)
    return batch.Report((*report.entries, *refused))


def record_of(path: Path) -> dict[str, Any] | None:
    """Return what a record says, None where there is no such file or it is something else."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and "accepted" in found else None


def _unit(job: Job, request: Request) -> batch.Unit:
    from cosmic_conn import __version__

    config = {
        "rules": dataclasses.asdict(request.rules),
        "keywords": dataclasses.asdict(request.keywords),
        "debug": request.debug,
    }
    try:
        inputs, wrong = {path.name: digest(path) for path in job.sources}, None
    except SharedIOError as error:
        inputs, wrong = {}, str(error)
    made = Provenance("cosmic-conn", __version__, "reduce", config, inputs)
    # A stack that gives no labels leaves its record only: what there is to check depends on what it says.
    known = record_of(job.record)
    accepted = known is not None and known["accepted"] and known.get("key") == made.key
    return batch.Unit(str(job.sources[0]), (job.record, job.target) if accepted else (job.record,), made, (job, wrong))


def _preview(job: Job, request: Request) -> Path:
    stem = base_name(job.target.name).removesuffix("_masks")
    name = f"{stem}_{request.comment}.png" if request.comment else f"{stem}.png"
    return job.folder.parent / (request.comment or PREVIEWS) / name


def _work(unit: batch.Unit, *, request: Request) -> str:
    job, wrong = cast(tuple[Job, str | None], unit.payload)
    if wrong:
        raise SharedIOError(wrong)
    aligned = _opened(job)
    record: dict[str, Any] = {"sequence": job.target.name, "key": unit.provenance.key, "accepted": True, "reason": ""}
    try:
        labels = _labels(aligned, request)
    except Rejected as reason:
        record |= {"accepted": False, "reason": str(reason), "frames": frame_names(aligned)}
        job.target.unlink(missing_ok=True)
        if request.preview:
            _draw_rejected(aligned, job)
    else:
        record |= _numbers(aligned, labels, request.keywords) | {"masked": job.target.name}
        left = _left(aligned, labels, request)
        write_masked(
            job.target, left, labels.cr, labels.ignore, unit.provenance,
            (labels.high, labels.snr) if request.debug else None,
        )  # fmt: skip
        if request.preview:
            _draw(left, labels, job, request)
            if labels.rejected.any():
                _draw_rejected(aligned, job)
    atomic.write_text(job.record, json.dumps(record, indent=1) + "\n", overwrite=True)
    return record["reason"] or f"{sum(record['cr_pixels'])} pixels of cosmic rays, {100 * record['cr_fraction']:.3g} %"


def _opened(job: Job) -> Aligned:
    return read_aligned(job.sources[0]) if len(job.sources) == 1 else read_spectra(job.sources)


def _labels(aligned: Aligned, request: Request) -> Labels:
    if aligned.spectra:
        return label_spectra(*spectra_of(aligned, request.keywords), request.rules)
    return label_stack(stack_of(aligned, request.keywords, compat=request.rules.compat), request.rules)


def _numbers(aligned: Aligned, labels: Labels, keywords: Keywords) -> dict[str, Any]:
    """Return what the log says of a sequence."""
    names = frame_names(aligned)
    return {
        "frames": [name for name, out in zip(names, labels.rejected, strict=True) if not out],
        "rejected_frames": [name for name, out in zip(names, labels.rejected, strict=True) if out],
        "exposure": number(aligned.headers[0], keywords.exposure),
        "cr_pixels": labels.counts,
        "cr_fraction": round(labels.fraction, 8),
        "ignored_fraction": round(float((labels.ignore > 0).mean()), 6),
        **labels.notes,
    }


def _left(aligned: Aligned, labels: Labels, request: Request) -> Aligned:
    """Return the file without the frames that were left out, and with the gains that were solved for."""
    kept = ~labels.rejected
    headers = [h.copy() for h, keep in zip(aligned.headers, kept, strict=True) if keep]
    left = dataclasses.replace(aligned, frames=aligned.frames[kept], headers=tuple(headers))
    for header, gain, factor in zip(headers, _gains(left, request), labels.notes.get("gains", ()), strict=False):
        header[request.keywords.gain or "GAIN"] = (round(gain * factor, 6), "[e-/ADU] from the noise of the sky")
    return left


def _gains(aligned: Aligned, request: Request) -> list[float]:
    """Return the gains that the stack was made with [e-/ADU]."""
    return [1.0] * len(aligned.frames) if request.rules.compat else gains_of(aligned, request.keywords)


def _draw(aligned: Aligned, labels: Labels, job: Job, request: Request) -> None:
    from cosmic_conn.figures import label_sheet, save

    frames = without_overscan(aligned.frames)[0] if aligned.spectra else aligned.frames
    # The headers of `aligned` have the gains that were solved for; without them the stack of `compat` has none.
    known = (
        labels.notes.get("gains", np.ones(len(frames))) if request.rules.compat else gains_of(aligned, request.keywords)
    )
    light = (labels.reference + labels.sky[:, None, None]) / np.array(known)[:, None, None]
    cleaned = np.where(labels.cr, light.astype(np.float32), frames)
    save(label_sheet(frame_names(aligned), frames, labels.cr, labels.ignore, cleaned), _preview(job, request))


def _draw_rejected(aligned: Aligned, job: Job) -> None:
    """Draw the frames of a sequence of which some, or all, give no labels."""
    from cosmic_conn.figures import save, stack_sheet

    picture = job.folder.parent / REJECTED / f"{base_name(job.target.name).removesuffix('_masks')}.png"
    save(stack_sheet(frame_names(aligned), aligned.frames), picture)
