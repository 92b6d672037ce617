"""Who writes a temporary file: names that tell, and whether that writer still lives."""

from __future__ import annotations

import ctypes
import errno
import functools
import hashlib
import os
import re
from pathlib import Path

_MARK = ".part-"
_NAME = re.compile(r"\.part-([0-9a-f]{10})-([0-9a-f]{8})-([0-9a-f]+)-(\d+)-(\d+)-([0-9a-f]{8})-")
_LONGEST = 240  # bytes; file systems allow 255, and what is made beside a temporary adds to its name
_INITIAL_NAMESPACE = f"{0xEFFFFFFC:x}"  # the pid namespace of a Linux host that is no container
_NO_REPLACE, _AT_FDCWD = 1, -100  # of renameat2(2)


def temporary_name(name: str) -> str:
    """Return a hidden name, unique to this process and call, that ends like `name`."""
    pid = os.getpid()
    head = f".part-{_host()}-{_boot()}-{_namespace()}-{pid}-{_start(pid)}-{os.urandom(4).hex()}-"
    whole = os.fsencode(name)
    tail = whole[-(_LONGEST - len(head)) :]
    return head + (name if tail == whole else tail.decode(errors="ignore"))


def is_temporary(name: str) -> bool:
    """Tell whether `name` is one of `temporary_name`, whoever its writer is."""
    return name.startswith(_MARK) and _NAME.match(name) is not None


def is_orphan(name: str, modified: float) -> bool:
    """Tell whether `name` is a temporary whose writer is known to be dead.

    Parameters
    ----------
    name
        A file name.
    modified
        When it was last written, seconds since the epoch.
    """
    found = _NAME.match(name)
    if not found:
        return False
    host, boot, namespace, pid, start = found.group(1, 2, 3, 4, 5)
    if host != _host() or namespace != _namespace():
        return False
    if boot != _boot():
        # A container's host name is no proof of the machine; for a real host it is, and what it
        # wrote before it was last started has no writer left.
        return namespace == _INITIAL_NAMESPACE and 0 < modified < _boot_time()
    return not _alive(int(pid), int(start))


def rename_noreplace(source: Path, target: Path) -> None:
    """Rename where hard links are not to be had, never replacing (Linux's renameat2).

    Raises
    ------
    FileExistsError
        When the target exists.
    OSError
        When the file system cannot do it.
    """
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        raise OSError(errno.ENOSYS, "this disk cannot create a file without the risk of replacing one")
    if call(_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), _NO_REPLACE) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), os.fspath(target))


def _alive(pid: int, start: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it exists and belongs to someone else
    if _is_zombie(pid):
        return False
    now = _start(pid)
    return start == 0 or now == 0 or now == start


def _is_zombie(pid: int) -> bool:
    """Whether a process has ended and only waits for its parent to notice."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return False
    return text.rpartition(")")[2].split()[:1] in (["Z"], ["X"])


def _start(pid: int) -> int:
    """Start time of a process in clock ticks since boot; 0 where the system does not tell."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        return int(text.rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace").strip()
    except OSError:
        return ""


@functools.cache
def _host() -> str:
    return hashlib.sha256(f"{os.uname().nodename}|{_read('/etc/machine-id')}".encode()).hexdigest()[:10]


@functools.cache
def _boot() -> str:
    return hashlib.sha256(_read("/proc/sys/kernel/random/boot_id").encode()).hexdigest()[:8]


@functools.cache
def _boot_time() -> float:
    found = re.search(r"^btime (\d+)$", _read("/proc/stat"), re.MULTILINE)
    return float(found[1]) if found else 0.0


@functools.cache
def _namespace() -> str:
    try:
        return f"{Path('/proc/self/ns/pid').stat().st_ino:x}"
    except OSError:
        return "0"
