"""Writers killed (SIGKILL) while they overwrite a file, and what is at the path afterwards.

Half of the kills come at a random moment of a write, half at a system call chosen at random: before it, after
it, or with half of the bytes of a write done. Each time the path must hold the whole old or the whole new
content, verified by reading it, and one sweep must clear away whatever else was left.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from shared_io import atomic
from shared_io.testing import child, layer
from shared_io.testing.tally import Tally
from shared_io.testing.writers import WRITERS, Writer

__all__ = ["BESIDE", "COLUMNS", "kill", "run"]

COLUMNS = ("old", "new")
BESIDE = ("orphans swept", "too late")
_BEYOND = 1.15  # of the time of a write: some kills come just after it


def run(seed: int, count: int, writers: Sequence[Writer] = WRITERS, part: int = 0, parts: int = 1) -> Tally:
    """Kill writers `count` times and count what was left.

    Parameters
    ----------
    seed
        Of the choice of moments.
    count
        Kills, shared evenly by the writers.
    writers
        Who is killed.
    part, parts
        Do only every `parts`-th kill, from `part` on.
    """
    tally = Tally("kill -9", COLUMNS, BESIDE)
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="shared-io-kills-") as root:
        for number in range(part, count, parts):
            writer = writers[number % len(writers)]
            rng = np.random.default_rng([seed, number])
            folder = Path(root, str(number))
            folder.mkdir()
            if writer.name not in seconds:
                seconds[writer.name] = _duration(writer, folder)
            timed = number // len(writers) % 2 == 0
            killed, how = kill(writer, folder, rng, seconds[writer.name] if timed else None)
            state, orphans = _judge(writer, folder)
            tally.add(writer.name, state, f"kill {number} {how}: {state}")
            tally.note(writer.name, "orphans swept", orphans)
            tally.note(writer.name, "too late", not killed)
    return tally


def kill(writer: Writer, folder: Path, rng: np.random.Generator, seconds: float | None) -> tuple[bool, str]:
    """Kill one write.

    Parameters
    ----------
    writer, folder
        What is written, and where; the old file is put there first.
    rng
        Chooses the moment.
    seconds
        What a write takes; None to kill at a system call.

    Returns
    -------
    killed, how : bool, str
        Whether the kill came before the end, and a description.
    """
    path = writer.prepare(folder)
    if seconds is not None:
        delay = float(rng.uniform(0, _BEYOND)) * seconds
        running = child.Child(lambda: writer.overwrite(path))
        running.start()
        _pause(delay)
        running.kill()
        return running.wait().signal != 0, f"after {delay * 1e3:.2f} ms"
    calls = child.run(lambda: layer.count(folder, lambda: writer.overwrite(path))).value
    writer.prepare(folder)
    at, when = int(rng.integers(len(calls))), str(rng.choice(layer.ACTIONS))

    def task() -> None:
        with layer.Layer(folder, at=at, when=when):
            writer.overwrite(path)

    return child.run(task).signal != 0, f"{when} {calls[at]} (call {at})"


def _judge(writer: Writer, folder: Path) -> tuple[str, int]:
    """Return what the path holds, or what is wrong with the folder; and how many orphans were swept."""
    path = folder / f"target{writer.suffix}"
    state = writer.state(path)
    orphans = len(atomic.sweep(folder))
    expected = {path.name, *(path.name + end for end in writer.beside)}
    others = sorted(p.name for p in folder.iterdir() if p.name not in expected)
    return (f"left behind: {', '.join(others)}" if others else state), orphans


def _duration(writer: Writer, folder: Path) -> float:
    path = writer.prepare(folder)
    return statistics.median(child.run(lambda: writer.overwrite(path)).seconds for _ in range(5))


def _pause(seconds: float) -> None:
    """Wait more exactly than `time.sleep` alone would."""
    until = time.perf_counter() + seconds
    if seconds > 2e-3:
        time.sleep(seconds - 1e-3)
    while time.perf_counter() < until:
        pass
