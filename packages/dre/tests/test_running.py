"""Several images at a time, and runs that are killed: always the bytes of one undisturbed run."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from shared_io import cli, ledger
from survey import MODELS, write_tile

from dre.cli import app

OUTPUTS = ("Sextracted", "PSF", "Cuts", "Chi", "Profiles")
ROAD = (
    "sex_dre --engine sep", "psfex_dre --engine stars", "make_cuts", "dre fit small.fits --statistic dre --mosaics",
    "dre fit small.fits --summary Profiles",
)  # fmt: skip
TILES = 2


@pytest.fixture(scope="session")
def tiles(tmp_path_factory, skies) -> Path:
    """A working folder with several tiles and a small grid of models."""
    folder = tmp_path_factory.mktemp("tiles")
    for k in range(TILES):
        write_tile(folder / "Tiles" / f"t{k}.fits", skies[k % 2].image[: 400 - 16 * k])
    here(folder, f"dre {MODELS}")
    return folder


@pytest.fixture(scope="session")
def undisturbed(tiles, tmp_path_factory) -> Path:
    """The same folder after all steps, one image after another."""
    folder = tmp_path_factory.mktemp("undisturbed") / "survey"
    shutil.copytree(tiles, folder)
    for line in ROAD:
        here(folder, line)
    return folder


def here(folder: Path, line: str) -> str:
    """Run a command line in this process, which starts faster than a program."""
    program, *words = line.split()
    verb = {"sex_dre": "sex", "psfex_dre": "psfex", "make_cuts": "cuts"}.get(program)
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        code = cli.execute(app, prog=program, verb=verb, default_verb=None if verb else "fit", argv=words)
    assert code == 0, out.getvalue() + errors.getvalue()
    return out.getvalue()


def start(folder: Path, line: str) -> subprocess.Popen[str]:
    """Start one of the installed programs, the leader of a process group."""
    program, *words = line.split()
    command = [str(Path(sys.executable).with_name(program)), *words]
    return subprocess.Popen(
        command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )


def finished(process: subprocess.Popen[str], code: int) -> str:
    out, errors = process.communicate(timeout=120)
    assert process.returncode == code, out + errors
    return out


def fingerprints(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".ledger"
    }


def test_two_workers_write_the_bytes_of_one(tiles, undisturbed, tmp_path):
    shutil.copytree(tiles, tmp_path / "survey")
    for line in ROAD:
        here(tmp_path / "survey", f"{line} --workers 2")
    assert fingerprints(tmp_path / "survey") == fingerprints(undisturbed)


@pytest.mark.parametrize(("step", "workers", "products"), [(0, 2, 0), (2, 2, 1), (3, 1, 1), (4, 2, 1)])
def test_a_run_that_is_killed_is_resumed_to_the_same_bytes(undisturbed, tmp_path, step, workers, products):
    folder = before(step, undisturbed, tmp_path)
    process = start(folder, f"{ROAD[step]} --workers {workers}")
    wait_for(folder / OUTPUTS[step], products, process)
    process.kill()
    process.communicate()
    wait_for_nobody(process.pid)
    here(folder, ROAD[step])
    assert fingerprints(folder) == fingerprints(undisturbed)
    assert here(folder, ROAD[step]) == f"{TILES} skipped\n"


def test_an_interruption_leaves_no_temporaries_and_can_be_resumed(undisturbed, tmp_path):
    folder = before(0, undisturbed, tmp_path)
    process = start(folder, f"{ROAD[0]} --workers 2")
    wait_for(folder / "Sextracted", 1, process)
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does: to all processes of the terminal
    _, errors = process.communicate(timeout=60)
    assert process.returncode in (0, 130)
    assert "Traceback" not in errors, errors
    assert not list(folder.rglob(".part-*"))
    here(folder, ROAD[0])
    assert fingerprints(folder) == fingerprints(undisturbed)


def before(step: int, undisturbed: Path, tmp_path: Path) -> Path:
    """A copy of the folder, in which a step is still to be done."""
    folder = tmp_path / "survey"
    shutil.copytree(undisturbed, folder)
    shutil.rmtree(folder / OUTPUTS[step])
    if OUTPUTS[step] == "Chi":
        shutil.rmtree(folder / "Summary")
        shutil.rmtree(folder / "Mosaics")
    return folder


def test_a_damaged_product_is_made_again(undisturbed, tmp_path):
    folder = tmp_path / "survey"
    shutil.copytree(undisturbed, folder)
    chi = folder / "Chi" / "t0_chi.h5"
    whole = chi.read_bytes()
    middle = len(whole) // 2
    chi.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    assert "1 done, 1 skipped" in here(folder, ROAD[3])
    assert chi.read_bytes() == whole


def test_a_users_file_in_the_place_of_a_product_is_refused(undisturbed, tmp_path):
    folder = tmp_path / "survey"
    shutil.copytree(undisturbed, folder)
    (folder / "Cuts" / "t0_cuts.h5").write_text("mine")
    assert "t0_cuts.h5 is in the way" in finished(start(folder, ROAD[2]), 6)
    assert (folder / "Cuts" / "t0_cuts.h5").read_text() == "mine"


def test_each_step_has_its_ledger(undisturbed):
    for verb, output in (("sex", "Sextracted"), ("psfex", "PSF"), ("cuts", "Cuts"), ("fit", "Chi")):
        kinds = [record["kind"] for record in ledger.records(ledger.home(undisturbed / output, "dre", verb))]
        assert kinds.count("start") == 1
        assert kinds.count("done") == TILES


def test_an_unknown_scheduler_is_a_usage_error_and_dask_is_named_where_it_is_missing(run, survey):
    assert run(survey, "sex_dre --engine sep --scheduler mars")[0] == 2
    assert "tcp://" in run.errors
    assert run(survey, "sex_dre --engine sep --scheduler none")[0] == 0
    if not shutil.which("dask", path=str(Path(sys.executable).parent)):
        assert run(survey, "sex_dre --engine sep -o Far --scheduler tcp://localhost:1")[0] == 5
        assert "shared-io[dask]" in run.errors


def wait_for(folder: Path, products: int, process: subprocess.Popen[str]) -> None:
    """Wait until a run has begun and written some products."""
    while process.poll() is None:
        if list(folder.glob(".dre-*.ledger")) and len(list(folder.glob("t*"))) >= products:
            return
        time.sleep(0.002)


def wait_for_nobody(group: int) -> None:
    """Wait until the orphans of a killed run have noticed."""
    for _ in range(500):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)
    raise AssertionError("workers outlive their parent")
