"""Settings files: what they may hold, what wins, and ``config show``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_app import app, seen
from hypothesis import given
from hypothesis import strategies as st
from shared_io import cli
from shared_io.cli.settings import MAX_BYTES, load
from shared_io.errors import SharedIOError


def call(*words: str) -> int:
    return cli.execute(app, prog="stars", default_verb="fit", argv=list(words))


def settings(tmp_path: Path, text: str) -> str:
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    return str(path)


def test_each_source_wins_over_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = settings(tmp_path, "margin: 1\nfit:\n  margin: 2\n  cpu: 3\n")
    assert call("m.fits") == 0
    assert (seen["margin"], seen["cpu"]) == (80, 1)
    assert call("m.fits", "--settings", path) == 0
    assert (seen["margin"], seen["cpu"]) == (2, 3)
    monkeypatch.setenv("STARS_FIT_MARGIN", "4")
    assert call("m.fits", "--config", path) == 0
    assert (seen["margin"], seen["cpu"]) == (4, 3)
    assert call("m.fits", "--settings", path, "--margin", "5") == 0
    assert seen["margin"] == 5


def test_the_file_may_be_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STARS_SETTINGS", settings(tmp_path, "cpu: 7"))
    assert call("m.fits") == 0
    assert seen["cpu"] == 7


def test_help_needs_no_settings(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("STARS_SETTINGS", "missing.yaml")
    assert call("fit", "--help") == 0
    assert call("--help") == 0
    assert call("m.fits") == 4


def test_every_kind_of_value(tmp_path: Path) -> None:
    text = """
    fit:
      maglim: [1, 2.5]
      group_ids: 360
      filter: [[MAG, 1, 2], [SNR, 3, 4]]
      span: [2, 3]
      DOGPU: true
      resume: false
      level: low
      cpu:
    """
    assert call("m.fits", "--settings", settings(tmp_path, text)) == 0
    assert seen["maglim"] == [1.0, 2.5]
    assert seen["group_ids"] == [360]
    assert seen["cuts"] == [("MAG", 1.0, 2.0), ("SNR", 3.0, 4.0)]
    assert (seen["span"], seen["doGPU"], seen["resume"], seen["level"]) == ((2, 3), True, False, "low")
    assert seen["cpu"] == 1


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("cpuu: 3", 2, "unknown key 'cpuu'; did you mean cpu?"),
        ("fit: {cpuu: 3}", 2, "unknown key 'fit: cpuu'; did you mean cpu?"),
        ("make_models: {cpu: 3}", 2, "unknown key 'make_models: cpu'"),
        ("token: abc", 2, "is a secret"),
        ("cpu: [1, 2]", 2, "takes one value"),
        ("doGPU: maybe", 2, "takes true or false"),
        ("span: [1, 2, 3]", 2, "takes a list of 2 values"),
        ("cpu: many", 2, "invalid value for '--cpu'"),
        ("cpu: 1\ncpu: 2", 4, "the key 'cpu' is given twice"),
        ("fit: {cpu: 1, cpu: 2}", 4, "the key 'cpu' is given twice"),
        ("a: &x [1]\nb: *x", 4, "aliases are not accepted"),
        ("cpu: !!python/object/apply:os.system [id]", 4, "could not determine a constructor"),
        ("- 1", 4, "not a mapping"),
        ("cpu: [1", 4, "not valid YAML: line"),
        ("? [1, 2]\n: 3", 4, "a key must be a name"),
    ],
)
def test_refused(text: str, code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("m.fits", "--settings", settings(tmp_path, text)) == code
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_missing_large_and_binary_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "settings.yaml"
    assert call("m.fits", "--settings", str(path)) == 4
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    assert call("m.fits", "--settings", str(path)) == 4
    path.write_bytes(b"\xff\xfe\x00")
    assert call("m.fits", "--settings", str(path)) == 4
    assert capsys.readouterr().err.count("\n") == 3


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text, encoding="utf-8", errors="replace")
    try:
        content = load(path)
    except SharedIOError:
        return
    assert all(isinstance(key, str) for key in content)


def rows(capsys: pytest.CaptureFixture[str], *words: str) -> dict[tuple[str, str], dict[str, Any]]:
    assert call("config", "show", *words, "--json") == 0
    return {(row["verb"], row["option"]): row for row in json.loads(capsys.readouterr().out)}


def test_config_show_names_the_source_of_each_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STARS_FIT_CPU", "9")
    found = rows(capsys, "--settings", settings(tmp_path, "margin: 2"))
    assert found["fit", "--cpu"] | {"verb": "fit"} == {
        "verb": "fit",
        "option": "--cpu",
        "value": 9,
        "source": "environment",
    }
    assert (found["fit", "--margin"]["value"], found["fit", "--margin"]["source"]) == (2, "settings")
    assert (found["fit", "--span"]["value"], found["fit", "--span"]["source"]) == ([1, 4], "default")
    assert ("make_models", "--config") in found
    assert {verb for verb, _ in rows(capsys, "fit")} == {"fit"}


def test_config_show_refuses_a_wrong_value(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("STARS_FIT_CPU", "many")
    assert call("config", "show", "fit") == 2
    assert "invalid value for '--cpu'" in capsys.readouterr().err
