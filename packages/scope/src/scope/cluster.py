"""Batch scripts for Slurm: one array of jobs, a quadrant each."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scope.lightcurves.folder import Quadrant


@dataclass(frozen=True)
class Resources:
    """What a job asks of the cluster; empty texts and zeros are left to the cluster's defaults.

    Parameters
    ----------
    job_name, partition, account, mail_user, time : str
        As Slurm's options of these names.
    nodes, gpus, cpus : int
        Nodes and GPUs of a job, cores of a task.
    memory_gb : int
        Memory of a job [GB].
    output : str
        Folder of the jobs' logs.
    comment : str
        What Slurm keeps with the jobs as their comment.
    """

    job_name: str = "ztf_fg"
    partition: str = ""
    account: str = ""
    mail_user: str = ""
    time: str = "48:00:00"
    nodes: int = 1
    gpus: int = 0
    cpus: int = 1
    memory_gb: int = 0
    output: str = "logs"
    comment: str = ""

    def directives(self) -> list[str]:
        """Return the lines that Slurm reads."""
        wanted = {
            "job-name": self.job_name, "partition": self.partition, "account": self.account, "nodes": self.nodes,
            "ntasks-per-node": 1, "cpus-per-task": self.cpus, "gpus": self.gpus, "time": self.time,
            "mem": f"{self.memory_gb}G" if self.memory_gb else "", "mail-user": self.mail_user,
            "mail-type": "ALL" if self.mail_user else "", "comment": self.comment,
        }  # fmt: skip
        return [f"#SBATCH --{name}={shlex.quote(str(value))}" for name, value in wanted.items() if value]


def array_spec(jobs: Iterable[int], most: int) -> str:
    """Return job numbers in the form of Slurm's ``--array``, e.g. ``0-3,7%20``.

    Parameters
    ----------
    jobs : iterable of int
        Job numbers.
    most : int
        Jobs that may run at a time.

    Raises
    ------
    ValueError
        Without any job.
    """
    ordered = sorted(set(jobs))
    if not ordered:
        raise ValueError("there is no job to run")
    runs: list[list[int]] = []
    for job in ordered:
        if runs and job == runs[-1][1] + 1:
            runs[-1][1] = job
        else:
            runs.append([job, job])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs) + f"%{most}"


def script(
    resources: Resources, command: Sequence[str], jobs: Sequence[int], *, most: int, parallel: bool = True,
    environment: str = "",
) -> str:  # fmt: skip
    """Return the batch script that runs a command for each job of a quadrant file.

    Parameters
    ----------
    resources : Resources
        What each job asks for.
    command : sequence of str
        Program and options; ``--quadrant-index JOB`` is added.
    jobs : sequence of int
        Job numbers.
    most : int
        Jobs that may run at a time.
    parallel : bool
        An array of jobs; otherwise one job that does them in turn and goes on after one that fails.
    environment : str
        Conda or virtual environment to activate first; empty: none.

    Returns
    -------
    str
    """
    array = [f"#SBATCH --array={array_spec(jobs, most)}"] if parallel else []
    lines = _head(resources, "%x_%A_%a" if parallel else "%x_%j", environment, array)
    words = shlex.join(command)
    if parallel:
        lines.append(f'{words} --quadrant-index "$SLURM_ARRAY_TASK_ID"')
    else:
        lines += [
            "failed=0",
            f"for QID in {' '.join(map(str, jobs))}; do",
            f'    {words} --quadrant-index "$QID" || failed=1',
            "done",
            "exit $failed",
        ]
    return "\n".join(lines) + "\n"


def single_script(resources: Resources, command: Sequence[str], *, environment: str = "") -> str:
    """Return the batch script that runs a command once; see :func:`script`."""
    return "\n".join([*_head(resources, "%x_%j", environment, []), shlex.join(command)]) + "\n"


def _head(resources: Resources, log: str, environment: str, more: Sequence[str]) -> list[str]:
    """Return all lines before the command; `log` names the log files."""
    streams = (("output", "out"), ("error", "err"))
    logs = [f"#SBATCH --{name}={shlex.quote(f'{resources.output}/{log}.{end}')}" for name, end in streams]
    activation = [_activation(environment), ""] if environment else []
    return ["#!/bin/bash", *resources.directives(), *logs, *more, "", *activation]


def _activation(environment: str) -> str:
    """Return the line that activates an environment: a folder is a virtual one, a bare name Conda's."""
    if "/" in environment:
        return f"source {shlex.quote(environment)}/bin/activate"
    return f'eval "$(conda shell.bash hook)" && conda activate {shlex.quote(environment)}'


def quadrant_lines(quadrants: Iterable[Quadrant]) -> str:
    """Return a quadrant file: lines of job, field, CCD and quadrant; jobs are numbered from 0."""
    return "".join(f"{job} {q.field} {q.ccd} {q.quad}\n" for job, q in enumerate(quadrants))
