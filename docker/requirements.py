"""Print what wheels need from the package index: their dependencies without those that are wheels beside them.

python requirements.py FOLDER > requirements.txt
"""

from __future__ import annotations

import re
import sys
import zipfile
from email.parser import Parser
from pathlib import Path


def needed(folder: Path) -> list[str]:
    """The third-party requirements of all wheels in a folder."""
    lines: set[str] = set()
    ours: set[str] = set()
    for path in sorted(folder.glob("*.whl")):
        with zipfile.ZipFile(path) as wheel:
            (name,) = (n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
            fields = Parser().parsestr(wheel.read(name).decode())
        ours.add(_key(fields["Name"]))
        lines |= {line for line in fields.get_all("Requires-Dist", []) if "extra ==" not in line}
    return sorted(line for line in lines if _key(re.split(r"[\[<>=!~;\s]", line)[0]) not in ours)


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    print("\n".join(needed(Path(sys.argv[1]))))
