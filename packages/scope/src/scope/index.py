"""``meta.json``: the index of a folder's feature tables."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path

from shared_io import atomic

INDEXED = (
    "minobs", "feature_generation_start_dateTime_utc", "feature_generation_end_dateTime_utc", "ZTF_source_catalog",
    "ZTF_alerts_catalog", "Gaia_catalog",
)  # fmt: skip
"""What ``meta.json`` repeats of a table's metadata."""


def update_index(dirname: Path, filename: str, written: Path) -> None:
    """Bring ``meta.json``, the index of a folder's feature tables, up to date.

    Tables of other runs that it lacks are added from their own metadata, and it is read again after it is written:
    of several jobs that do this at a time, the last leaves it complete, without a lock.

    Parameters
    ----------
    dirname, filename
        Of the tables.
    written : pathlib.Path
        The table whose entry is made anew.
    """
    path = Path(dirname) / "meta.json"
    mine: dict[str, object] = {}
    for _ in range(100):
        entries = _index(path) | mine
        for key, found in _tables(dirname, filename).items():
            if key not in entries or (found == written and key not in mine):
                with suppress(OSError, ValueError):  # a neighbour that is damaged
                    entries[key] = mine[key] = _entry(found)
        atomic.write_text(path, json.dumps(dict(sorted(entries.items())), indent=1) + "\n", overwrite=True)
        # Who writes last looks once more, and then sees the tables of all who wrote before.
        lacking = set(_tables(dirname, filename)) - set(_index(path))
        if not any(_is_sound(_tables(dirname, filename)[key]) for key in lacking):
            return


def _tables(dirname: Path, filename: str) -> dict[str, Path]:
    """Return the feature tables of a folder by quadrant."""
    paths = sorted(Path(dirname).glob(f"field_*/{filename}_field_*.parquet"))
    return {key: path for path in paths if (key := _quadrant_key(path, filename)) is not None}


def _is_sound(path: Path) -> bool:
    try:
        _entry(path)
    except (OSError, ValueError):
        return False
    return True


def _index(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _quadrant_key(path: Path, filename: str) -> str | None:
    found = re.fullmatch(re.escape(filename) + r"_field_(\d+)_ccd_(\d+)_quad_(\d+)\.parquet", path.name)
    return f"({', '.join(found.groups())})" if found else None


def _entry(path: Path) -> dict[str, object]:
    """Return a table's entry of the index, from its own metadata."""
    import pyarrow.parquet as pq

    footer = pq.read_metadata(path)
    meta = json.loads((footer.metadata or {}).get(b"scope", b"{}"))
    return {name: meta.get(name) for name in INDEXED} | {"total": footer.num_rows}
