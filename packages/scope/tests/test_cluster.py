"""Scripts for Slurm, and a real run of one."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import slurm
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_io import cli
from shared_io.errors import ExternalFailed

from scope.cli import app
from scope.cluster import Resources, array_spec, quadrant_lines, script
from scope.files import read_quadrants
from scope.lightcurves.folder import Quadrant
from scope.pipeline.cluster import at_work, missing, submit

DATA = Path(__file__).parent / "data"
BULK = "ztf_000250_zg_c01_q1_dr5.parquet"


def write(*words: str) -> int:
    return cli.execute(app, prog="generate_features_slurm", verb="generate-features-slurm", argv=list(words))


@pytest.fixture
def survey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of survey files: one good quadrant, one whose file is damaged."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "survey").mkdir()
    shutil.copy(DATA / BULK, tmp_path / "survey" / BULK)
    (tmp_path / "survey" / "ztf_000250_zg_c01_q2_dr5.parquet").write_bytes(b"PAR1 damaged PAR1")
    return tmp_path


OPTIONS = ["--light-curves", "survey", "--doCPU", "--generateQuadrantFile", "--period_algorithms", "LS", "AOV",
           "--stop_early", "--limit", "2", "--max_freq", "1.5", "--skipCloseSources", "--Ncore", "1",
           "--dirname", "out dir"]  # fmt: skip


def test_the_script_runs_the_job_of_its_own_index(survey: Path) -> None:
    assert write(*OPTIONS, "--max_instances", "7", "--job_name", "fg", "--partition_type", "all") == 0
    text = (survey / "out dir" / "slurm" / "slurm.sub").read_text()
    assert "#SBATCH --array=0-1%7\n" in text
    assert "#SBATCH --partition=all\n" in text
    assert text.rstrip().endswith('--quadrant-index "$SLURM_ARRAY_TASK_ID"')
    assert "None" not in text
    assert (survey / "out dir" / "slurm" / "slurm.dat").read_text() == "0 250 1 1\n1 250 1 2\n"


def test_the_command_in_the_script_is_understood_and_forwards_the_options(survey: Path) -> None:
    assert write(*OPTIONS, "--no-join-bands", "--min-n-lc-points", "55") == 0
    line = (survey / "out dir" / "slurm" / "slurm.sub").read_text().splitlines()[-1]
    program, *words = shlex.split(line.replace('"$SLURM_ARRAY_TASK_ID"', "0"))
    assert program == "generate_features"
    assert {"--doCPU", "--no-join-bands", "--skipCloseSources", "--stop-early"} <= set(words)
    assert words[words.index("--min-n-lc-points") + 1] == "55"
    os.chdir("/")
    assert cli.execute(app, prog=program, verb="generate-features", argv=words) == 0
    table = survey / "out dir" / "field_250" / "gen_features_field_250_ccd_1_quad_1.parquet"
    assert {"period_LS", "period_AOV"} <= set(pq.read_schema(table).names)


def test_scripts_are_not_overwritten_unasked(survey: Path) -> None:
    assert write(*OPTIONS) == 0
    assert write(*OPTIONS, "--Ncore", "2") == 6
    assert write(*OPTIONS, "--Ncore", "2", "--overwrite") == 0


def test_without_run_parallel_one_job_does_all_and_goes_on_after_a_failure(tmp_path: Path) -> None:
    program = "import sys; print(sys.argv[-1]); sys.exit(sys.argv[-1] == '1')"
    text = script(Resources(), [sys.executable, "-c", program], [0, 1, 2], most=1, parallel=False)
    assert "--array" not in text
    done = subprocess.run(["bash"], input=text, capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.returncode) == (["0", "1", "2"], 1)


@given(st.sets(st.integers(0, 5000), min_size=1, max_size=60))
def test_array_specifications_name_every_job_once(jobs: set[int]) -> None:
    text = array_spec(jobs, 5).removesuffix("%5")
    found = [k for run in text.split(",") for a, _, b in [run.partition("-")] for k in range(int(a), int(b or a) + 1)]
    assert found == sorted(jobs)


@settings(deadline=None)
@given(st.lists(st.builds(Quadrant, st.integers(0, 9999), st.integers(1, 16), st.integers(1, 4)), max_size=20))
def test_quadrant_files_come_back(quadrants: list[Quadrant]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "slurm.dat"
        path.write_text(quadrant_lines(quadrants))
        assert list(read_quadrants(path).values()) == quadrants


def test_without_slurm_the_submission_says_so(survey: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert write(*OPTIONS) == 0
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ExternalFailed, match="no squeue"):
        submit(Path("out dir"), "gen_features", "slurm.dat", most=2)


def test_nothing_missing_is_nothing_to_submit(survey: Path) -> None:
    assert write(*OPTIONS) == 0
    for quadrant in ("1", "2"):
        path = survey / "out dir" / "field_250" / f"gen_features_field_250_ccd_1_quad_{quadrant}.parquet"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert submit(Path("out dir"), "gen_features", "slurm.dat", most=2).submitted == 0


@pytest.fixture(scope="module")
def real_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    reason = slurm.why_not()
    if reason:
        pytest.skip(reason)
    with slurm.cluster(tmp_path_factory.mktemp("slurm") / "cluster") as environment:
        yield environment


@pytest.fixture
def on_slurm(real_cluster: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in real_cluster.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")


@pytest.mark.usefixtures("on_slurm")
def test_an_array_on_a_real_cluster(survey: Path) -> None:
    assert write(*OPTIONS, "--time", "00:10:00") == 0
    found = submit(Path("out dir"), "gen_features", "slurm.dat", most=2, until_done=True)
    assert (found.jobs, found.done) == (2, 1)
    assert found.submitted == 3, "the failed job is tried again once, then given up"
    assert missing(Path("out dir"), "gen_features", "slurm.dat") == ([1], 2)
    logs = "".join(path.read_text() for path in (survey / "out dir" / "slurm" / "logs").glob("*"))
    assert re.search(r"failed: field 250 ccd 1 quad 2: .*ztf_000250_zg_c01_q2_dr5\.parquet", logs)
    assert "Traceback" not in logs


def wait_for(happened: Callable[[], bool]) -> None:
    for _ in range(1200):
        if happened():
            return
        time.sleep(0.05)
    raise TimeoutError("it did not happen within a minute")


@pytest.mark.faults
@pytest.mark.usefixtures("on_slurm")
def test_a_killed_job_that_is_submitted_again_goes_on_to_the_same_bytes(
    survey: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    words = ["--light-curves", f"survey/{BULK}", "--doCPU", "--max_freq", "4", "--stop_early", "--limit", "30",
             "--period_batch_size", "5", "--skipCloseSources", "--Ncore", "1"]  # fmt: skip
    assert write(*words, "--generateQuadrantFile", "--time", "00:10:00", "--dirname", "a") == 0
    script, blocks = survey / "a" / "slurm" / "slurm.sub", survey / "a" / "field_250"
    submit(Path("a"), "gen_features", "slurm.dat", most=1)
    wait_for(lambda: len(list(blocks.glob(".*/block_*.arrow"))) >= 2)
    subprocess.run(["scancel", "--me", "--signal=KILL", "--full"], check=True)
    wait_for(lambda: not at_work(script))
    there = len(list(blocks.glob(".*/block_*.arrow")))
    assert missing(Path("a"), "gen_features", "slurm.dat") == ([0], 1)
    submit(Path("a"), "gen_features", "slurm.dat", most=1)
    wait_for(lambda: not at_work(script))
    logs = "".join(path.read_text() for path in (survey / "a" / "slurm" / "logs").glob("*.out"))
    assert f"{there} of 6 blocks were there already" in logs
    argv = [*words, "--field", "250", "--dirname", "b"]
    assert cli.execute(app, prog="generate_features", verb="generate-features", argv=argv) == 0
    one, two = (next((survey / folder / "field_250").glob("*.parquet")).read_bytes() for folder in "ab")
    assert one == two


@pytest.mark.usefixtures("on_slurm")
def test_jobs_that_are_at_work_are_not_submitted_again(survey: Path) -> None:
    assert write(*OPTIONS, "--time", "00:10:00", "--cluster_name", "the big one") == 0
    script = survey / "out dir" / "slurm" / "slurm.sub"
    assert "#SBATCH --comment='the big one'\n" in script.read_text()
    # Instead of the work: wait, so that both jobs are in the queue.
    script.write_text(re.sub(r"^generate_features .*", "sleep 60", script.read_text(), flags=re.MULTILINE))
    found = submit(Path("out dir"), "gen_features", "slurm.dat", most=2)
    assert (found.submitted, found.at_work) == (2, 0)
    assert at_work(script) == {0, 1}
    found = submit(Path("out dir"), "gen_features", "slurm.dat", most=2)
    assert (found.submitted, found.at_work) == (0, 2)
    subprocess.run(["scancel", "--me"], check=True)
    wait_for(lambda: not at_work(script))


@pytest.mark.usefixtures("on_slurm")
def test_without_run_parallel_one_job_of_slurm_does_all_quadrants(survey: Path) -> None:
    assert write(*OPTIONS, "--time", "00:10:00", "--no-runParallel") == 0
    assert "--no-runParallel" in (survey / "out dir" / "slurm" / "slurm_submission.sub").read_text()
    script = survey / "out dir" / "slurm" / "slurm.sub"
    submit(Path("out dir"), "gen_features", "slurm.dat", most=1)
    assert submit(Path("out dir"), "gen_features", "slurm.dat", most=1).submitted == 0, "it is at work"
    wait_for(lambda: not at_work(script))
    assert missing(Path("out dir"), "gen_features", "slurm.dat") == ([1], 2)
    assert len(list((survey / "out dir" / "slurm" / "logs").glob("*.out"))) == 1


@pytest.mark.usefixtures("on_slurm")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_blocks_of_a_quadrant_on_workers_asked_of_slurm(survey: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dask_jobqueue
    from dask import config

    assert dask_jobqueue.SLURMCluster.job_cls.submit_command == "sbatch"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    words = ["--light-curves", str(DATA), "--field", "250", "--skipCloseSources", "--Ncore", "1"]
    tables = []
    with config.set({"jobqueue.slurm.memory": "500MB", "jobqueue.slurm.walltime": "00:10:00"}):
        for where in ("slurm", "local"):
            argv = [*words, "--scheduler", where, "--dirname", where]
            assert cli.execute(app, prog="generate_features", verb="generate-features", argv=argv) == 0
            tables += [path.read_bytes() for path in Path(where).glob("field_250/*.parquet")]
    assert len(tables) == 2
    assert tables[0] == tables[1]
