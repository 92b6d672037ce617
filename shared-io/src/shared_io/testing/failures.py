"""Writes on disks that fail: at every system call, with every errno; beyond a size; on a disk that is full.

Whatever fails, the write must end in a `WriteFailed` with the old file in place and nothing beside it,
or succeed with the whole new file (where a call failed that does not matter, such as copying the
permissions). A success with the old file in place, or an error with the new one, is wrong; but where many
files are written at once, those that are in place are not taken back.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from shared_io.testing import child, layer, strace
from shared_io.testing.tally import Tally
from shared_io.testing.writers import NEW, WRITERS, Writer, pristine

__all__ = ["CODES", "COLUMNS", "run"]

CODES = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS, errno.EMFILE)
COLUMNS = ("refused", "done", "not taken back")
_MISLEADING = ("SchemaMismatch", "CorruptInput")  # blame the content, where the disk failed
_NEWNS, _NEWUSER, _PRIVATE = 0x00020000, 0x10000000, 1 << 18 | 1 << 14

# What is done to a write: a row of the table, a description, and the write under that condition.
Trial = tuple[str, str, Callable[[], child.Ending]]


def run(
    seed: int,
    share: float = 1.0,
    writers: Sequence[Writer] = WRITERS,
    part: int = 0,
    parts: int = 1,
) -> Tally:
    """Fail writes and count what came of them.

    Parameters
    ----------
    seed
        Of the choice of trials when not all are made.
    share
        Of all trials, how many to make.
    writers
        What is written.
    part, parts
        Do only every `parts`-th trial, from `part` on.
    """
    tally = Tally("failing disks", COLUMNS)
    rng = np.random.default_rng(seed)
    traceable = strace.available()
    with tempfile.TemporaryDirectory(prefix="shared-io-failures-") as root:
        number = 0
        for writer in writers:
            folder = Path(root, writer.name.replace(" ", "-"))
            folder.mkdir()
            for row, what, trial in _trials(writer, folder, traceable):
                number += 1
                if number % parts == part and rng.random() < share:
                    writer.prepare(folder)
                    ending = trial()
                    tally.add(row, *judge(writer, folder, ending, what))
                elif number % parts != part:
                    rng.random()
    return tally


def judge(writer: Writer, folder: Path, ending: child.Ending, what: str) -> tuple[str, str]:
    """Return what came of a write that was made to fail, and the whole story."""
    path = folder / f"target{writer.suffix}"
    state = writer.state(path)
    story = f"{writer.name}, {what}: {ending.error or 'no error'}; then {state}"
    others = sorted(p.name for p in folder.iterdir() if p != path)
    for name in others:
        (folder / name).unlink()
    if others:
        return "wrong", f"{story}; left behind: {', '.join(others)}"
    if ending.signal or ending.timeout:
        return "wrong", f"{story}; signal {ending.signal}, timeout {ending.timeout}"
    if ending.error:
        if not ending.typed or ending.error.startswith(_MISLEADING) or state not in ("old", "new"):
            return "wrong", story
        return ("refused" if state == "old" else "wrong" if writer.taken_back else "not taken back"), story
    return ("done" if state == "new" else "wrong"), story


def _trials(writer: Writer, folder: Path, traceable: bool) -> Iterator[Trial]:
    path = writer.prepare(folder)
    yield from _layered(writer, path)
    yield from _sized(writer, path)
    yield from _full(writer, path)
    if traceable:
        yield from _injected(writer, path)


def _layered(writer: Writer, path: Path) -> Iterator[Trial]:
    """Fail each call that Python makes, once or from then on, also in the middle of a write."""
    folder = path.parent
    calls = child.run(lambda: layer.count(folder, lambda: writer.overwrite(path))).value
    moved = len(calls) - calls[::-1].index("replace") if "replace" in calls else len(calls)
    for at, call in enumerate(calls):
        if call == "unlink":
            continue  # what cannot be removed stays behind by nature
        half = [{"when": "half"}] if "write" in call else []
        # Nothing can be put back on a disk that refuses everything after the file was moved.
        lasting = [{"lasting": True}] if at < moved else []
        for code in CODES:
            for how in ({}, *lasting, *half):
                yield (
                    f"layer {errno.errorcode[code]}",
                    f"{errno.errorcode[code]} at call {at} ({call}) {how or ''}",
                    lambda at=at, code=code, how=how: child.run(  # type: ignore[misc]
                        lambda: _under(layer.Layer(folder, at=at, code=code, **how), writer, path)
                    ),
                )


def _injected(writer: Writer, path: Path) -> Iterator[Trial]:
    """Fail each call that any library makes."""
    _, lines = strace.traced(lambda: writer.overwrite(path))
    for call, which in strace.seen(lines, path.parent):
        for code in CODES:
            name = errno.errorcode[code]
            yield (
                f"strace {name}",
                f"{name} at {call} number {which}",
                lambda call=call, which=which, name=name: strace.traced(  # type: ignore[misc]
                    lambda: writer.overwrite(path), inject=f"{call}:error={name}:when={which}"
                )[0],
            )


def _sized(writer: Writer, path: Path) -> Iterator[Trial]:
    """Let no file grow beyond a size (RLIMIT_FSIZE)."""
    size = pristine(writer, NEW).stat().st_size
    for cap in sorted({0, 1, 1000, size // 4, size // 2, size - 1}):

        def task(cap: int = cap) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (cap, resource.RLIM_INFINITY))
            writer.overwrite(path)

        yield "file size limit", f"no more than {cap} bytes", lambda task=task: child.run(task)  # type: ignore[misc]


def _full(writer: Writer, path: Path) -> Iterator[Trial]:
    """Write on a small disk of its own (tmpfs) that holds the old file and too little besides."""
    size = pristine(writer, NEW).stat().st_size
    for spare in sorted({1, size // 8192, size // 4096 - 1}):
        for inodes in (0, 3):

            def task(spare: int = spare, inodes: int = inodes) -> bytes:
                old = path.read_bytes()
                pages = -(-len(old) // 4096) + max(1, spare)
                _mount(path.parent, f"size={pages * 4096},nr_inodes={inodes}")
                path.write_bytes(old)
                try:
                    writer.overwrite(path)
                except Exception as error:
                    left = sorted(p.name for p in path.parent.iterdir())
                    if left != [path.name] or path.read_bytes() != old:
                        raise AssertionError(f"after {error!r} the disk holds {left}") from error
                    raise
                return path.read_bytes()

            yield "full disk", f"{spare} pages left", lambda task=task: _on_disk(task, path)  # type: ignore[misc]


def _on_disk(task: Callable[[], bytes], path: Path) -> child.Ending:
    ending = child.run(task)
    if ending.value is not None:
        path.write_bytes(ending.value)
    return ending


def _under(watched: layer.Layer, writer: Writer, path: Path) -> None:
    with watched:
        writer.overwrite(path)


def _mount(folder: Path, options: str) -> None:
    """Mount a tmpfs over a folder, seen by this process alone."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if libc.unshare(_NEWNS | (_NEWUSER if user else 0)):
        raise OSError(ctypes.get_errno(), "no mounts of its own")
    if user:
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
            Path(f"/proc/self/{name}").write_text(text)
    arguments: list[Any] = [(None, b"/", None, _PRIVATE, None)]
    arguments.append((b"tmpfs", os.fsencode(folder), b"tmpfs", 0, options.encode()))
    for source, target, kind, flags, data in arguments:
        if libc.mount(source, target, kind, ctypes.c_ulong(flags), data):
            raise OSError(ctypes.get_errno(), "no mounting here")
