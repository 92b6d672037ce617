"""A real Slurm cluster of one node, for as long as a test takes."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "sinfo", "scontrol")

CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={home}/munge.socket
CredType=cred/munge
SlurmctldPort={port}
SlurmdPort={other}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
StateSaveLocation={home}/state
SlurmdSpoolDir={home}/spool
SlurmctldPidFile={home}/slurmctld.pid
SlurmdPidFile={home}/slurmd.pid
SlurmctldLogFile={home}/slurmctld.log
SlurmdLogFile={home}/slurmd.log
MpiDefault=none
SwitchType=switch/none
NodeName={host} CPUs={cpus} RealMemory=2000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def why_not() -> str | None:
    """Return why no cluster can be started here, or None."""
    if os.geteuid() != 0:
        return "starting Slurm needs root"
    absent = [name for name in PROGRAMS if _which(name) is None]
    return f"Slurm is not installed: no {', '.join(absent)} (Debian: slurm-wlm, munge)" if absent else None


@contextmanager
def cluster(home: Path) -> Iterator[dict[str, str]]:
    """Start the daemons in `home` and yield the environment in which Slurm's commands find them."""
    for name in ("state", "spool"):
        (home / name).mkdir(parents=True)
    key = home / "munge.key"
    key.write_bytes(secrets.token_bytes(1024))
    key.chmod(0o400)
    host = socket.gethostname().split(".")[0]
    text = CONFIGURATION.format(host=host, home=home, port=_free_port(), other=_free_port(), cpus=os.cpu_count())
    (home / "slurm.conf").write_text(text)
    environment = {**os.environ, "SLURM_CONF": str(home / "slurm.conf")}
    endings = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    munge = [f"--{name}={home}/munge.{end}" for name, end in endings.items()]
    _start("munged", "--force", *munge, environment=environment)
    try:
        _start("slurmctld", environment=environment)
        _start("slurmd", environment=environment)
        _wait_until_idle(environment)
        yield environment
    finally:
        subprocess.run([str(_which("scontrol")), "shutdown"], env=environment, capture_output=True, check=False)
        _stop(home / "munge.pid")


def _start(name: str, *words: str, environment: dict[str, str]) -> None:
    subprocess.run([str(_which(name)), *words], env=environment, check=True, capture_output=True, timeout=30)


def _wait_until_idle(environment: dict[str, str]) -> None:
    for _ in range(120):
        done = subprocess.run(
            [str(_which("sinfo")), "-h", "-o", "%T"], env=environment, capture_output=True, text=True, check=False
        )
        if "idle" in done.stdout:
            return
        time.sleep(0.5)
    raise TimeoutError(f"the node did not become idle: {done.stdout}{done.stderr}")


def _stop(pid: Path) -> None:
    if pid.exists():
        os.kill(int(pid.read_text()), 15)


def _which(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("", 0))
        return int(found.getsockname()[1])
