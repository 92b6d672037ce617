from __future__ import annotations

import subprocess
import sys

import pytest
from shared_io import cli

import cosmic_conn
from cosmic_conn.cli import app, main


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.execute(app, prog="cosmic-conn", argv=["--version"]) == 0
    assert capsys.readouterr().out == f"cosmic-conn {cosmic_conn.__version__}\n"


def test_main_is_detect_where_no_verb_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setattr(sys, "argv", ["cosmic-conn", "-i", f"{tmp_path}/none.fits"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 4


@pytest.mark.parametrize("verb", ["'detect'", "'reduce'", "'simulate', 'night'"])
def test_the_package_and_its_help_are_light(verb: str) -> None:
    code = (
        "import sys, cosmic_conn\n"
        "from shared_io import cli\n"
        "from cosmic_conn.cli import app\n"
        f"cli.execute(app, prog='cosmic-conn', argv=[{verb}, '--help'], default_verb='detect')\n"
        "heavy = {'numpy', 'torch', 'astropy', 'scipy', 'matplotlib', 'astroscrappy', 'safetensors'}\n"
        "heavy |= {'reproject', 'sep'}\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


@pytest.mark.parametrize("name", cosmic_conn.__all__)
def test_every_name_is_there_and_documented(name: str) -> None:
    value = getattr(cosmic_conn, name)
    assert name == "__version__" or value.__doc__


def test_names() -> None:
    assert dir(cosmic_conn) == sorted(cosmic_conn.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        cosmic_conn.nothing  # noqa: B018
