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


ASKED = {
    "mail_user": (["--mail_user", "me@example.org"], {"mail-user": "me@example.org", "mail-type": "ALL"}),
    "account_name": (["--account_name", "umn131"], {"account": "umn131"}),
    "memory_GB": (["--memory_GB", "64"], {"mem": "64G"}),
    "nodes": (["--nodes", "2"], {"nodes": "2"}),
    "gpus": (["--gpus", "3"], {"gpus": "3"}),
    "doGPU": (["--doGPU"], {"gpus": "1"}),
    "device": (["--device", "cuda"], {"gpus": "1"}),
    "cluster_name": (["--cluster_name", "expanse"], {"comment": "expanse"}),
    "time": (["--time", "04:00:00"], {"time": "04:00:00"}),
}
"""Options of the cluster, and the lines for Slurm that they make."""


def directives(text: str) -> dict[str, str]:
    return dict(line[len("#SBATCH --") :].split("=", 1) for line in text.splitlines() if line.startswith("#SBATCH"))


@pytest.mark.parametrize("name", ASKED)
def test_an_option_of_the_cluster_changes_its_lines_alone(survey: Path, name: str) -> None:
    more, lines = ASKED[name]
    base = [word for word in OPTIONS if word != "--doCPU"]
    found = []
    for words in (base, [*base, *more]):
        assert write(*words, "--overwrite") == 0
        found.append(directives((survey / "out dir" / "slurm" / "slurm.sub").read_text()))
    without, given = found
    assert {key: value for key, value in given.items() if without.get(key) != value} == lines
    assert set(without) <= set(given)


@pytest.mark.parametrize("path", ["an env", ""], ids=["with", "without"])
def test_the_environment_is_activated_before_the_program_runs(survey: Path, path: str) -> None:
    """Slurm's lines are comments to the shell: the script runs without Slurm."""
    for folder, says in (("an env/bin", "the environment's"), ("outside", "the system's")):
        program = survey / folder / "generate_features"
        program.parent.mkdir(parents=True)
        program.write_text(f'#!/bin/bash\necho "{says} $*"\n')
        program.chmod(0o755)
    (survey / "an env" / "bin" / "activate").write_text(f'PATH="{survey}/an env/bin:$PATH"\n')
    words = ["--python_env_name", str(survey / path)] if path else []
    assert write(*OPTIONS, *words) == 0
    environment = {"PATH": f"{survey}/outside:{os.environ['PATH']}", "SLURM_ARRAY_TASK_ID": "1"}
    sub = survey / "out dir" / "slurm" / "slurm.sub"
    done = subprocess.run(["bash", sub], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("the environment's" if path else "the system's")
    assert done.stdout.rstrip().endswith("--quadrant-index 1")


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
def test_the_loop_waits_for_jobs_that_are_at_work_and_gives_up_those_that_fail(survey: Path) -> None:
    assert write(*OPTIONS, "--time", "00:10:00") == 0
    script = survey / "out dir" / "slurm" / "slurm.sub"
    script.write_text(re.sub(r"^generate_features .*", "sleep 3", script.read_text(), flags=re.MULTILINE))
    assert submit(Path("out dir"), "gen_features", "slurm.dat", most=2).submitted == 2
    looks: list[float] = []
    sleep = time.sleep

    def look(seconds: float) -> None:
        looks.append(seconds)
        sleep(0.3)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scope.pipeline.cluster.time.sleep", look)
        found = submit(Path("out dir"), "gen_features", "slurm.dat", most=2, until_done=True, wait=90.0)
    assert (found.done, found.at_work) == (0, 2)
    assert found.submitted == 2  # once, when the first ones had left no table
    assert set(looks) == {90.0}
    assert not at_work(script)


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
