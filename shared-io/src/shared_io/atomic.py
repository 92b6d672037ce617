"""Outputs that are whole or not there.

A file is written beside its target under a hidden temporary name, flushed to the disk, and moved into
place in one step; then the folder is flushed, and if that fails the old file is put back. Whoever looks at
the target sees the old file or the complete new one, whatever happens in between.

>>> from shared_io import atomic
>>> with atomic.atomic_path("result.csv") as temporary:  # doctest: +SKIP
...     temporary.write_text("a,b")

The name of a temporary tells who writes it (host, boot, process and its start time), so that `sweep` can
remove what dead writers left behind and leave alone what a live one is still writing, here or on
another host that shares the disk.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from shared_io import _writer
from shared_io.errors import OutputExists, SharedIOError, WriteFailed

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

__all__ = ["atomic_path", "sweep", "write_bytes", "write_many", "write_text"]

_FLUSHERS = 16  # threads that wait for the disk, which flushes what comes together in one go

_HINTS = {
    errno.ENOSPC: "free some space on that disk or choose another folder",
    errno.EDQUOT: "free some of your quota or choose another folder",
    errno.EROFS: "the disk is read-only; choose another folder",
    errno.EACCES: "choose a folder you may write to",
    errno.EPERM: "choose a folder you may write to",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOTDIR: "a part of this path is a file, not a folder",
    errno.ELOOP: "a link in this path leads back to itself",
}


@contextmanager
def atomic_path(target: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary path to write to; on success it becomes `target`.

    Parameters
    ----------
    target
        Where the file shall be. Missing folders are made. A link is followed.
    overwrite
        Whether a file already there is replaced; if not, it is never touched, not even when it
        appears while the new one is being written.

    Yields
    ------
    Path
        A path in the same folder, with the same suffixes, at which nothing exists yet.

    Raises
    ------
    OutputExists
        When the target exists and `overwrite` is False.
    WriteFailed
        When the system refuses; the temporary is removed and the target is as before.
    """
    shown = Path(target)
    with _explained(shown, None):
        final = _prepare(shown, overwrite=overwrite)
    temporary = final.with_name(_writer.temporary_name(final.name))
    try:
        with _explained(shown, temporary):
            yield temporary
            if not temporary.exists():
                raise WriteFailed("nothing was written", path=shown)
            _keep_mode(temporary, final)
            _flush(temporary)
            _publish(temporary, final, shown, overwrite=overwrite)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_bytes(target: str | os.PathLike[str], data: bytes, *, overwrite: bool = False) -> None:
    """Write bytes to a file, atomically; see `atomic_path`."""
    with atomic_path(target, overwrite=overwrite) as temporary:
        temporary.write_bytes(data)


def write_text(target: str | os.PathLike[str], text: str, *, overwrite: bool = False) -> None:
    """Write text to a file as UTF-8 with the line ends it has, atomically; see `atomic_path`."""
    write_bytes(target, text.encode(), overwrite=overwrite)


def write_many(
    files: Iterable[tuple[str | os.PathLike[str], bytes]], *, overwrite: bool = False, batch: int = 256
) -> int:
    """Write many small files, each of them whole or not there.

    To flush files one by one takes longer than all the rest. So a batch of temporaries is written, then all of
    them are flushed at once, then each is moved into place, then their folders are flushed. Not one file is in
    place before its bytes are on the disk; when the program is killed, the files of the batch are old, new or
    absent, each as a whole.

    Parameters
    ----------
    files
        Targets and their bytes; only those of one batch are held in memory.
    overwrite
        As for `atomic_path`.
    batch
        How many files are flushed together.

    Returns
    -------
    int
        How many were written.

    Raises
    ------
    OutputExists, WriteFailed
        For the first file that cannot be put in place. Those before it may be there, whole; unlike with
        `atomic_path` they are not taken back.
    """
    from concurrent.futures import ThreadPoolExecutor

    count = 0
    source = iter(files)
    with ThreadPoolExecutor(_FLUSHERS) as pool:
        while some := list(itertools.islice(source, batch)):
            _write_batch(some, pool, overwrite=overwrite)
            count += len(some)
    return count


