"""Batches: what is done is skipped, what fails is isolated, what is strange is refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from shared_io import batch, fits
from shared_io.batch import Unit
from shared_io.cli.plain import to_json
from shared_io.errors import CorruptInput, OutputExists
from shared_io.provenance import Provenance


def unit(folder: Path, name: str, outputs: int = 1, **config: object) -> Unit:
    made = Provenance("stars", "0.1.0", "fit", {"name": name, **config})
    return Unit(name, tuple(folder / f"{name}_{i}.fits" for i in range(outputs)), made, payload=len(name))


class Work:
    """Write every output of a unit and remember which units came."""

    def __init__(self, fails: dict[str, BaseException] | None = None) -> None:
        self.fails = fails or {}
        self.came: list[str] = []

    def __call__(self, work: Unit) -> None:
        self.came.append(work.name)
        for path in work.outputs:
            if work.name in self.fails:
                raise self.fails[work.name]
            fits.write_image(path, np.ones((2, 2), "f4"), overwrite=True, provenance=work.provenance)


def states(report: batch.Report) -> list[str]:
    return [entry.state for entry in report.entries]


def test_a_second_run_does_nothing(tmp_path: Path) -> None:
    units = [unit(tmp_path / "new" / "folder", n) for n in ("a", "b")]
    work = Work()
    assert states(batch.run(units, work)) == ["done", "done"]
    before = [path.read_bytes() for u in units for path in u.outputs]
    report = batch.run(units, work)
    assert states(report) == ["skipped", "skipped"]
    assert report.exit_code == 0
    assert work.came == ["a", "b"]
    assert [path.read_bytes() for u in units for path in u.outputs] == before


def test_a_half_done_unit_is_done_again(tmp_path: Path) -> None:
    half = unit(tmp_path, "a", outputs=2)
    batch.run([half], Work())
    half.outputs[1].unlink()
    assert states(batch.run([half], Work())) == ["done"]
    assert half.outputs[1].exists()


def test_an_unknown_file_in_the_way_is_refused(tmp_path: Path) -> None:
    units = [unit(tmp_path, "a"), unit(tmp_path, "b")]
    units[0].outputs[0].write_text("precious")
    report = batch.run(units, Work())
    assert states(report) == ["refused", "done"]
    assert report.exit_code == 6
    assert units[0].outputs[0].read_text() == "precious"
    assert "is in the way; --overwrite replaces it" in report.refused[0].message
    assert states(batch.run(units, Work(), overwrite=True)) == ["done", "skipped"]


def test_other_settings_are_another_unit(tmp_path: Path) -> None:
    batch.run([unit(tmp_path, "a", radius=1)], Work())
    assert states(batch.run([unit(tmp_path, "a", radius=2)], Work())) == ["refused"]
    assert states(batch.run([unit(tmp_path, "a", radius=2)], Work(), overwrite=True)) == ["done"]


def test_a_damaged_output_is_not_taken_for_done(tmp_path: Path) -> None:
    one = unit(tmp_path, "a")
    batch.run([one], Work())
    one.outputs[0].write_bytes(one.outputs[0].read_bytes()[:1000])
    assert states(batch.run([one], Work())) == ["refused"]


def test_without_resume_done_outputs_are_in_the_way(tmp_path: Path) -> None:
    one = unit(tmp_path, "a")
    batch.run([one], Work())
    assert states(batch.run([one], Work(), resume=False)) == ["refused"]
    assert states(batch.run([one], Work(), resume=False, overwrite=True)) == ["done"]


def test_a_dangling_link_is_in_the_way(tmp_path: Path) -> None:
    one = unit(tmp_path, "a")
    one.outputs[0].symlink_to(tmp_path / "nowhere")
    assert states(batch.run([one], Work())) == ["refused"]


def test_one_failure_stops_no_other(tmp_path: Path) -> None:
    fails: dict[str, BaseException] = {
        "b": CorruptInput("truncated", path="b.fits", hdu=1),
        "c": ZeroDivisionError("two\nlines"),
    }
    report = batch.run([unit(tmp_path, n) for n in "abcd"], Work(fails))
    assert states(report) == ["done", "failed", "failed", "done"]
    assert report.exit_code == 3
    assert [e.message for e in report.failed] == ["b.fits[1]: truncated", "ZeroDivisionError: two lines"]
    assert report.to_text().splitlines() == [
        "failed: b: b.fits[1]: truncated",
        "failed: c: ZeroDivisionError: two lines",
        "2 done, 2 failed",
    ]


def test_a_failure_outweighs_a_refusal(tmp_path: Path) -> None:
    units = [unit(tmp_path, "a"), unit(tmp_path, "b")]
    units[0].outputs[0].touch()
    assert batch.run(units, Work({"b": ValueError("no")})).exit_code == 3


def test_an_interruption_passes_and_the_next_run_goes_on(tmp_path: Path) -> None:
    units = [unit(tmp_path, n) for n in "abc"]
    with pytest.raises(KeyboardInterrupt):
        batch.run(units, Work({"b": KeyboardInterrupt()}))
    assert states(batch.run(units, Work())) == ["skipped", "done", "done"]


def test_two_units_with_one_output_are_refused_before_any_work(tmp_path: Path) -> None:
    one = unit(tmp_path, "a")
    work = Work()
    with pytest.raises(OutputExists, match="'a' and 'b' both write it"):
        batch.run([one, dataclasses.replace(one, name="b")], work)
    assert work.came == []


def test_a_unit_without_outputs_is_always_done(tmp_path: Path) -> None:
    empty = unit(tmp_path, "a", outputs=0)
    assert states(batch.run([empty], Work())) == ["done"]
    assert batch.run([], Work()).to_text() == "nothing to do"


def test_what_the_work_says_is_reported(tmp_path: Path) -> None:
    units = [unit(tmp_path, f"u{i:02d}", outputs=0) for i in range(batch.MOST + 5)]
    lines = batch.run(units, lambda u: f"{u.name} has stars").to_text().splitlines()
    assert lines[0] == "done: u00: u00 has stars"
    assert len(lines) == batch.MOST + 1
    assert lines[-1] == "25 done"


def test_a_report_is_json(tmp_path: Path) -> None:
    document = json.loads(to_json(batch.run([unit(tmp_path, "a")], Work())))
    assert document["entries"][0]["state"] == "done"
    assert document["exit_code"] == 0
