"""The log of a reduction: a text that grows, and the last state as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from shared_io import atomic
from shared_io.errors import WriteFailed

from cosmic_conn.labelling.grouping import Skipped
from cosmic_conn.labelling.naming import LOG

__all__ = ["write_logs"]


def write_logs(folder: Path, options: dict[str, Any], found: dict[str, Any], skipped: Iterable[Skipped]) -> None:
    """Append to ``CR_reduction_log.txt`` and replace ``CR_reduction_log.json``.

    Parameters
    ----------
    folder
        Where they are.
    options
        What was asked for.
    found
        What became of it, as `Reduction.to_json` says.
    skipped
        Files that are in no sequence.

    Raises
    ------
    WriteFailed
        When they cannot be written.
    """
    text = "\n".join([*_heading(options), *_failures(found), *_sequences(found), *_skipped(skipped), "", ""])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{LOG}.txt").open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise WriteFailed(f"the log cannot be written: {error.strerror}", path=folder / f"{LOG}.txt") from error
    document = {"options": options, **found}
    atomic.write_text(folder / f"{LOG}.json", json.dumps(document, indent=1, default=str) + "\n", overwrite=True)


def _heading(options: dict[str, Any]) -> list[str]:
    return ["cosmic-conn reduce", *(f"    {name}: {value}" for name, value in sorted(options.items()))]


def _failures(found: dict[str, Any]) -> list[str]:
    entries = [*found["aligned"]["entries"], *found["labelled"]["entries"]]
    return [f"{e.name}: {e.state}: {e.message}" for e in entries if e.state in ("failed", "refused")]


def _sequences(found: dict[str, Any]) -> list[str]:
    lines = []
    for record in found["sequences"]:
        if not record["accepted"]:
            lines.append(f"{record['sequence']}: {record['reason']}")
            continue
        lines.append(f"{record['sequence']}: exp_time {record['exposure']}, frames {', '.join(record['frames'])}")
        lines.append(f"    CR count {record['cr_pixels']}, CR fraction {record['cr_fraction']:.6f}")
        shown = ("rejected_frames", "gains", "sources", "noise_measured", "noise_of_model", "snr_of_empty_sky")
        lines += [f"    {name}: {record[name]}" for name in shown if record.get(name)]
    return lines


def _skipped(skipped: Iterable[Skipped]) -> list[str]:
    return [f"{s.path.name}: skipped: {s.reason}" for s in skipped]
