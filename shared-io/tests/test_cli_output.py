"""Results as text and as JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable, Table
from hypothesis import given
from hypothesis import strategies as st
from shared_io.cli import progress, show
from shared_io.cli.meter import Progress
from shared_io.cli.output import as_text
from shared_io.cli.plain import plain, to_json
from shared_io.cli.session import Session, current, running


class Colour(Enum):
    RED = "red"


@dataclass
class Fit:
    name: str
    radius: float
    good: bool = True
    cube: np.ndarray = field(default_factory=lambda: np.zeros((3, 4), "f4"))


def test_a_dataclass_as_text() -> None:
    text = as_text(Fit("a", 1.23456789))
    assert text.splitlines() == ["name    a", "radius  1.23457", "good    True", "cube    array 3x4 float32"]


def test_a_table_as_text_is_aligned_and_has_units() -> None:
    table = QTable({"id": [1, 20], "flux": [1.5, np.nan] * u.Jy})
    assert as_text(table).splitlines() == ["id  flux [Jy]", " 1        1.5", "20        nan"]


def test_rows_of_different_keys() -> None:
    assert as_text([{"a": 1}, {"b": "x"}]).splitlines() == ["a  b", "1", "   x"]


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in as_text([{"name": "\x1b[2J\nx"}])
    assert "\n" not in as_text({"name": "a\nb"})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), None),
        (float("-inf"), None),
        (np.float32("nan"), None),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array([[1.0, np.nan]]), [[1.0, None]]),
        (np.ma.masked_array([1, 2], [True, False]), [None, 2]),
        (np.ma.masked, None),
        (Path("a"), "a"),
        (b"a\xff", "a\\xff"),
        (Colour.RED, "red"),
        ({3, 1}, [1, 3]),
        ((1, "a"), [1, "a"]),
        ({1: 2}, {"1": 2}),
        (2.0 * u.m, {"value": 2.0, "unit": "m"}),
        (1 + 2j, "(1+2j)"),
    ],
)
def test_plain(value: object, expected: object) -> None:
    assert plain(value) == expected


def test_a_table_as_json() -> None:
    table = Table({"x": [1.0, 2.0], "stamp": np.zeros((2, 2)), "s": ["a", "b"]})
    table["x"].unit = "pix"
    assert json.loads(to_json(table)) == {
        "units": {"x": "pix"},
        "rows": [{"x": 1.0, "stamp": [0.0, 0.0], "s": "a"}, {"x": 2.0, "stamp": [0.0, 0.0], "s": "b"}],
    }


def test_an_array_of_mixed_numbers_is_valid_json() -> None:
    assert json.loads(to_json(Fit("a", np.inf)))["radius"] is None


trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


@given(trees)
def test_everything_becomes_valid_json_and_text(value: object) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    json.loads(to_json(value), parse_constant=refuse)
    assert isinstance(as_text(value), str)


def test_outside_of_a_command_show_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert not current().active
    show({"a": 1})
    assert capsys.readouterr().out == "a  1\n"


class TestProgress:
    def test_it_waits_two_seconds_then_writes_one_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        now = [0.0]
        shown = Progress(10, "stars", visible=True, clock=lambda: now[0])
        shown.advance()
        now[0] = 1.9
        shown.advance()
        assert capsys.readouterr().err == ""
        now[0] = 2.0
        shown.advance()
        assert capsys.readouterr().err == "\r\x1b[K3/10 stars, 1.5/s, 0:05 left"
        shown.advance()
        assert capsys.readouterr().err == ""
        shown.close()
        assert capsys.readouterr().err == "\r\x1b[K"

    def test_without_total(self) -> None:
        shown = Progress(None, "stars", visible=False)
        shown.advance(7)
        assert shown.line(2.0) == "7 stars, 3.5/s"

    @pytest.mark.parametrize(
        ("active", "quiet", "tty", "visible"),
        [(1, 0, 1, True), (0, 0, 1, False), (1, 1, 1, False), (1, 0, 0, False)],
    )
    def test_only_for_a_watching_human(
        self, active: int, quiet: int, tty: int, visible: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: bool(tty), raising=False)
        session = Session(quiet=bool(quiet))
        with running(session):
            session.active = bool(active)
            with progress(3, "stars") as shown:
                assert shown._visible is visible
