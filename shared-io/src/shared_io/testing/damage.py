"""Damaged, truncated and hostile files given to every reader.

Each must end in a `SharedIOError` or give exactly the content of the sound file, within a second and 256 MiB
above what the process held before.
"""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shared_io.testing import child
from shared_io.testing.content import fingerprint
from shared_io.testing.readers import Reader
from shared_io.testing.tally import Tally

__all__ = ["BYTES", "COLUMNS", "SECONDS", "TRAP", "Case", "cases", "judge", "run"]

COLUMNS = ("refused", "intact")
SECONDS, BYTES = 1.0, 256 * 2**20
TRAP = Path(tempfile.gettempdir(), "opened-by-a-hostile-file")  # the folder that hostile files try to make
_TRIES = 3  # of what takes too long: other programs run on the machine too
_NOTHING = fingerprint(None)  # the provenance of a file that has none
_FIXED_SHARE = 0.5  # of a sample, so much are hand-made cases


@dataclass(frozen=True)
class Case:
    """A damaged input.

    Attributes
    ----------
    row
        Of the table of counts.
    what
        What is wrong with it.
    name
        Of the file.
    make
        Puts it at a path.
    readers
        Who reads it.
    original
        The sound file that it was made from, if its content may come out.
    """

    row: str
    what: str
    name: str
    make: Callable[[Path], object]
    readers: tuple[Reader, ...]
    original: Path | None = None


def cases(seed: int, count: int) -> list[Case]:
    """Return `count` cases: all hand-made ones as far as there is room for them, then random damage."""
    from shared_io.testing import altered, hostile_fits, hostile_hdf5, hostile_tables, oddities

    fixed = [
        *altered.boundaries(),
        *hostile_fits.cases(),
        *hostile_hdf5.cases(),
        *hostile_tables.cases(),
        *oddities.cases(),
    ]
    if len(fixed) > count * _FIXED_SHARE:
        chosen = np.random.default_rng(seed).permutation(len(fixed))[: int(count * _FIXED_SHARE)]
        fixed = [fixed[i] for i in sorted(chosen)]
    return [*fixed, *altered.random(seed, count - len(fixed))]


def run(seed: int, count: int, part: int = 0, parts: int = 1) -> Tally:
    """Give `count` damaged inputs to the readers and count what came of them.

    Parameters
    ----------
    seed
        Of the random damage.
    count
        Inputs.
    part, parts
        Do only every `parts`-th input, from `part` on.
    """
    tally = Tally("damaged inputs", COLUMNS, ("reads",))
    with tempfile.TemporaryDirectory(prefix="shared-io-damage-") as root:
        for number, case in enumerate(cases(seed, count)):
            if number % parts != part:
                continue
            folder = Path(root, str(number))
            folder.mkdir()
            case.make(folder / case.name)
            _try(case, folder / case.name, tally)
            shutil.rmtree(folder)
    return tally


def judge(case: Case, path: Path, reader: Reader) -> tuple[str, child.Ending]:
    """Return ``refused``, ``intact`` or what is wrong, and how the reading ended."""
    ending = child.run(lambda: fingerprint(reader(path)), seconds=20)
    for _ in range(_TRIES - 1):
        if ending.seconds <= SECONDS:
            break
        ending = child.run(lambda: fingerprint(reader(path)), seconds=20)
    if ending.signal or ending.timeout:
        return f"killed by signal {ending.signal}, timeout {ending.timeout}", ending
    if ending.error and not ending.typed:
        return f"untyped {ending.error}", ending
    if ending.seconds > SECONDS or ending.bytes > BYTES:
        return f"took {ending.seconds:.2f} s and {ending.bytes / 2**20:.0f} MiB ({ending.error})", ending
    if ending.error:
        return "refused", ending
    if case.original is None:
        return ("refused" if ending.value == _NOTHING else "gave a content"), ending
    sound = _sound(case.original, reader)
    return ("intact" if ending.value == sound else "gave another content"), ending


def _try(case: Case, path: Path, tally: Tally) -> None:
    """Count one input: wrong if it was wrong for one reader, intact if one could read it."""
    verdicts = []
    for reader in case.readers:
        verdict, ending = judge(case, path, reader)
        verdicts.append(verdict if verdict in COLUMNS else f"{reader.__name__}: {verdict}")
        if ending.seconds == ending.seconds:
            tally.peak(case.row, "seconds", ending.seconds)
            tally.peak(case.row, "MiB", ending.bytes / 2**20)
    if TRAP.exists():
        TRAP.rmdir()
        verdicts.append("ran what was in the file")
    wrong = [verdict for verdict in verdicts if verdict not in COLUMNS]
    tally.note(case.row, "reads", len(verdicts))
    tally.add(
        case.row,
        wrong[0] if wrong else ("intact" if "intact" in verdicts else "refused"),
        f"{case.what} ({case.name}): {'; '.join(wrong)}",
    )


@functools.cache
def _sound(original: Path, reader: Reader) -> str | None:
    """Return what a reader makes of the sound file, or None where it refuses that too."""
    return child.run(lambda: fingerprint(reader(original))).value
