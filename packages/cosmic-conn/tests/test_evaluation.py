from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import sky_image, with_track
from shared_io import table
from shared_io.errors import ExternalFailed

from cosmic_conn.evaluation.detectors import Contender, available, run
from cosmic_conn.evaluation.report import as_table, curve_sheet, evaluate, write_report
from cosmic_conn.evaluation.scenes import Case, real_cases

EASY = Contender("easy", "", "found = image > 600")
LEVEL = Contender("level", "", "found = np.clip((image - 200) / 1000, 0, 1)", threshold=0.3, tile=60)


@pytest.fixture
def case() -> Case:
    image = with_track(sky_image())
    charge = with_track(np.zeros(image.shape, dtype=np.float32))
    return Case("track", image, charge, np.zeros_like(charge), 12.0, 8.0, 6e4)


def test_a_detector_runs_by_itself_and_is_measured(case: Case) -> None:
    answer = run(EASY, case, None)
    assert np.array_equal(answer.found > 0.5, case.charge > 0)
    assert 0 < answer.seconds < 10
    assert 10e6 < answer.memory < 4e9


def test_a_detector_that_fails_is_named(case: Case) -> None:
    with pytest.raises(ExternalFailed, match="bad failed on track: ZeroDivisionError"):
        run(Contender("bad", "1 / 0", ""), case, None)


def test_the_table_holds_a_row_for_each(case: Case, tmp_path: Path) -> None:
    other = replace(case, name="other", charge=np.zeros_like(case.charge))
    rows = evaluate([case, other], [EASY, LEVEL], None)
    found = as_table(rows)
    assert list(found["case"]) == ["track", "track", "other", "other"]
    assert list(found["recall"][:2]) == [1, 1]
    assert list(found["wrong"]) == [0, 0, 13, 13]
    assert list(found["purity"][2:]) == [0, 0]
    assert len(curve_sheet(rows).axes) == 2  # no curves where there is no cosmic ray
    paths = write_report(rows, tmp_path)
    assert table.read(paths[0])["detector"][1] == "level"
    assert paths[1].read_bytes().startswith(b"\x89PNG")


def test_ours_and_astroscrappy_are_always_there() -> None:
    names = [c.name for c in available(None, 1)]
    assert "ours, hybrid, fp32" in names
    assert "astroscrappy, sigclip 4.5" in names


def test_no_other_detector_is_scored_where_none_is_installed() -> None:
    assert {c.peer for c in available(sys.executable, 1)} <= {"", "cosmic_conn"}
    with pytest.raises(ExternalFailed, match="cannot be run"):
        available("no/such/python", 1)


def test_ours_runs_as_the_table_says(case: Case) -> None:
    by_name = {c.name: c for c in available(None, 1)}
    for name in ("ours, hybrid, fp32", "astroscrappy, sigclip 4.5"):
        assert (run(by_name[name], case, None).found > 0.5)[case.charge > 0].mean() > 0.9


def test_real_frames_are_used_where_they_are(tmp_path: Path) -> None:
    assert real_cases(tmp_path) == []
