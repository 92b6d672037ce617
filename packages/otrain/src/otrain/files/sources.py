"""Cut-outs wherever they are: folders, patterns, lists, FITS files and alert packets."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import overload

from shared_io import locate
from shared_io.errors import InputNotFound

from otrain.cutouts import Part
from otrain.files import fits_cutouts

__all__ = ["SUFFIXES", "class_folder", "find", "read", "signature"]

PACKETS = (".avro",)
SUFFIXES = (*locate.FITS_SUFFIXES, *PACKETS)


def find(source: Path | Sequence[Path]) -> Sequence[Path]:
    """Return the files of folders, patterns, ``@lists`` or single files, in a stable order.

    Raises
    ------
    InputNotFound
        If there is none.
    """
    if isinstance(source, Path) and source.is_dir():
        return _in_folder(source)
    return locate.files(source, suffixes=SUFFIXES)


def _in_folder(folder: Path) -> Sequence[Path]:
    """As `locate.files` for one folder, for which a million names are no burden."""
    with os.scandir(folder) as entries:
        names = sorted(
            entry.name for entry in entries
            if not entry.name.startswith(".") and entry.name.lower().endswith(SUFFIXES) and not entry.is_dir()
        )  # fmt: skip
    return Files(folder, names) if names else locate.files(folder, suffixes=SUFFIXES)


class Files(Sequence[Path]):
    """The files of a folder, of which only the names are kept, joined to texts: a million paths take half a gigabyte.

    Parameters
    ----------
    folder : Path
    names : list of str
    """

    _BLOCK = 512

    def __init__(self, folder: Path, names: list[str]) -> None:
        self._folder, self._count = folder, len(names)
        self._blocks = ["/".join(names[k : k + self._BLOCK]) for k in range(0, len(names), self._BLOCK)]

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Path]:
        return map(Path, self.texts())

    def texts(self) -> Iterator[str]:
        """The paths as text."""
        prefix = str(self._folder / "x")[:-1]
        for block in self._blocks:
            for name in block.split("/"):
                yield prefix + name

    @overload
    def __getitem__(self, index: int) -> Path: ...
    @overload
    def __getitem__(self, index: slice) -> list[Path]: ...
    def __getitem__(self, index: int | slice) -> Path | list[Path]:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(self._count))]
        block, place = divmod(range(self._count)[index], self._BLOCK)
        return self._folder / self._blocks[block].split("/")[place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


def class_folder(folder: Path, name: str) -> Path:
    """Return the folder of a class, ``true`` or ``false``, whatever the case of its letters.

    Raises
    ------
    InputNotFound
        If there is none.
    """
    try:
        found = sorted(path for path in folder.iterdir() if path.is_dir() and path.name.lower() == name)
    except OSError as error:
        raise InputNotFound(f"no such folder: {error.strerror}", path=folder) from error
    if not found:
        raise InputNotFound(f"no folder '{name}' in it", path=folder, hint="put cut-outs into true/ and false/")
    return found[0]


def read(paths: Sequence[Path], *, planes: Sequence[str] = (), size: int = -1, workers: int = 1) -> Iterator[Part]:
    """Read cut-outs in memory that does not grow with their number.

    Parameters
    ----------
    paths : sequence of Path
        FITS files and Avro packets.
    planes, size, workers
        As for `otrain.files.fits_cutouts.read_parts`.

    Yields
    ------
    Part
        First those of FITS files, then those of packets.
    """
    images = (path for path in _texts(paths) if not path.lower().endswith(PACKETS))
    yield from fits_cutouts.read_parts(images, planes=planes, size=size, workers=workers)
    if any(path.lower().endswith(PACKETS) for path in _texts(paths)):
        from otrain.files import alerts

        packets = (path for path in paths if path.suffix.lower() in PACKETS)
        yield from alerts.read_parts(packets, planes=planes, size=size)


def _texts(paths: Sequence[Path]) -> Iterator[str]:
    """The paths as text: making a million objects of them takes longer than reading the files."""
    return paths.texts() if isinstance(paths, Files) else map(str, paths)


def signature(paths: Sequence[Path]) -> str:
    """Return a digest of the names, sizes and times of files: whether they are still the same."""
    out = hashlib.sha256()
    texts = _texts(paths)
    while some := list(itertools.islice(texts, 1024)):
        out.update("".join(map(_state, some)).encode("utf-8", "surrogateescape"))
    return out.hexdigest()


def _state(path: str) -> str:
    name = path.rpartition("/")[2]
    try:
        found = os.stat(path)  # noqa: PTH116 (a Path takes longer to make than the answer)
    except OSError:
        return f"{name}\0gone\n"  # why, its reader will say
    return f"{name}\0{found.st_size}\0{found.st_mtime_ns}\n"
