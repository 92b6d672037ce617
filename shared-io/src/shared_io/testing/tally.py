"""Counting what came of many trials."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Tally"]


@dataclass
class Tally:
    """Counts by row and column, and a line for each trial that went wrong.

    Attributes
    ----------
    title
        What was tried.
    columns
        What can come of a trial, in the order shown; ``tried`` and ``wrong`` are always there.
    beside
        What else is counted.
    counts
        By (row, column).
    peaks
        The largest value seen of each measured quantity, by (row, name).
    wrongs
        What went wrong, one line each.
    """

    title: str
    columns: Sequence[str]
    beside: Sequence[str] = ()
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    peaks: dict[tuple[str, str], float] = field(default_factory=dict)
    wrongs: list[str] = field(default_factory=list)

    def add(self, row: str, column: str, detail: str = "") -> None:
        """Count one trial; a `column` that is not known counts as wrong."""
        self.counts[row, "tried"] += 1
        self.counts[row, column if column in self.columns else "wrong"] += 1
        if column not in self.columns:
            self.wrongs.append(f"{row}: {detail or column}")

    def note(self, row: str, column: str, count: int = 1) -> None:
        """Count something beside the trials."""
        self.counts[row, column] += count

    def peak(self, row: str, name: str, value: float) -> None:
        """Keep the largest value."""
        self.peaks[row, name] = max(value, self.peaks.get((row, name), 0.0))

    def merge(self, other: Tally) -> None:
        """Take in what another tally counted."""
        self.counts.update(other.counts)
        self.wrongs += other.wrongs
        for (row, name), value in other.peaks.items():
            self.peak(row, name, value)

    @property
    def tried(self) -> int:
        """How many trials there were."""
        return sum(count for (_, column), count in self.counts.items() if column == "tried")

    @property
    def wrong(self) -> int:
        """How many went wrong."""
        return sum(count for (_, column), count in self.counts.items() if column == "wrong")

    def __str__(self) -> str:
        rows = sorted({row for row, _ in self.counts})
        measured = sorted({name for _, name in self.peaks})
        counted = ["tried", *self.columns, "wrong", *self.beside]
        lines = [[self.title, *counted, *measured]]
        for chosen in [*([row] for row in rows), rows]:
            name = chosen[0] if len(chosen) == 1 and len(lines) <= len(rows) else "together"
            sums = [str(sum(self.counts[row, column] for row in chosen)) for column in counted]
            tops = [f"{max(self.peaks.get((row, n), 0.0) for row in chosen):.3g}" for n in measured if chosen]
            lines.append([name, *sums, *tops])
        widths = [max(len(line[i]) for line in lines if i < len(line)) for i in range(len(lines[0]))]
        return "\n".join(_aligned(line, widths) for line in lines)


def _aligned(line: list[str], widths: list[int]) -> str:
    cells = [line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=False))]
    return "  ".join(cells).rstrip()
