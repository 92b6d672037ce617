"""What the command promises today, and that it promises nothing else."""

from __future__ import annotations

import subprocess
import sys

import pytest
from shared_io import cli

import scope
from scope.cli import app, main


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.execute(app, prog="scope", argv=["--version"]) == 0
    assert capsys.readouterr().out == f"scope {scope.__version__}\n"


def test_help_says_what_is_not_built(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.execute(app, prog="scope", argv=["--help"]) == 0
    words = " ".join(capsys.readouterr().out.split())
    assert "Training, inference and the exchange with Fritz are not built yet" in words


def test_no_command_is_pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [command.name for command in app.registered_commands] == [
        "generate-features", "generate-features-slurm", "generate-features-job-submission", "plot-lightcurve",
    ]  # fmt: skip
    monkeypatch.setattr(sys, "argv", ["scope", "train"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2


def test_the_package_is_light() -> None:
    code = "import sys, scope\nprint(sorted({m.split('.')[0] for m in sys.modules} & {'numpy', 'typer', 'astropy'}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_public_names_are_there() -> None:
    assert all(hasattr(scope, name) for name in scope.__all__)


def test_names() -> None:
    assert dir(scope) == sorted(scope.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        scope.nothing  # noqa: B018
