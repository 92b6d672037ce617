"""Who imports whom, as `.importlinter` says; and that a forbidden import would be noticed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import architecture


def test_the_contracts_are_kept() -> None:
    done = architecture.check([])
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(architecture.contracts())} kept, 0 broken" in done.stdout


def test_a_package_narrows_the_contracts() -> None:
    done = architecture.check(["otrain"])
    chosen = [name for name in architecture.contracts() if name.startswith(("all-", "otrain-"))]
    assert 1 < len(chosen) < len(architecture.contracts())
    assert f"{len(chosen)} kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("path", "line", "contract"),
    [
        ("packages/otrain/src/otrain/cli/__init__.py", "import scope.cli\n", "Tools never import each other"),
        ("shared-io/src/shared_io/errors.py", "import dre\n", "shared_io imports no tool"),
        ("shared-io/src/shared_io/cli/output.py", "import numpy\n", "The command line imports no heavy library"),
        ("packages/dre/src/dre/config.py", "import dre.files.layout\n", "dre: kernels <- domain"),
        ("packages/dre/src/dre/files/cuts.py", "import h5py\n", "dre: HDF5 and Parquet only through shared_io"),
    ],
)
def test_a_broken_contract_is_noticed(
    path: str, line: str, contract: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("shared-io/src", *(f"packages/{p}/src" for p in ("cosmic-conn", "otrain", "scope", "dre"))):
        shutil.copytree(architecture.ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(architecture.CONFIG, tmp_path)
    with open(tmp_path / path, "a") as file:
        file.write(line)
    monkeypatch.setattr(architecture, "ROOT", tmp_path)
    monkeypatch.setattr(architecture, "CONFIG", tmp_path / ".importlinter")
    done = architecture.check([])
    assert done.returncode == 1
    assert any(text.startswith(contract) and text.endswith("BROKEN") for text in done.stdout.splitlines())
