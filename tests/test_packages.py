"""What the five packages declare is what they use, and the same rules hold for all."""

from __future__ import annotations

import re
import subprocess

import pytest

from packages import PACKAGES, ROOT, TOOLS, Package, imports

each = pytest.mark.parametrize("package", PACKAGES, ids=lambda p: p.name)
# Used without an import: a plugin of pytest, an engine that another library loads by name.
UNIMPORTED = {"test": {"pytest_xdist"}}


@each
def test_dependencies_are_what_the_source_imports(package: Package) -> None:
    used = set(imports(package.source)) - {package.import_name}
    extras = set(package.project.get("optional-dependencies", {})) - {"test"}
    optional = {name for extra in extras for name in package.declared(extra)} - package.declared()
    assert used == package.declared() | optional, "declared (right) is not imported (left)"


@each
def test_test_dependencies_are_what_the_tests_import(package: Package) -> None:
    used = set(imports(package.folder / "tests")) - {package.import_name} - package.declared()
    assert used == package.declared("test") - UNIMPORTED["test"]
    assert package.declared("test") >= UNIMPORTED["test"]


@each
@pytest.mark.parametrize("folder", ["benchmarks", "examples"])
def test_benchmarks_and_examples_need_nothing_else(package: Package, folder: str) -> None:
    extras = {package.import_name, *package.declared()}
    for extra in package.project.get("optional-dependencies", {}):
        extras |= package.declared(extra)
    assert set(imports(package.folder / folder)) - extras == set()


@each
def test_first_party_dependencies(package: Package) -> None:
    first_party = {name.replace("-", "_") for name in TOOLS} | {"shared_io"}
    wanted = set() if package.name == "shared-io" else {"shared_io"}
    assert package.declared() & first_party == wanted


@each
def test_quality_tables_are_the_same(package: Package) -> None:
    reference = PACKAGES[0].pyproject
    pytest_options = package.pyproject["tool"]["pytest"]["ini_options"]
    wanted = reference["tool"]["pytest"]["ini_options"]
    for key in ("testpaths", "addopts", "filterwarnings", "markers"):
        assert pytest_options[key][: len(wanted[key])] == wanted[key]
    assert pytest_options["filterwarnings"][0] == "error"
    assert package.pyproject["tool"]["mypy"] == reference["tool"]["mypy"]
    assert "ruff" not in package.pyproject["tool"]
    assert package.pyproject["build-system"] == reference["build-system"]


@each
def test_project_table(package: Package) -> None:
    project = package.project
    assert project["name"] == package.name
    assert re.fullmatch(r"\d+\.\d+\.\d+", project["version"])
    assert project["requires-python"] == ">=3.11"
    assert project["license"] == "BSD-3-Clause"
    assert project["readme"] == "README.md"
    assert package.pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == [f"src/{package.import_name}"]


@each
def test_face(package: Package) -> None:
    for name in ("README.md", "CHANGELOG.md", "LICENSE", "constraints.txt", "tests"):
        assert (package.folder / name).exists(), name
    assert (package.folder / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert f"## [{package.project['version']}]" in (package.folder / "CHANGELOG.md").read_text()
    assert len((package.folder / "README.md").read_text()) > 500


@each
def test_constraints_hold_what_is_installed(package: Package) -> None:
    lines = (package.folder / "constraints.txt").read_text().splitlines()
    wanted = {_key(line.partition("==")[0]): line.partition("==")[2] for line in lines if "==" in line}
    assert sorted(lines, key=str.lower) == sorted(set(lines), key=str.lower)
    freeze = subprocess.run(
        [package.python, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    # A local part of a version (torch's +cpu) says how it was built, not what it is.
    versions = [line.partition("+")[0].partition("==") for line in freeze.splitlines()]
    installed = {_key(name): version for name, _, version in versions}
    ours = {p.name for p in PACKAGES} | {"pip", "setuptools", "wheel"}
    assert {n: v for n, v in installed.items() if n not in ours} == wanted


@each
def test_import_is_light(package: Package) -> None:
    code = (
        f"import sys, {package.import_name} as p\n"
        "heavy = {'numpy', 'scipy', 'astropy', 'pyarrow', 'h5py', 'numba', 'matplotlib', 'pandas', 'torch', 'keras',"
        " 'tensorflow', 'xgboost', 'cupy', 'dask', 'rich', 'typer', 'yaml', 'photutils', 'sep', 'fsspec'}\n"
        "print(sorted(heavy & {m.partition('.')[0] for m in sys.modules}))\n"
        "print(list(p.__all__) == sorted(p.__all__), [n for n in p.__all__ if not hasattr(p, n)])"
    )
    done = subprocess.run([package.python, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "True []"]


def test_no_environment_holds_another_tool() -> None:
    for package in PACKAGES:
        code = "from importlib.metadata import distributions as d; print(*sorted({x.name for x in d()}))"
        done = subprocess.run([package.python, "-c", code], capture_output=True, text=True, check=True)
        assert {n for n in done.stdout.split() if n in TOOLS} == ({package.name} & set(TOOLS))


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
