"""Every command of every tool keeps the one contract of the command line."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from packages import PACKAGES, Package
from seed_lines import COSMIC_CONN_BUILT, DRE_USAGE, LINES, SCOPE_BUILT

# Verbs that have verbs: one of them stands for all.
GROUPS = {"config": ("show",), "models": ("import",), "simulate": ("night",)}

BY_NAME = {package.name: package for package in PACKAGES}
SCRIPTS = [(package, script) for package in PACKAGES for script in package.scripts]
script = pytest.mark.parametrize(("package", "name"), SCRIPTS, ids=[name for _, name in SCRIPTS])


def call(package: Package, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    program = package.python.with_name(words[0])
    environment = {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        [program, *words[1:]], capture_output=True, text=True, cwd=cwd, env=environment, timeout=120, check=False
    )


def verbs(package: Package) -> list[str]:
    """The verbs that the help of the umbrella command lists."""
    out = call(package, package.name, "--help").stdout
    section = re.search(r"^Commands:\n((?:  .*\n)+)", out, re.MULTILINE)
    assert section is not None
    return [line.split()[0] for line in section[1].splitlines() if re.match(r"  \S", line)]


@script
def test_version(package: Package, name: str) -> None:
    done = call(package, name, "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{package.name} {package.project['version']}\n"


@script
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help(package: Package, name: str, flag: str) -> None:
    done = call(package, name, flag)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Usage: {name}" in done.stdout


@script
def test_an_unknown_option_is_2_with_a_suggestion(package: Package, name: str) -> None:
    done = call(package, name, "--versoin")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{name}: error: no such option: --versoin; did you mean --version?\n"


@pytest.mark.parametrize("package", [p for p in PACKAGES if p.scripts], ids=lambda p: p.name)
def test_every_verb_has_help_with_an_example_and_the_shared_options(package: Package) -> None:
    for verb in verbs(package):
        words = [verb, *GROUPS.get(verb, ())]
        done = call(package, package.name, *words, "--help")
        assert (done.returncode, done.stderr) == (0, "")
        assert "\nExample:\n" in done.stdout, verb
        for option in ("--json", "--quiet", "--log-file", "--debug", "--version", "--settings"):
            assert option in done.stdout, (verb, option)


@pytest.mark.parametrize("package", [p for p in PACKAGES if p.scripts], ids=lambda p: p.name)
def test_an_unknown_verb_is_2_with_a_suggestion(package: Package) -> None:
    done = call(package, package.name, "confgi")
    assert done.returncode == 2
    assert "confgi; did you mean config?" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("package", [p for p in PACKAGES if p.scripts], ids=lambda p: p.name)
def test_config_show_is_json(package: Package) -> None:
    done = call(package, package.name, "config", "show", "--json")
    assert done.returncode == 0
    assert isinstance(json.loads(done.stdout), list | None.__class__)


PRINTED = [(tool, line) for tool in ("otrain", "dre") for line in LINES[tool]]


@pytest.mark.parametrize(("tool", "line"), PRINTED)
def test_the_printed_lines_are_accepted(tool: str, line: str, tmp_path: Path) -> None:
    """In an empty folder: help, or the one-line news that the input is missing, but no quarrel about spelling."""
    done = call(BY_NAME[tool], *shlex.split(line), cwd=tmp_path)
    asks_help = line.endswith(("-h", "--help"))
    assert done.returncode == (0 if asks_help else 4), done.stderr
    assert asks_help or done.stderr.count("\n") == 1


@pytest.mark.parametrize("line", DRE_USAGE)
def test_every_option_of_the_usage_texts_is_accepted(line: str, tmp_path: Path) -> None:
    done = call(BY_NAME["dre"], *shlex.split(line), cwd=tmp_path)
    assert done.returncode == 4, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("line", SCOPE_BUILT)
def test_the_printed_lines_of_scope_are_accepted(line: str, tmp_path: Path) -> None:
    """In an empty folder: no light curves (4), or no GPU (5); the script's path and suffix are those of old clones."""
    program, *words = shlex.split(line)
    done = call(BY_NAME["scope"], Path(program).stem, *words, cwd=tmp_path)
    assert done.returncode == (5 if "--doGPU" in words else 4), done.stderr
    errors = [text for text in done.stderr.splitlines() if "warning:" not in text]
    assert len(errors) == 1


@pytest.mark.parametrize("line", COSMIC_CONN_BUILT)
def test_detection_is_called_as_its_users_know_it(line: str, tmp_path: Path) -> None:
    done = call(BY_NAME["cosmic-conn"], *shlex.split(line), cwd=tmp_path)
    assert done.returncode == 4, done.stderr
    assert done.stderr == "cosmic-conn: error: DIR: no such file; check the name\n"


def test_labelling_runs_as_it_is_printed(tmp_path: Path) -> None:
    """Both lines, in a folder like the package's, on the data that they name: a simulated night stands for it."""
    package = BY_NAME["cosmic-conn"]
    data = ("data/demo_data", "--side", "128", "--fields", "1", "--tracks", "900", "--satellites", "0", "--aligned")
    assert call(package, "cosmic-conn", "simulate", "night", *data, cwd=tmp_path).returncode == 0
    shutil.copytree(package.folder / "scripts", tmp_path / "scripts")
    python, script = (shlex.split(line) for line in LINES["cosmic-conn"][:2])
    masked = tmp_path / "data/demo_data/masked_fits"
    assert python[1] == "cosmic_conn/reduce_cr.py"
    done = call(package, "python", "-m", "cosmic_conn.reduce_cr", *python[2:], cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    (found,) = masked.glob("*_masks.fits")
    content = found.read_bytes()
    shutil.rmtree(masked)
    environment = {**os.environ, "PATH": f"{package.python.parent}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(script, cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=120)
    assert found.read_bytes() == content


def test_every_tool_has_its_lines() -> None:
    assert set(LINES) == {p.name for p in PACKAGES if p.scripts}
