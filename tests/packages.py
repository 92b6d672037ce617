"""Where the packages are and what they declare; shared by the tests of the repository."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ("cosmic-conn", "otrain", "scope", "dre")
# What is installed under another name than it is imported by.
IMPORT_NAMES = {
    "PyYAML": "yaml", "scikit-image": "skimage", "scikit-learn": "sklearn", "protobuf": "google",
    "cupy-cuda12x": "cupy", "pillow": "PIL",
}  # fmt: skip


@dataclass(frozen=True)
class Package:
    """One of the five packages."""

    name: str

    @property
    def folder(self) -> Path:
        return ROOT / self.name if self.name == "shared-io" else ROOT / "packages" / self.name

    @property
    def import_name(self) -> str:
        return self.name.replace("-", "_")

    @property
    def source(self) -> Path:
        return self.folder / "src" / self.import_name

    @property
    def python(self) -> Path:
        return ROOT / ".venvs" / self.name / "bin" / "python"

    @cached_property
    def pyproject(self) -> dict[str, Any]:
        return tomllib.loads((self.folder / "pyproject.toml").read_text(encoding="utf-8"))

    @property
    def project(self) -> dict[str, Any]:
        table: dict[str, Any] = self.pyproject["project"]
        return table

    def declared(self, extra: str | None = None) -> set[str]:
        """Import names of the dependencies (of an extra)."""
        lines = self.project["dependencies"] if extra is None else self.project["optional-dependencies"][extra]
        names = {re.split(r"[\[<>=!~;\s]", line, maxsplit=1)[0] for line in lines}
        return {IMPORT_NAMES.get(name, name.replace("-", "_")) for name in names}

    @property
    def scripts(self) -> dict[str, str]:
        """Console scripts."""
        found: dict[str, str] = self.project.get("scripts", {})
        return found


PACKAGES = tuple(Package(name) for name in ("shared-io", *TOOLS))


def imports(folder: Path) -> dict[str, set[str]]:
    """Top-level names of other packages that the modules below a folder import -> the files that do."""
    found: dict[str, set[str]] = {}
    own = {path.stem for path in folder.rglob("*.py")} | {path.name for path in folder.rglob("*") if path.is_dir()}
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            for name in names:
                top = name.partition(".")[0]
                if top not in sys.stdlib_module_names and not (name in own and "src" not in folder.parts):
                    found.setdefault(top, set()).add(str(path.relative_to(ROOT)))
    return found
