"""Check the import contracts: ``python architecture.py [PACKAGE ...]``."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / ".importlinter"
PREFIX = "importlinter:contract:"


def contracts() -> list[str]:
    """The ids of all contracts."""
    parser = configparser.ConfigParser()
    parser.read(CONFIG, encoding="utf-8")
    return [section.removeprefix(PREFIX) for section in parser.sections() if section.startswith(PREFIX)]


def check(packages: list[str]) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the contracts of some packages, and those about all."""
    ids = [c for c in contracts() if not packages or c.startswith(("all-", *(f"{p}-" for p in packages)))]
    sources = [ROOT / "shared-io" / "src", *sorted(ROOT.glob("packages/*/src"))]
    chosen = [word for name in ids for word in ("--contract", name)]
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--config", CONFIG, "--no-cache", *chosen],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sources))},
        capture_output=True,
        text=True,
        check=False,
    )


if __name__ == "__main__":
    done = check(sys.argv[1:])
    print(done.stdout + done.stderr)
    sys.exit(done.returncode)
