"""Each package as a wheel: built, installed by itself with its first-party wheel only, and run.

The wheels go into an environment that was just made, with ``--no-index``; the third-party libraries are lent to it
from the package's own environment (its folder of libraries on the path, where editable installs are not followed).
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from packages import PACKAGES, ROOT, Package

each = pytest.mark.parametrize("package", PACKAGES, ids=lambda p: p.name)
ROOM = "the wheels are built once, by one process"


def check(*words: object) -> str:
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    for package in PACKAGES:
        check(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, package.folder)
    return folder


def site_packages(python: Path) -> str:
    return check(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()


@pytest.mark.xdist_group(ROOM)
@each
def test_a_wheel_holds_its_package_only(package: Package, wheels: Path) -> None:
    (path,) = wheels.glob(f"{package.import_name}-*.whl")
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        (metadata,) = (name for name in names if name.endswith("METADATA"))
        fields = Parser().parsestr(wheel.read(metadata).decode())
    tops = {name.partition("/")[0] for name in names}
    info = f"{package.import_name}-{package.project['version']}.dist-info"
    assert tops == {package.import_name, info}
    assert f"{info}/licenses/LICENSE" in names
    assert fields["License-Expression"] == "BSD-3-Clause"
    modules = {str(p.relative_to(package.source.parent)) for p in package.source.rglob("*.py")}
    assert modules <= set(names)


@pytest.mark.xdist_group(ROOM)
@each
def test_a_wheel_works_by_itself(package: Package, wheels: Path, tmp_path: Path) -> None:
    check(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    first_party = [package.name] if package.name == "shared-io" else ["shared-io", package.name]
    pip = [package.python, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check"]
    check(*pip, "--no-index", "--no-deps", "--find-links", wheels, *first_party)
    lent = Path(site_packages(python)) / "lent.pth"
    lent.write_text(site_packages(package.python) + "\n")
    code = f"import shared_io, {package.import_name} as p; print(shared_io.__file__, p.__file__, sep='\\n')"
    places = check(python, "-c", code).split()
    assert all(Path(place).is_relative_to(tmp_path) for place in places)
    for name in package.scripts:
        line = check(python.with_name(name), "--version")
        assert line == f"{package.name} {package.project['version']}\n"


def test_make_builds_into_dist() -> None:
    done = check("make", "-n", "-C", ROOT, "wheels", "PKG=dre")
    assert "--outdir dist" in done
    assert "packages/dre" in done
