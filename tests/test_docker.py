"""The Dockerfiles keep the rules of the images; `docker/replay` shows that their steps work."""

from __future__ import annotations

import importlib.util
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

from packages import PACKAGES, ROOT, Package

tools = pytest.mark.parametrize("package", [p for p in PACKAGES if p.scripts], ids=lambda p: p.name)


@pytest.fixture(scope="module")
def replay() -> ModuleType:
    loader = SourceFileLoader("replay", str(ROOT / "docker" / "replay"))
    spec = importlib.util.spec_from_loader("replay", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@tools
def test_rules_of_an_image(package: Package, replay: ModuleType) -> None:
    steps = replay.instructions((ROOT / "docker" / f"{package.name}.Dockerfile").read_text())
    words = [word for word, _ in steps]
    assert words.count("FROM") == 2
    assert all("slim" in rest for word, rest in steps if word == "FROM")
    final = dict(steps[len(words) - words[::-1].index("FROM") - 1 :])
    assert final["USER"] == "user"
    assert final["VOLUME"] == "/cache"
    assert {"NUMBA_CACHE_DIR=/cache/numba", "MPLCONFIGDIR=/cache/matplotlib"} <= set(final["ENV"].split())
    assert final["ENTRYPOINT"] == f'["{package.name}"]'
    for script in package.scripts:
        assert f"{script} --version" in final["LABEL"]


@tools
def test_first_party_wheels_are_installed_without_an_index(package: Package, replay: ModuleType) -> None:
    steps = replay.instructions((ROOT / "docker" / f"{package.name}.Dockerfile").read_text())
    installs = [rest for word, rest in steps if word == "RUN" and "pip install" in rest]
    (ours,) = [line for line in installs if "*.whl" in line]
    assert "--no-index --no-deps" in ours
    (theirs,) = [line for line in installs if "*.whl" not in line]
    assert f"-c packages/{package.name}/constraints.txt -r requirements.txt" in theirs


def test_paths_of_the_image_are_moved(replay: ModuleType) -> None:
    text = "/opt/dre/bin/pip wheel -w /wheels ./shared-io /usr/bin/x A=/cache/numba:/opt /optional a/opt/b"
    moved = "/r/opt/dre/bin/pip wheel -w /r/wheels ./shared-io /usr/bin/x A=/r/cache/numba:/r/opt /optional a/opt/b"
    assert replay.moved(text, Path("/r")) == moved


def test_continued_lines_are_joined(replay: ModuleType) -> None:
    text = "# note\nFROM a AS b\nRUN one \\\n    && two\n\nENV A=1 \\\n    B=2\n"
    assert [(w, r.split()) for w, r in replay.instructions(text)] == [
        ("FROM", ["a", "AS", "b"]),
        ("RUN", ["one", "&&", "two"]),
        ("ENV", ["A=1", "B=2"]),
    ]


def test_requirements_leave_our_own_wheels_out(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("requirements", ROOT / "docker" / "requirements.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    import zipfile

    for name, needs in {
        "shared_io": ["numpy>=2"],
        "dre": ["shared-io<0.2", "sep>=1", "pytest; extra == 'test'"],
    }.items():
        with zipfile.ZipFile(tmp_path / f"{name}-0.1.0-py3-none-any.whl", "w") as wheel:
            lines = [f"Name: {name}", *(f"Requires-Dist: {need}" for need in needs)]
            wheel.writestr(f"{name}-0.1.0.dist-info/METADATA", "\n".join(lines) + "\n")
    assert module.needed(tmp_path) == ["numpy>=2", "sep>=1"]
