"""Answers of Kowalski, kept until the table that they are for is done: a run that goes on does not ask again."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared_io import atomic

ANSWER = "kowalski_answer_"
"""What the names of the files begin with."""


def path_of(folder: Path, query: Mapping[str, Any]) -> Path:
    """Return the file of the answer to a query."""
    text = json.dumps(query, sort_keys=True)
    return folder / f"{ANSWER}{hashlib.sha256(text.encode()).hexdigest()[:32]}.json.gz"


def read_answer(path: Path) -> Any:
    """Return the data of a kept answer; None where there is none, or a damaged one."""
    try:
        return json.loads(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, ValueError):
        return None


def write_answer(path: Path, data: Any) -> None:
    """Keep the data of an answer, whole or not at all.

    Raises
    ------
    WriteFailed
        When there is no room.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write_bytes(path, gzip.compress(json.dumps(data).encode(), 1, mtime=0), overwrite=True)
