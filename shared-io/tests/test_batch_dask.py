"""Batches on a Dask cluster, a real one on this machine; and what is said where there is none."""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from batch_work import unit, work
from shared_io import batch, ledger
from shared_io.batch import cluster
from shared_io.errors import ExternalFailed

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A scheduler with two worker processes, which gives a unit up at the first death of its worker."""
    if importlib.util.find_spec("distributed") is None:
        pytest.skip("Dask is not installed: pip install 'shared-io[dask]'")
    import dask.config
    from dask.distributed import LocalCluster

    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        made = LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=":0")
    with made:
        yield made.scheduler_address


def test_a_cluster_writes_what_one_process_writes(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    monkeypatch.chdir(tmp_path)
    told: list[str] = []
    units = [unit(Path("far"), k, "note", outputs=2) for k in range(20)]  # relative: workers are elsewhere
    report = batch.run(units, work, scheduler=address, ledger=ledger.home("far", "stars", "try"), tell=told.append)
    assert len(report.done) == 20
    assert len(told) == 20
    batch.run([unit(Path("near"), k, outputs=2) for k in range(20)], work)
    for path in Path("near").rglob("*.txt"):
        assert path.read_bytes() == Path("far", path.relative_to("near")).read_bytes()
    report = batch.run(units, work, scheduler=address, ledger=ledger.home("far", "stars", "try"))
    assert len(report.skipped) == 20


def test_dask_alone_is_the_configured_cluster_or_one_made_for_the_run(address: str, tmp_path: Path) -> None:
    import dask.config

    units = [unit(tmp_path / "out", k) for k in range(4)]
    with dask.config.set({"scheduler-address": address}):
        assert cluster._configured() == address
        assert len(batch.run(units[:2], work, scheduler="dask").done) == 2
    assert len(batch.run(units, work, scheduler="dask", workers=2).done) == 2


def test_a_unit_that_kills_its_worker_fails_alone_on_a_cluster_too(address: str, tmp_path: Path) -> None:
    tasks = {1: "kill", 3: "fail"}
    units = [unit(tmp_path / "out", k, tasks.get(k, "")) for k in range(8)]
    report = batch.run(units, work, scheduler=address)
    assert [(e.name, e.message) for e in report.failed] == [
        ("u00001", "it killed its Dask workers, twice, the second time while it was alone"),
        ("u00003", "ValueError: two lines"),
    ]
    assert len(report.done) == 6


def test_a_worker_that_is_killed_once_loses_nothing(address: str, tmp_path: Path) -> None:
    units = [unit(tmp_path / "out", k, f"kill-once {tmp_path / 'killed'}" if k == 4 else "") for k in range(8)]
    assert len(batch.run(units, work, scheduler=address).done) == 8
    assert (tmp_path / "killed").exists()


def test_no_scheduler_there_is_one_clear_error(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_CONNECT", 0.5)
    with pytest.raises(ExternalFailed, match=r"no Dask scheduler at tcp://127.0.0.1:1: .*check the address"):
        batch.run([unit(tmp_path, 0)], work, scheduler="tcp://127.0.0.1:1")


@pytest.mark.parametrize(("where", "package"), [("tcp://a:1", "distributed"), ("slurm", "dask-jobqueue")])
def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, package: str) -> None:
    monkeypatch.setattr(cluster, "find_spec", lambda name: None if name == package.replace("-", "_") else object())
    with pytest.raises(ExternalFailed, match=f"{package}, which is not installed"):
        batch.run([unit(tmp_path, 0)], work, scheduler=where)


SBATCH = """#!/bin/sh
# Run the job here and at once, as Slurm would elsewhere and later.
cp "$1" "$(dirname "$0")/job.sh"
setsid sh "$(dirname "$0")/job.sh" > "$(dirname "$0")/job.log" 2>&1 &
echo $! > "$(dirname "$0")/job.pid"
echo "Submitted batch job $!"
"""
SCANCEL = """#!/bin/sh
for job in "$@"; do kill -TERM -"$job" 2> /dev/null; done
exit 0
"""


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands that look like Slurm's, first on PATH."""
    pytest.importorskip("dask_jobqueue", reason="pip install 'shared-io[dask]'")
    import dask_jobqueue

    assert dask_jobqueue.SLURMCluster.job_cls.submit_command == "sbatch"
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))  # the job must find what it is to run
    return folder


def test_slurm_is_asked_for_workers_and_they_end_with_the_run(slurm: Path, tmp_path: Path) -> None:
    report = batch.run([unit(tmp_path / "out", k) for k in range(6)], work, scheduler="slurm", workers=1)
    assert len(report.done) == 6
    job = int((slurm / "job.pid").read_text())
    for _ in range(300):
        try:
            os.killpg(job, 0)
        except ProcessLookupError:
            break
        time.sleep(0.05)
    else:
        raise AssertionError("the job outlives the run")
