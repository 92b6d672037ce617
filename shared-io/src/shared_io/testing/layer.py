"""The system calls by which Python writes below a folder, counted, and failed or made fatal at the k-th.

>>> import errno, tempfile
>>> from shared_io import atomic
>>> from shared_io.testing import layer
>>> with tempfile.TemporaryDirectory() as folder, layer.Layer(folder) as seen:
...     atomic.write_text(f"{folder}/a.txt", "hello")
>>> seen.calls
['mkdir', 'open', 'write', 'close', 'open', 'fsync', 'open', 'link', 'fsync', 'unlink']

What libraries write in C is not seen here; for that there is `shared_io.testing.strace`.
"""

from __future__ import annotations

import builtins
import io
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest import mock

__all__ = ["ACTIONS", "Layer", "count"]

_BY_PATH = ("open", "replace", "rename", "link", "unlink", "mkdir", "chmod", "truncate")
_BY_DESCRIPTOR = ("write", "pwrite", "fsync", "fdatasync", "ftruncate")
ACTIONS = ("before", "half", "after")


class Layer(AbstractContextManager["Layer"]):
    """Watches the calls below a folder while its ``with`` block runs.

    Parameters
    ----------
    folder
        Calls that concern other places are left alone.
    at
        The number of the call to act at, from 0; None only counts.
    code
        The errno to fail with; None kills the process (SIGKILL).
    when
        ``before`` the call, ``after`` it, or with ``half`` of the bytes of a write done.
    lasting
        Whether all later calls (but for removing files) fail too.

    Attributes
    ----------
    calls : list of str
        The calls seen.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        at: int | None = None,
        code: int | None = None,
        when: str = "before",
        lasting: bool = False,
    ) -> None:
        self._folder = os.path.realpath(folder)
        self._at, self._code, self._when, self._lasting = at, code, when, lasting
        self.calls: list[str] = []
        self._patches: list[Any] = []

    def __enter__(self) -> Layer:
        self._patches = [mock.patch.object(os, name, self._path_call(name)) for name in _BY_PATH]
        self._patches += [mock.patch.object(os, name, self._descriptor_call(name)) for name in _BY_DESCRIPTOR]
        opener = self._opener(io.open)
        self._patches += [mock.patch.object(io, "open", opener), mock.patch.object(builtins, "open", opener)]
        for patch in self._patches:
            patch.start()
        return self

    def __exit__(self, *_: object) -> None:
        for patch in reversed(self._patches):
            patch.stop()

    def act(self, name: str, call: Callable[[], Any], half: Callable[[], Any] | None = None) -> Any:
        """Count a call and make it, fail it, or die."""
        number = len(self.calls)
        self.calls.append(name)
        later = self._lasting and self._at is not None and number > self._at and name not in ("unlink", "close")
        if number != self._at and not later:
            return call()
        if self._when == "half" and half is not None:
            half()
        result = call() if self._when == "after" else None
        if self._code is None:
            os.kill(os.getpid(), signal.SIGKILL)
        if name == "close":
            call()
        if self._code is not None and self._when != "after":
            raise OSError(self._code, os.strerror(self._code))
        return result

    def concerns(self, path: Any) -> bool:
        """Tell whether a path or descriptor lies below the folder."""
        if isinstance(path, int):
            try:
                path = os.readlink(f"/proc/self/fd/{path}")  # noqa: PTH115  (pathlib is being watched)
            except OSError:
                return False
        where = os.path.abspath(os.fsdecode(path))  # noqa: PTH100  (links are not followed)
        return where == self._folder or where.startswith(self._folder + os.sep)

    def _path_call(self, name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def call(path: Any, *args: Any, **kwargs: Any) -> Any:
            if not self.concerns(path):
                return real(path, *args, **kwargs)
            with _named(path):
                return self.act(name, lambda: real(path, *args, **kwargs))

        return call

    def _descriptor_call(self, name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def call(descriptor: int, *args: Any) -> Any:
            if not self.concerns(descriptor):
                return real(descriptor, *args)
            half = None
            if "write" in name:
                start = args[0][: len(args[0]) // 2]
                half = lambda: real(descriptor, start, *args[1:])  # noqa: E731
            return self.act(name, lambda: real(descriptor, *args), half)

        return call

    def _opener(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def opener(file: Any, mode: str = "r", buffering: int = -1, *args: Any, **kwargs: Any) -> Any:
            if isinstance(file, int) or not self.concerns(file):
                return real(file, mode, buffering, *args, **kwargs)
            flags = mode.replace("b", "").replace("t", "")
            if (special := kwargs.pop("opener", None)) is not None:  # it calls os.open, which is seen
                raw = _Raw(file, flags, self, special)
            else:
                with _named(file):
                    raw = self.act("open", lambda: _Raw(file, flags, self))
            return _wrapped(raw, mode, buffering, *args, **kwargs)

        return opener


class _Raw(io.FileIO):
    """An unbuffered file whose writes are seen."""

    def __init__(self, file: Any, mode: str, layer: Layer, opener: Any = None) -> None:
        super().__init__(file, mode, opener=opener)
        self._layer = layer

    def write(self, data: Any) -> int:
        whole = memoryview(data).cast("B")
        write = super().write
        return int(self._layer.act("write", lambda: write(whole), lambda: write(whole[: len(whole) // 2])))

    def truncate(self, size: int | None = None) -> int:
        truncate = super().truncate
        return int(self._layer.act("ftruncate", lambda: truncate(size)))

    def close(self) -> None:
        close = super().close
        if self.closed or not self.writable():
            close()
        else:
            self._layer.act("close", close)


def _wrapped(raw: _Raw, mode: str, buffering: int, *args: Any, **kwargs: Any) -> Any:
    """Put the buffers that ``open`` would put around an unbuffered file."""
    if buffering == 0:
        return raw
    if raw.readable() and raw.writable():
        buffered: Any = io.BufferedRandom(raw)
    else:
        buffered = io.BufferedWriter(raw) if raw.writable() else io.BufferedReader(raw)
    return buffered if "b" in mode else io.TextIOWrapper(buffered, *args, **kwargs)


@contextmanager
def _named(path: Any) -> Iterator[None]:
    """Put the path into an error, as the system's own calls do."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = os.fspath(path) if not isinstance(path, int) else path
        raise


def count(folder: str | os.PathLike[str], task: Callable[[], Any]) -> list[str]:
    """Return the calls that a function makes below a folder."""
    with Layer(folder) as seen:
        task()
    return seen.calls
