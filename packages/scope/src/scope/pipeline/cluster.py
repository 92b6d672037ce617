"""Feature generation on a Slurm cluster: the scripts, and their submission."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from shared_io import atomic
from shared_io.errors import ExternalFailed, InputNotFound

from scope import files
from scope.cluster import Resources, array_spec, quadrant_lines, script, single_script
from scope.lightcurves.folder import Folder, Quadrant

if TYPE_CHECKING:
    from scope.kowalski.client import Service

SCRIPT, SUBMISSION = "slurm.sub", "slurm_submission.sub"


@dataclass(frozen=True)
class Scripts:
    """What was written.

    Parameters
    ----------
    script, submission, quadrant_file : str
        Files.
    jobs : int
        Jobs in the quadrant file.
    """

    script: str
    submission: str
    quadrant_file: str
    jobs: int


@dataclass(frozen=True)
class Submitted:
    """What was handed to Slurm.

    Parameters
    ----------
    jobs : int
        Jobs in the quadrant file.
    done : int
        Those whose feature table is there.
    submitted : int
        Jobs handed over in all rounds.
    at_work : int
        Jobs that were in the queue or running already.
    """

    jobs: int
    done: int
    submitted: int
    at_work: int


def write_scripts(
    dirname: Path, quadrant_file: str, forwarded: Sequence[str], submission: Sequence[str], resources: Resources, *,
    quadrants: Sequence[Quadrant] | None, most: int, parallel: bool, environment: str = "", overwrite: bool = False,
) -> Scripts:  # fmt: skip
    """Write the batch scripts into ``DIRNAME/slurm``.

    Parameters
    ----------
    dirname : pathlib.Path
        Folder of the feature tables.
    quadrant_file : str
        Name of the quadrant file in ``DIRNAME/slurm``.
    forwarded : sequence of str
        Options of generate_features.
    submission : sequence of str
        Options of generate_features_job_submission.
    resources : Resources
        What each job asks for.
    quadrants : sequence of Quadrant or None
        Write the quadrant file with these; None: it is there.
    most, parallel, environment
        See :func:`scope.cluster.script`.
    overwrite : bool
        Replace files that are there.

    Returns
    -------
    Scripts

    Raises
    ------
    InputNotFound
        Without a quadrant file or any quadrant.
    OutputExists
        When a file is there.
    """
    folder = Path(dirname) / "slurm"
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    listed = folder / quadrant_file
    if quadrants is not None:
        atomic.write_text(listed, quadrant_lines(quadrants), overwrite=overwrite)
    jobs = files.read_quadrants(listed)
    if not jobs:
        raise InputNotFound("lists no quadrant", path=listed)
    command = ["generate_features", *forwarded, "--doQuadrantFile", "--quadrant-file", str(listed.absolute())]
    text = script(resources, command, sorted(jobs), most=most, parallel=parallel, environment=environment)
    atomic.write_text(folder / SCRIPT, text, overwrite=overwrite)
    again = ["generate_features_job_submission", *submission]
    small = replace(resources, gpus=0, memory_gb=0, cpus=1)
    text = single_script(small, again, environment=environment)
    atomic.write_text(folder / SUBMISSION, text, overwrite=overwrite)
    return Scripts(str(folder / SCRIPT), str(folder / SUBMISSION), str(listed), len(jobs))


def find_quadrants(
    light_curves: Path | None, fields: Sequence[int] | None, service: Service | None, catalog: str, min_points: int
) -> list[Quadrant]:
    """Return the quadrants that there are light curves of, in order.

    Parameters
    ----------
    light_curves : pathlib.Path or None
        Survey files, whose names tell them; None: Kowalski is asked.
    fields : sequence of int or None
        Only these fields; None: all of the files.
    service : Service or None
        Kowalski.
    catalog : str
        Its collection of light curves.
    min_points : int
        Quadrants whose sources all have fewer points are left out (Kowalski).

    Raises
    ------
    InputNotFound
        When there are none.
    """
    if light_curves is None and service is not None:
        from scope.kowalski.light_curves import KowalskiSources

        if not fields:
            raise InputNotFound(
                "the fields to list are not known", hint="give --field-list, or fields_to_run in config.yaml"
            )
        return KowalskiSources(service, catalog, min_points=min_points).quadrants(fields)
    found = Folder(light_curves or Path()).named_quadrants()
    found = [q for q in found if not fields or q.field in fields]
    if not found:
        raise InputNotFound(
            "no file is named like ztf_000301_zg_c02_q4_dr5.parquet", path=light_curves,
            hint="write the quadrant file by hand: lines of 'job field ccd quad'",
        )  # fmt: skip
    return found


def missing(dirname: Path, filename: str, quadrant_file: str) -> tuple[list[int], int]:
    """Return the jobs without a feature table, and the number of all jobs."""
    jobs = files.read_quadrants(Path(dirname) / "slurm" / quadrant_file)
    return [k for k, q in jobs.items() if not files.feature_path(dirname, filename, q).exists()], len(jobs)


def submit(
    dirname: Path, filename: str, quadrant_file: str, *, most: int, until_done: bool = False, user: str = ""
) -> Submitted:
    """Submit the jobs whose feature tables are not there yet and that are not at work, as one array.

    Parameters
    ----------
    dirname, filename, quadrant_file
        Of the feature tables.
    most : int
        Jobs that may run at a time.
    until_done : bool
        Wait for the array, and submit again what failed, as long as a round finishes at least one job.
    user : str
        Whose jobs are looked for; empty: one's own.

    Returns
    -------
    Submitted

    Raises
    ------
    ExternalFailed
        When there is no Slurm, or it refuses the script.
    """
    path = Path(dirname) / "slurm" / SCRIPT
    if not path.exists():
        raise InputNotFound("there is no script", path=path, hint="run generate_features_slurm first")
    submitted = 0
    todo, total = missing(dirname, filename, quadrant_file)
    busy = at_work(path, user) if todo else set()
    todo = [job for job in todo if job not in busy]
    while todo:
        # A script without an array does all jobs in turn, by itself.
        array = [f"--array={array_spec(todo, most)}"] if "#SBATCH --array=" in path.read_text() else []
        if not array and busy:
            break
        _slurm("sbatch", *array, *(["--wait"] if until_done else []), path.name, folder=path.parent)
        submitted += len(todo)
        before = todo
        todo = [job for job in missing(dirname, filename, quadrant_file)[0] if job not in busy]
        if not until_done or len(todo) == len(before):
            break
    left, _ = missing(dirname, filename, quadrant_file)
    return Submitted(total, total - len(left), submitted, len(busy))


def at_work(path: Path, user: str = "") -> set[int]:
    """Return the jobs of a script that wait in Slurm's queue or run; one that is not an array is -1.

    Parameters
    ----------
    path : pathlib.Path
        The script.
    user : str
        Whose jobs; empty: one's own.

    Raises
    ------
    ExternalFailed
        When there is no Slurm, or it does not answer.
    """
    whose = ["--user", user] if user else ["--me"]
    queue = _slurm("squeue", "--noheader", "--array", *whose, "--format=%K %o", folder=path.parent)
    lines = [line.partition(" ") for line in queue.splitlines()]
    ours = [job for job, _, script in lines if Path(script.strip()) == path.absolute()]
    return {int(job) if job.isdecimal() else -1 for job in ours}


def _slurm(name: str, *words: str, folder: Path) -> str:
    """Run one of Slurm's programs and return what it prints."""
    program = shutil.which(name)
    if program is None:
        raise ExternalFailed(f"there is no {name} here", hint="run this where Slurm is installed")
    done = subprocess.run([program, *words], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode and "Submitted" not in done.stdout:
        raise ExternalFailed(f"{name}: {(done.stderr or done.stdout).strip()}", path=folder)
    return done.stdout
