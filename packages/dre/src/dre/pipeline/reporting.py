"""Step 5: sheets of the fits of every image, and one page of the run."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from shared_io import atomic, batch, ledger, table
from shared_io.errors import InputNotFound, SchemaMismatch

from dre.files.layout import find_psf
from dre.page import Entry, page
from dre.pipeline.jobs import read_extension_psf
from dre.pipeline.planning import Running, found_from_anywhere, provenance, run_step
from dre.pipeline.stamps import Source, Sources
from dre.rows import describe, is_summary, name_of, picture_of
from dre.sheets import PER_SHEET, Card, sheet

if TYPE_CHECKING:
    from astropy.table import Table
    from shared_io.batch import Report


@dataclass(frozen=True)
class Request:
    """What to report; see the options of ``dre report``.

    Attributes
    ----------
    earlier : bool
        Whether images that `stamps` does not know, those of an earlier run, stay on the page with the sheets they have;
        else they fail.
    """

    summary: Path
    stamps: Sources
    psf: Path
    output: Path
    earlier: bool = False


@dataclass(frozen=True)
class Job:
    """One image: its table, stamps and PSF."""

    name: str
    summary: Path
    stamps: Source
    psf: Path


def report_all(request: Request, running: Running | None = None) -> Iterator[Report]:
    """Draw OUTPUT/NAME_sheet1.png, ... for every NAME_tab.fits, and write OUTPUT/index.html.

    Yields
    ------
    Report
        Of the sheets, then of the page.

    Raises
    ------
    InputNotFound
        If there is no table.
    """
    running = running or Running()
    request = found_from_anywhere(request, running)
    tables = sorted(request.summary.glob("*_tab.fits"))
    if not tables:
        raise InputNotFound("no *_tab.fits there", path=request.summary, hint="run dre fit first, or name it with -i")

    def plan(path: Path) -> batch.Unit:
        name = _stem(path)
        job = Job(name, path, request.stamps.find(name), find_psf(request.psf, name))
        rows = read_rows(path)
        outputs = tuple(request.output / file for file in _sheet_names(name, len(rows)))
        return batch.Unit(name, outputs, provenance("report", {"sheets": 2}, [path, *job.stamps.inputs, job.psf]), job)

    left = _left_alone(request, tables) if request.earlier else set()
    own = [path for path in tables if path not in left]
    sheets = run_step(
        own, plan, _draw_sheets, verb="report", folder=request.output, name=_stem, running=running, what="images"
    )
    yield sheets
    drawn = {entry.name for entry in (*sheets.done, *sheets.skipped)}
    shown = [path for path in tables if path in left or _stem(path) in drawn]
    if not shown:
        return
    unit = batch.Unit("index.html", (request.output / "index.html",), provenance("report", {"page": 2}, shown), None)
    yield batch.run(
        [unit], partial(_write_page, shown), overwrite=True, resume=running.resume, what="pages",
        ledger=ledger.home(request.output, "dre", "page"),
    )  # fmt: skip


def _left_alone(request: Request, tables: list[Path]) -> set[Path]:
    """Tables of images that this run does not know, whose sheets are there."""
    known = {request.stamps.name(path) for path in request.stamps.paths()}
    return {
        path
        for path in tables
        if _stem(path) not in known
        and all((request.output / name).exists() for name in _sheet_names(_stem(path), len(read_rows(path))))
    }


def _stem(path: Path) -> str:
    return path.name.removesuffix("_tab.fits")


def _sheet_names(name: str, count: int) -> list[str]:
    return [f"{name}_sheet{k + 1}.png" for k in range(max(math.ceil(count / PER_SHEET), 1))]


def read_rows(path: Path) -> Table:
    """Read a Summary table of either statistic; raises SchemaMismatch for another table."""
    rows = table.read(path)
    if not is_summary(rows):
        raise SchemaMismatch("this is no summary table of dre", path=path, hint="fit again, into another folder")
    return rows


def _draw_sheets(unit: batch.Unit) -> str:
    job: Job = unit.payload  # type: ignore[assignment]
    rows = read_rows(job.summary)
    cards = _cards(job, rows)
    for path in unit.outputs:
        with atomic.atomic_path(path, overwrite=True) as temporary:
            sheet(list(islice(cards, PER_SHEET))).save(temporary, format="PNG")
    return f"{len(rows)} objects on {len(unit.outputs)} sheet(s)"


def _cards(job: Job, rows: Table) -> Iterator[Card]:
    psfs = {int(k): read_extension_psf(job.psf, int(k)) for k in np.unique(rows["EXT_NUMBER"])}
    lost: list[str] = []
    stamps = job.stamps.open(room=0).read([name_of(row) for row in rows], lost)
    for row in rows:
        stamp, fit = next(stamps, None), describe(row)
        if stamp is None or stamp.name != fit.name:
            raise SchemaMismatch(
                f"no pixels of {fit.name}: {lost[0]}", path=job.stamps.inputs[0], hint="run dre fit again"
            )
        model, noise = picture_of(row, stamp, psfs[stamp.ext_number])
        yield Card(stamp.obj, model, noise, fit.lines, not fit.flag, fit.radius)


def _write_page(tables: list[Path], unit: batch.Unit) -> str:
    entries = (entry for path in tables for entry in _entries(_stem(path), read_rows(path)))
    atomic.write_text(unit.outputs[0], page(entries, "dre: fits of this run"), overwrite=True)
    return f"the fits of {len(tables)} image(s)"


def _entries(name: str, rows: Table) -> Iterator[Entry]:
    sheets = _sheet_names(name, len(rows))
    for k, row in enumerate(rows):
        fit = describe(row)
        yield Entry(name, fit.name, sheets[k // PER_SHEET], k % PER_SHEET, fit.values, fit.chi2, fit.flag)
