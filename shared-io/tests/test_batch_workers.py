"""Batches by several processes: the same bytes, no loss when a worker dies, nobody left behind."""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import batch_work
import pytest
from batch_work import unit, work
from shared_io import batch, ledger
from shared_io.errors import ExternalFailed

PROGRAM = Path(batch_work.__file__)


def states(report: batch.Report) -> list[str]:
    return [entry.state for entry in report.entries]


def bytes_of(folder: Path) -> dict[str, str]:
    paths = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.suffix != ".ledger"]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}


def test_processes_write_what_one_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    for workers in (1, 3):
        folder = tmp_path / str(workers)
        report = batch.run([unit(folder, k, "pid", outputs=2) for k in range(20)], work, workers=workers)
        assert [entry.name for entry in report.done] == [f"u{k:05d}" for k in range(20)]
        assert (len({entry.message for entry in report.entries}) > 1) == (workers > 1)
    assert bytes_of(tmp_path / "1") == bytes_of(tmp_path / "3")
    assert not multiprocessing.active_children()


def test_a_killed_worker_loses_nothing(tmp_path: Path) -> None:
    tasks = {3: f"kill-once {tmp_path / 'killed'}"}
    units = [unit(tmp_path / "out", k, tasks.get(k, "")) for k in range(12)]
    report = batch.run(units, work, workers=2, ledger=ledger.home(tmp_path / "out", "stars", "try"))
    assert states(report) == ["done"] * 12
    assert (tmp_path / "killed").exists()


@pytest.mark.parametrize(("task", "how"), [("kill", "killed by SIGKILL"), ("exit", "exit code 7")])
def test_a_unit_that_kills_its_worker_fails_alone(tmp_path: Path, task: str, how: str) -> None:
    units = [unit(tmp_path, k, {2: task, 5: task, 7: "fail"}.get(k, "")) for k in range(10)]
    report = batch.run(units, work, workers=2, ledger=ledger.home(tmp_path, "stars", "try"))
    assert [entry.name for entry in report.failed] == ["u00002", "u00005", "u00007"]
    assert how in report.failed[0].message
    assert "alone" in report.failed[0].message
    assert len(report.done) == 7
    assert report.exit_code == 3


def test_a_worker_that_is_shot_from_outside_is_replaced(tmp_path: Path) -> None:
    shots: list[int] = []

    def shoot(number: int) -> batch.Unit:
        if number == 6:  # the workers are busy or idle by now
            for child in multiprocessing.active_children():
                os.kill(child.pid or 0, signal.SIGKILL)
                shots.append(child.pid or 0)
        return unit(tmp_path, number, "sleep 0.01")

    report = batch.run((shoot(k) for k in range(12)), work, workers=2)
    assert len(shots) == 2
    assert states(report) == ["done"] * 12


def test_notes_and_logs_come_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for workers in (1, 2):
        told: list[str] = []
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            units = [unit(tmp_path / str(workers), k, "note") for k in range(3)]
            batch.run(units, work, workers=workers, tell=told.append)
        assert sorted(told) == [f"u{k:05d} has a note" for k in range(3)]
        assert sorted(r.getMessage() for r in caplog.records if r.name == "stars") == [
            f"u{k:05d} is logged" for k in range(3)
        ]


class Unloadable:
    """Pickled here, and fatal where it is unpickled."""

    def __call__(self, one: batch.Unit) -> None:
        raise AssertionError

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return os._exit, (9,)


def test_workers_that_cannot_start_end_the_run(tmp_path: Path) -> None:
    with pytest.raises(ExternalFailed, match=r"do not start.*exit code 9"):
        batch.run([unit(tmp_path, k) for k in range(5)], Unloadable(), workers=2)
    assert not multiprocessing.active_children()


class Interrupted:
    """Where it is unpickled Ctrl-C is pressed."""

    def __call__(self, one: batch.Unit) -> None:
        raise AssertionError

    def __reduce__(self) -> tuple[object, tuple[()]]:
        return batch_work.interrupted, ()


def test_an_interruption_is_no_business_of_a_worker_that_is_starting(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    report = batch.run([unit(tmp_path, k) for k in range(3)], Interrupted(), workers=2)
    assert states(report) == ["done"] * 3
    assert capfd.readouterr().err == ""


def test_an_interruption_ends_the_workers_and_keeps_what_is_done(tmp_path: Path) -> None:
    home = ledger.home(tmp_path, "stars", "try")

    def units(interrupt: bool):
        for k in range(10):
            if k == 6 and interrupt:
                raise KeyboardInterrupt
            yield unit(tmp_path, k, "sleep 0.05")

    with pytest.raises(KeyboardInterrupt):
        batch.run(units(True), work, workers=2, ledger=home)
    assert not multiprocessing.active_children()
    assert not list(tmp_path.rglob(".part-*"))
    report = batch.run(units(False), work, workers=2, ledger=home)
    assert set(states(report)) == {"skipped", "done"}


def test_fewer_than_one_worker_and_unknown_schedulers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="workers = 0"):
        batch.run([], work, workers=0)
    with pytest.raises(ValueError, match="no such scheduler: mars"):
        batch.run([], work, scheduler="mars")
    assert [batch.scheduler(text) for text in (None, "none", "local", "Dask", "SLURM", "tcp://a:1")] == [
        None,
        None,
        None,
        "dask",
        "slurm",
        "tcp://a:1",
    ]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What an undisturbed run writes."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", "1000000000")
        batch_work.main(folder, 40, 1)
    return bytes_of(folder)


@pytest.mark.parametrize("workers", [1, 2])
def test_kill_9_at_any_moment_and_resume_gives_the_same_bytes(
    tmp_path: Path, workers: int, undisturbed: dict[str, str]
) -> None:
    """Only the first run is told a time; the later ones find it in the ledger."""
    rng = random.Random(workers)
    command = [sys.executable, str(PROGRAM), str(tmp_path / "out"), "40", str(workers)]
    environment = dict(os.environ, SOURCE_DATE_EPOCH="1000000000")
    for _ in range(4):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        begun = tmp_path / "out" / ".stars-try.ledger"
        while process.poll() is None and not begun.exists():
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.25))
        process.kill()
        process.wait()
        environment["SOURCE_DATE_EPOCH"] = "1500000000"
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert re.search(r"40 skipped|\d+ done", done.stdout)
    assert bytes_of(tmp_path / "out") == undisturbed


def test_ten_thousand_units_need_no_more_memory_than_their_report(tmp_path: Path) -> None:
    """A payload of 100 kB each would need 1 GB if all units were held at once."""
    code = (
        "import resource, sys\nfrom batch_work import *\n"
        "folder = Path(sys.argv[1])\n"
        "def tiny(one): one.outputs[0].write_bytes(one.payload[:9])\n"
        "def many(count, name):\n"
        "    for k in range(count):\n"
        "        made = Provenance('stars', '0.1.0', name, {'k': k})\n"
        "        yield Unit(f'u{k}', (folder / f'{name}{k % 100}' / f'{k}.txt',), made, bytes(100_000))\n"
        "def go(count, name): return batch.run(many(count, name), tiny, ledger=ledger.home(folder, 'stars', name))\n"
        "go(500, 'a')\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "report = go(10_000, 'b')\n"
        "print(len(report.done), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=PROGRAM.parent, capture_output=True, text=True, check=True
    )
    count, grown = map(int, done.stdout.split())
    assert count == 10_000
    assert grown < 16_000  # kB
