"""The journal of a run: what became of each unit, and exactly which bytes it left.

One ledger belongs to one output folder and one verb of a tool; `home` says where it lies
(``Chi/.dre-fit.ledger``). It is a text file that only grows, a JSON object a line::

    {"kind":"start","format":1,"time":1700000000,"check":"0f3a..."}
    {"kind":"begun","unit":"tile7","key":"5c1e...","outputs":["tile7_chi.h5"],"check":"88d0..."}
    {"kind":"done","unit":"tile7","key":"5c1e...","outputs":["tile7_chi.h5"],"seals":[[812,"9d2b...","8948..."]],"check":"..."}

``check`` covers the line and the ``check`` of the line before it, so that a line that is altered, lost or moved is
noticed. Lines are durable (fsync) before anything is reported done. A last line without its end is what a killed
run leaves and is dropped; any other damage is refused. Paths are relative to the ledger's folder, which may
therefore be moved. Nothing is ever deleted or rewritten.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from shared_io import _lock, _source
from shared_io.atomic import _flush
from shared_io.errors import CorruptInput, WriteFailed

if TYPE_CHECKING:
    import io

__all__ = ["Ledger", "Record", "Seal", "home", "records"]

Kind = Literal["begun", "done", "failed"]

_FORMAT = 1
_HEAD = 64
_LONGEST = 1 << 26
_REPAIR = "move the ledger away and run again: outputs that carry their provenance are recognised without it"
_FORMATS = (b"SIMPLE", b"\x89HDF", b"PAR1")
"""Files that say themselves what made them."""


def home(folder: str | os.PathLike[str], tool: str, verb: str) -> Path:
    """Return where the ledger of a verb lies in an output folder: ``FOLDER/.TOOL-VERB.ledger``."""
    return Path(folder) / f".{tool}-{verb}.ledger"


@dataclass(frozen=True, slots=True)
class Seal:
    """What a file held when its unit was done.

    Attributes
    ----------
    size
        Bytes.
    sha256
        Of all bytes, hexadecimal.
    head
        The first 64 bytes, hexadecimal.
    """

    size: int
    sha256: str
    head: str

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> Seal:
        """Take the seal of a file.

        Raises
        ------
        InputNotFound, CorruptInput
            When there is no such regular file.
        """
        with _source.open_input(path) as file:
            head = file.read(_HEAD)
            file.seek(0)
            total = hashlib.file_digest(cast("io.FileIO", file), "sha256").hexdigest()
            return cls(os.fstat(file.fileno()).st_size, total, head.hex())

    def matches(self, path: str | os.PathLike[str]) -> bool:
        """Whether a file holds exactly these bytes."""
        try:
            return Path(path).stat().st_size == self.size and Seal.of(path) == self
        except (OSError, CorruptInput):
            return False

    def resembles(self, path: str | os.PathLike[str]) -> bool:
        """Whether a file that says nothing of its origin may be what damage left of this one.

        That is: it has the same size, or it is the beginning of it. A file of a format that would name its
        origin is somebody else's.
        """
        if _source.size(path) == self.size:
            return True
        return self.left(path) and not _source.magic(path, _HEAD).startswith(_FORMATS)

    def left(self, path: str | os.PathLike[str]) -> bool:
        """Whether a file has the size of this one, or is shorter and begins like it."""
        size = _source.size(path)
        head = _source.magic(path, _HEAD)
        return size == self.size or (size < self.size and bytes.fromhex(self.head).startswith(head))


@dataclass(frozen=True, slots=True)
class Record:
    """The last word of a ledger on an output.

    Attributes
    ----------
    kind
        ``begun``, ``done`` or ``failed``.
    unit
        The name of the unit that it belongs to.
    key
        The provenance key that it was to carry.
    seal
        What it held; None unless ``done``.
    """

    kind: Kind
    unit: str
    key: str
    seal: Seal | None = None


@dataclass
class _Pending:
    """What is noted and not yet on the disk."""

    data: bytearray = field(default_factory=bytearray)
    offsets: dict[bytes, int] = field(default_factory=dict)


class Ledger:
    """An open journal; a context manager.

    Parameters
    ----------
    path
        The file; it is made when the first record is committed. None keeps no journal: nothing is known, and nothing
        is written.
    fresh
        Begin a new run: the start time is taken anew.

    Raises
    ------
    CorruptInput
        When it is damaged other than by an interrupted write.
    WriteFailed
        When another run has it open.
    """

    def __init__(self, path: str | os.PathLike[str] | None, *, fresh: bool = False) -> None:
        self.path = None if path is None else Path(path)
        self._offsets: dict[bytes, int] = {}
        self._pending = _Pending()
        self._check = ""
        self._end = 0
        self._file: io.FileIO | None = None
        self._lock: _lock.Lock | None = None
        self._started: int | None = None
        if self.path is not None and self.path.exists():
            self._open(self.path)
        if fresh or self._started is None:
            self._start()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def started(self) -> int:
        """When the run was first started, seconds since 1970; SOURCE_DATE_EPOCH where that is set.

        A run that is resumed keeps the time of its first start.
        """
        return cast(int, self._started)

    def find(self, output: str | os.PathLike[str]) -> Record | None:
        """Return the last record of an output, or None if the ledger does not know it."""
        name = self._name(output)
        offset = self._offsets.get(_digest(name))
        if offset is None or self._file is None:
            return None
        content = json.loads(_line_at(self._file.fileno(), offset))
        index = content["outputs"].index(name)
        seal = Seal(*content["seals"][index]) if content["kind"] == "done" else None
        return Record(content["kind"], content["unit"], content["key"], seal)

    def begin(self, unit: str, key: str, outputs: Iterable[str | os.PathLike[str]]) -> None:
        """Note that the outputs of a unit are about to be written."""
        self._add("begun", unit, key, outputs)

    def done(self, unit: str, key: str, outputs: Iterable[str | os.PathLike[str]], seals: Sequence[Seal]) -> None:
        """Note that a unit is done, and what its outputs hold."""
        self._add("done", unit, key, outputs, seals=[[seal.size, seal.sha256, seal.head] for seal in seals])

    def failed(self, unit: str, key: str, outputs: Iterable[str | os.PathLike[str]], message: str) -> None:
        """Note that a unit failed, and why."""
        self._add("failed", unit, key, outputs, message=message)

    def commit(self) -> None:
        """Make everything noted so far durable, with one write and one fsync.

        Raises
        ------
        WriteFailed
            When the system refuses; the ledger on the disk is as before.
        """
        if self.path is None or not self._pending.offsets:
            return  # the start of a run that has nothing to do is not worth a line
        if self._file is None:
            self._create(self.path)
        file = cast("io.FileIO", self._file)
        data = bytes(self._pending.data)
        try:
            file.truncate(self._end)
            _write(file.fileno(), data, self._end)
            os.fsync(file.fileno())
        except OSError as error:
            _lock.quietly(file.truncate, self._end)
            raise _refused(self.path, error) from error
        self._offsets.update({name: self._end + at for name, at in self._pending.offsets.items()})
        self._end += len(data)
        self._pending = _Pending()

    def close(self) -> None:
        """Give the ledger free; what is not committed is forgotten."""
        if self._file is not None:
            _lock.quietly(self._file.close)  # all of it is on the disk
            self._file = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _start(self) -> None:
        epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
        self._started = int(epoch) if epoch.isdecimal() else int(time.time())
        self._line({"kind": "start", "format": _FORMAT, "time": self._started})

    def _add(self, kind: Kind, unit: str, key: str, outputs: Iterable[str | os.PathLike[str]], **more: object) -> None:
        names = [self._name(path) for path in outputs]
        if self.path is None or not names:
            return
        at = len(self._pending.data)
        self._line({"kind": kind, "unit": unit, "key": key, "outputs": names, **more})
        self._pending.offsets.update({_digest(name): at for name in names})

    def _line(self, content: Mapping[str, object]) -> None:
        body = json.dumps(content, separators=(",", ":"))
        self._check = _sum(self._check, body)
        self._pending.data += f'{body[:-1]},"check":"{self._check}"}}\n'.encode()

    def _name(self, output: str | os.PathLike[str]) -> str:
        if self.path is None:
            return os.fspath(output)
        return os.path.relpath(os.path.abspath(output), os.path.abspath(self.path.parent))  # noqa: PTH100

    def _create(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _lock.Lock(path)
            self._file = open(path, "xb+", 0)  # noqa: SIM115  (stays open)
            _flush(path.parent)
        except WriteFailed:
            raise
        except FileExistsError as error:
            if not path.parent.is_dir():
                hint = "move it away, or choose another output folder"
                raise WriteFailed("a file is where this folder should be", path=path.parent, hint=hint) from error
            raise WriteFailed("another run has just begun here", path=path, hint="wait for it") from error
        except OSError as error:
            raise _refused(path, error) from error

    def _open(self, path: Path) -> None:
        with _source.open_input(path):
            pass
        self._lock = _lock.Lock(path)
        try:
            try:
                self._file = _lock.open_for_update(path)
            except OSError as error:
                raise _refused(path, error) from error
            self._read(path)
        except BaseException:
            self.close()
            raise

    def _read(self, path: Path) -> None:
        """Verify every line and remember where the last one on each output is."""
        for line, content in _lines(cast("io.FileIO", self._file), path):
            self._check = content["check"]
            if content["kind"] == "start":
                self._started = content["time"]
            for name in content.get("outputs", ()):
                self._offsets[_digest(name)] = self._end
            self._end += len(line)


def records(path: str | os.PathLike[str]) -> Iterator[dict]:
    """Yield every line of a ledger as a dict, verified, without locking it.

    Raises
    ------
    CorruptInput
        At the first damaged line.
    """
    with _source.open_input(path) as file:
        for _, content in _lines(cast("io.FileIO", file), path):
            yield content


def _lines(file: io.FileIO, path: str | os.PathLike[str]) -> Iterator[tuple[bytes, dict]]:
    """Yield each line and its content; stop before a last line that has no end."""
    check = ""
    with open(file.fileno(), "rb", closefd=False) as lines:
        lines.seek(0)
        for number, line in enumerate(iter(lambda: lines.readline(_LONGEST), b""), 1):
            if not line.endswith(b"\n") and len(line) < _LONGEST:
                return
            content = _verified(line, check, path, number)
            check = content["check"]
            yield line, content


def _verified(line: bytes, before: str, path: str | os.PathLike[str], number: int) -> dict:
    """Return the content of a line, or raise with its place."""
    body, mark, rest = line.rpartition(b',"check":"')
    try:
        text = body.decode("ascii") + "}"
        if not mark or rest != f'{_sum(before, text)}"}}\n'.encode():
            raise ValueError("its checksum is wrong")
        content = json.loads(line)
        _typed(content, first=number == 1)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        reason = str(error) if "checksum" in str(error) else "it is not a record of a ledger"
        raise CorruptInput(f"line {number} is damaged: {reason}", path=path, hint=_REPAIR) from error
    return content


def _line_at(descriptor: int, offset: int) -> bytes:
    """Read one line."""
    line, step = b"", 4096
    while b"\n" not in line:
        more = os.pread(descriptor, step, offset + len(line))
        if not more:
            raise CorruptInput("the ledger was cut while it was open", hint=_REPAIR)
        line, step = line + more, 2 * step
    return line.partition(b"\n")[0]


def _typed(content: dict, *, first: bool) -> None:
    """Raise unless a line holds what its kind demands."""
    if content["kind"] == "start":
        if content["format"] != _FORMAT or type(content["time"]) is not int:
            raise ValueError("start")
        return
    names = content["outputs"]
    sound = content["kind"] in ("begun", "done", "failed") and isinstance(names, list) and not first
    sound = sound and all(isinstance(text, str) for text in (content["unit"], content["key"], *names))
    if content["kind"] == "done":
        seals = [Seal(*seal) for seal in content["seals"]]
        sound = sound and len(seals) == len(names)
        sound = sound and all(type(s.size) is int and bytes.fromhex(s.head + s.sha256) is not None for s in seals)
    if not sound:
        raise ValueError("record")


def _sum(before: str, body: str) -> str:
    return hashlib.sha256(f"{before}\n{body}".encode()).hexdigest()[:16]


def _digest(name: str) -> bytes:
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _write(descriptor: int, data: bytes, offset: int) -> None:
    while data:
        count = os.pwrite(descriptor, data, offset)
        data, offset = data[count:], offset + count


def _refused(path: Path, error: OSError) -> WriteFailed:
    failed = WriteFailed(
        f"the ledger cannot be written: {error.strerror or error}",
        path=path,
        hint="what is done so far stays; run again when there is room and permission",
    )
    failed.errno = error.errno
    return failed
