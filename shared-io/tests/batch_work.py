"""Work for batches in other processes, and a program that is killed in the middle of one."""

from __future__ import annotations

import hashlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from shared_io import atomic, batch, ledger
from shared_io.batch import Unit
from shared_io.provenance import Provenance


def unit(folder: Path, number: int, task: str = "", outputs: int = 1) -> Unit:
    paths = tuple(folder / f"part{k}" / f"u{number:05d}.txt" for k in range(outputs))
    return Unit(f"u{number:05d}", paths, Provenance("stars", "0.1.0", "try", {"number": number}), task)


def work(one: Unit) -> str:
    """Do what the payload says, then write a line to every output."""
    task, _, detail = str(one.payload).partition(" ")
    if task == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if task == "kill-once" and not Path(detail).exists():
        Path(detail).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if task == "exit":
        os._exit(7)
    if task == "fail":
        raise ValueError("two\nlines")
    if task == "sleep":
        time.sleep(float(detail))
    if task == "note":
        batch.note(f"{one.name} has a note")
        logging.getLogger("stars").warning("%s is logged", one.name)
    for path in one.outputs:
        text = hashlib.sha256(path.name.encode()).hexdigest() * 50
        atomic.write_text(path, f"{text} {batch.started()}\n", overwrite=True)
    return f"process {os.getpid()}" if task == "pid" else ""


def interrupted() -> Callable[[Unit], str]:
    """Interrupt this process, and return `work`."""
    os.kill(os.getpid(), signal.SIGINT)
    return work


def main(folder: Path, count: int, workers: int) -> None:
    report = batch.run(
        (unit(folder, k, "sleep 0.005", outputs=2) for k in range(count)),
        work,
        workers=workers,
        ledger=ledger.home(folder, "stars", "try"),
        total=count,
    )
    print(report.to_text())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
