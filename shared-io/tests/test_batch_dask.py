"""Batches on a Dask cluster, a real one on this machine; and what is said where there is none."""

from __future__ import annotations

import importlib.util
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
        made = LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None)
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


def test_a_unit_that_kills_its_worker_fails_alone_on_a_cluster_too(address: str, tmp_path: Path) -> None:
    tasks = {1: "kill", 3: "fail", 4: f"kill-once {tmp_path / 'killed'}"}
    units = [unit(tmp_path / "out", k, tasks.get(k, "")) for k in range(8)]
    report = batch.run(units, work, scheduler=address)
    assert [(e.name, e.message) for e in report.failed] == [
        ("u00001", "it killed its Dask workers, twice, the second time while it was alone"),
        ("u00003", "ValueError: two lines"),
    ]
    assert len(report.done) == 6


def test_no_scheduler_there_is_one_clear_error(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_CONNECT", 0.5)
    with pytest.raises(ExternalFailed, match=r"no Dask scheduler at tcp://127.0.0.1:1: .*check the address"):
        batch.run([unit(tmp_path, 0)], work, scheduler="tcp://127.0.0.1:1")


@pytest.mark.parametrize(("where", "package"), [("tcp://a:1", "distributed"), ("slurm", "dask-jobqueue")])
def test_a_missing_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, package: str
) -> None:
    monkeypatch.setattr(cluster, "find_spec", lambda name: None if name == package.replace("-", "_") else object())
    with pytest.raises(ExternalFailed, match=f"{package}, which is not installed"):
        batch.run([unit(tmp_path, 0)], work, scheduler=where)