def sweep(folder: str | os.PathLike[str]) -> list[Path]:
    """Remove the temporaries that dead writers left in a folder.

    Those of writers that are alive, or that cannot be judged because they run on another host or in
    another container, are left alone.

    Returns
    -------
    list of Path
        What was removed, sorted.
    """
    removed = []
    try:
        entries = sorted((e for e in os.scandir(folder) if _writer.is_temporary(e.name)), key=lambda e: e.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise WriteFailed(f"the folder cannot be listed: {error.strerror}", path=folder) from error
    for entry in entries:
        with contextlib.suppress(OSError):
            if entry.is_file(follow_symlinks=False) and _writer.is_orphan(entry.name, entry.stat().st_mtime):
                Path(entry.path).unlink()
                removed.append(Path(entry.path))
    return removed


def _write_batch(
    files: Sequence[tuple[str | os.PathLike[str], bytes]], pool: ThreadPoolExecutor, *, overwrite: bool
) -> None:
    waiting: list[tuple[Path, Path, Path]] = []
    try:
        for target, data in files:
            shown = Path(target)
            with _explained(shown, None):
                final = _prepare(shown, overwrite=overwrite)
            temporary = final.with_name(_writer.temporary_name(final.name))
            waiting.append((temporary, final, shown))
            with _explained(shown, temporary):
                temporary.write_bytes(data)
                _keep_mode(temporary, final)
        for _ in pool.map(_flush_named, waiting):
            pass
        _publish_batch(waiting, overwrite=overwrite)
    finally:
        for temporary, _, _ in waiting:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def _publish_batch(waiting: Sequence[tuple[Path, Path, Path]], *, overwrite: bool) -> None:
    """Move flushed temporaries into place, then flush each folder once."""
    with contextlib.ExitStack() as stack:
        folders: dict[Path, tuple[int, Path]] = {}
        for _, final, shown in waiting:
            if final.parent not in folders:
                with _explained(shown, None):
                    folders[final.parent] = os.open(final.parent, os.O_RDONLY), shown
                stack.callback(_close, folders[final.parent][0])
        for temporary, final, shown in waiting:
            with _explained(shown, temporary):
                _move(temporary, final, shown, overwrite=overwrite)
        for descriptor, shown in folders.values():
            with _explained(shown, None):
                _sync(descriptor, is_folder=True)


def _flush_named(item: tuple[Path, Path, Path]) -> None:
    temporary, _, shown = item
    with _explained(shown, temporary):
        _flush(temporary)


def _prepare(shown: Path, *, overwrite: bool) -> Path:
    """Return the real path to write, its folder made, or raise."""
    final = Path(os.path.realpath(shown)) if shown.is_symlink() else shown
    try:
        mode = final.stat().st_mode
    except FileNotFoundError:
        if not overwrite and os.path.lexists(shown):
            raise OutputExists("a link is in the way", path=shown, hint="remove it or ask to overwrite") from None
        if not final.name:
            raise WriteFailed("this is not the name of a file", path=shown) from None
        final.parent.mkdir(parents=True, exist_ok=True)
        return final
    if stat.S_ISDIR(mode):
        raise WriteFailed("a folder is in the way", path=shown, hint="give the name of a file")
    if not stat.S_ISREG(mode):
        raise WriteFailed("not a regular file (a device or a pipe)", path=shown, hint="give the name of a file")
    if not overwrite:
        raise _exists(shown)
    return final


def _exists(shown: Path) -> OutputExists:
    return OutputExists("the file is already there", path=shown, hint="choose another name or ask to overwrite")


def _publish(temporary: Path, final: Path, shown: Path, *, overwrite: bool) -> None:
    """Move the temporary into place and flush the folder; if that fails, put back what was there."""
    folder = os.open(final.parent, os.O_RDONLY)
    backup = final.with_name(_writer.temporary_name(final.name))
    kept = overwrite and _link(final, backup)
    try:
        fresh = not overwrite or not os.path.lexists(final)
        _move(temporary, final, shown, overwrite=overwrite)
        try:
            _sync(folder, is_folder=True)
        except OSError:
            with contextlib.suppress(OSError):  # if not even that is possible, the whole new file stays
                if kept:
                    backup.replace(final)
                elif fresh:
                    final.unlink()
            raise
    finally:
        _close(folder)
        if kept:
            with contextlib.suppress(OSError):
                backup.unlink(missing_ok=True)


def _close(folder: int) -> None:
    """Close a folder; there is nothing in it left to be told about."""
    with contextlib.suppress(OSError):
        os.close(folder)


def _link(source: Path, target: Path) -> bool:
    """Give a file a second name, and tell whether that was possible."""
    try:
        os.link(source, target)
    except OSError:
        return False
    return True


def _move(temporary: Path, final: Path, shown: Path, *, overwrite: bool) -> None:
    """Move the temporary into place; without `overwrite` in a way that cannot replace anything."""
    if overwrite:
        temporary.replace(final)
        return
    try:
        try:
            os.link(temporary, final)
        except OSError as error:
            if error.errno not in {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES}:
                raise
            _writer.rename_noreplace(temporary, final)
    except FileExistsError:
        raise _exists(shown) from None


def _keep_mode(temporary: Path, final: Path) -> None:
    with contextlib.suppress(OSError):
        temporary.chmod(stat.S_IMODE(final.stat().st_mode))


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        _sync(descriptor, is_folder=False)
    finally:
        os.close(descriptor)


def _sync(descriptor: int, *, is_folder: bool) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network and container file systems cannot flush a folder; a file must be flushed.
        if not is_folder or error.errno not in {errno.EINVAL, errno.EBADF, errno.ENOTSUP}:
            raise


@contextmanager
def _explained(shown: Path, temporary: Path | None) -> Iterator[None]:
    """Turn errors of the system that concern the output into `WriteFailed`."""
    try:
        yield
    except SharedIOError:
        raise
    except OSError as error:
        about = error.filename
        if temporary is not None and isinstance(about, str | os.PathLike) and not _concerns(about, temporary):
            raise
        reason = error.strerror or str(error) or type(error).__name__
        failed = WriteFailed(f"cannot be written: {reason}", path=shown, hint=_HINTS.get(error.errno or 0, ""))
        failed.errno = error.errno
        raise failed from error


def _concerns(path: str | os.PathLike[str], temporary: Path) -> bool:
    """Tell whether a path is that of the temporary, of what is made beside it, or of their folder."""
    about = Path(path)
    return about == temporary.parent or (about.parent == temporary.parent and about.name.startswith(temporary.name))
