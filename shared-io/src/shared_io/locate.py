"""Finding the input files that a user means.

>>> from shared_io import locate
>>> locate.stem("night1/NGC1097.fits.fz")
'NGC1097'
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from shared_io import _source, atomic, limits
from shared_io.errors import CorruptInput, ExternalFailed, InputNotFound, InputTooLarge

__all__ = [
    "ALL_SUFFIXES",
    "FITS_SUFFIXES",
    "HDF5_SUFFIXES",
    "TABLE_SUFFIXES",
    "fetch",
    "files",
    "stem",
    "suffix",
]

_FITS = (".fits", ".fit", ".fts")
FITS_SUFFIXES: tuple[str, ...] = (*_FITS, *(s + c for s in _FITS for c in (".fz", ".gz")), ".fz")
HDF5_SUFFIXES: tuple[str, ...] = (".h5", ".hdf5", ".hdf", ".pytable")
TABLE_SUFFIXES: tuple[str, ...] = (".csv", ".csv.gz", ".ecsv", ".parquet", ".cat", ".ldac")
ALL_SUFFIXES: tuple[str, ...] = (*FITS_SUFFIXES, *HDF5_SUFFIXES, *TABLE_SUFFIXES)

_LIST_BYTES = 64 * 2**20


def suffix(path: str | os.PathLike[str], suffixes: tuple[str, ...] = ALL_SUFFIXES) -> str:
    """Return the longest of `suffixes` that the name ends with, in lower case, or ``""``."""
    name = PurePosixPath(os.fspath(path)).name.lower()
    return max((s for s in suffixes if name.endswith(s) and name != s), key=len, default="")


def stem(path: str | os.PathLike[str]) -> str:
    """Return the name of a file without its folder and its suffix (``.fits.gz`` counts as one)."""
    name = PurePosixPath(os.fspath(path)).name
    known = suffix(name)
    return name[: -len(known)] if known else PurePosixPath(name).stem


def files(
    inputs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    suffixes: tuple[str, ...] = FITS_SUFFIXES,
    recursive: bool = False,
) -> list[Path]:
    """Expand files, folders, patterns and lists to the files they mean.

    Parameters
    ----------
    inputs
        One or several of: a file, taken whatever its suffix; a folder, for its files with one of
        `suffixes`; a pattern (``night*/*.fits``), likewise; ``@list.txt``, a text file with one of
        these a line (``#`` begins a comment; relative paths are tried from the current folder, then
        from that of the list); a ``file://`` URL.
    suffixes
        Which files of a folder or pattern count, whatever the case of their letters.
    recursive
        Whether folders are searched to the bottom. Links to folders are not followed.

    Returns
    -------
    list of Path
        In the order of `inputs`, sorted by name within a folder or pattern; each file once; hidden
        files never.

    Raises
    ------
    InputNotFound
        When one of the inputs means no file at all.
    """
    single = isinstance(inputs, str | os.PathLike)
    wanted: list[str | os.PathLike[str]] = [inputs] if single else list(inputs)  # type: ignore[arg-type, list-item]
    if not wanted:
        raise InputNotFound("no input was given", hint="name files, folders or patterns")
    found: dict[Path, Path] = {}
    for item in wanted:
        for path in _expand(os.fspath(item), suffixes, recursive=recursive):
            found.setdefault(_source.absolute(path), path)
    return list(found.values())


def fetch(url: str, folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Copy a remote file (any URL that fsspec understands) into a folder, whole or not at all.

    Parameters
    ----------
    url
        For example ``https://...``, ``s3://...``, ``memory://...``.
    folder
        Where to put it, under the last part of the URL.
    overwrite
        Whether a file of that name is replaced.

    Returns
    -------
    Path
        The local copy.

    Raises
    ------
    InputTooLarge
        When more bytes come than the limits allow.
    ExternalFailed
        When the remote side fails.
    """
    import fsspec

    name = PurePosixPath(urlsplit(url).path).name
    if not name:
        raise InputNotFound("this URL does not end with the name of a file", path=url)
    target = Path(folder) / name
    with atomic.atomic_path(target, overwrite=overwrite) as temporary:
        try:
            with fsspec.open(url, "rb") as remote, temporary.open("wb") as local:
                _copy(remote, local, url)
        except FileNotFoundError as error:
            if isinstance(error, InputNotFound) or error.filename == str(temporary):
                raise
            raise InputNotFound("no such remote file", path=url) from error
        except (ImportError, ValueError, OSError) as error:
            if isinstance(error, InputTooLarge) or getattr(error, "errno", None):
                raise
            raise ExternalFailed(f"cannot be fetched: {error}", path=url) from error
    return target


def _copy(remote: object, local: object, url: str) -> None:
    total = 0
    while piece := remote.read(2**20):  # type: ignore[attr-defined]
        total += len(piece)
        limits.check_bytes(total, path=url, what="download")
        local.write(piece)  # type: ignore[attr-defined]


def _expand(item: str, suffixes: tuple[str, ...], *, recursive: bool, in_list: bool = False) -> Iterator[Path]:
    if re.match(r"[a-z][a-z0-9+.-]+://", item, re.IGNORECASE):
        item = _local(item)
    if not item:
        raise InputNotFound("an empty name", hint="name files, folders or patterns")
    path = Path(item)
    if item.startswith("@") and not os.path.lexists(item):
        if in_list:
            raise InputNotFound("a list may not name another list", path=item)
        yield from _from_list(Path(item[1:]), suffixes, recursive=recursive)
    elif path.is_dir():
        found = sorted(_in_folder(path, suffixes, recursive=recursive))
        if not found:
            raise InputNotFound(f"no file ending {_ends(suffixes)} in this folder", path=item)
        yield from found
    elif os.path.lexists(item):
        _source.size(path)  # refuses what is no readable file
        yield path
    elif glob.has_magic(item):
        matches = sorted(Path(m) for m in glob.glob(item, recursive=True))  # noqa: PTH207  (absolute patterns too)
        found = [m for m in matches if suffix(m, suffixes) and _may_be_file(m)]
        if not found:
            raise InputNotFound(f"no file ending {_ends(suffixes)} matches this pattern", path=item)
        yield from found
    else:
        raise InputNotFound("no such file", path=item or ".", hint="check the name")


def _in_folder(folder: Path, suffixes: tuple[str, ...], *, recursive: bool) -> Iterator[Path]:
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".")) if recursive else []
        for name in names:
            if not name.startswith(".") and suffix(name, suffixes) and _may_be_file(Path(where, name)):
                yield Path(where, name)


def _may_be_file(path: Path) -> bool:
    """Whether it is a file, or a link that leads nowhere: that is a lost input and must not pass unnoticed."""
    return path.is_file() or (path.is_symlink() and not path.exists())


def _from_list(path: Path, suffixes: tuple[str, ...], *, recursive: bool) -> Iterator[Path]:
    with _source.open_input(path) as file:
        data = file.read(_LIST_BYTES + 1)
    if len(data) > _LIST_BYTES:
        raise InputTooLarge("this list of files is too long", path=path)
    try:
        lines = data.decode().splitlines()
    except UnicodeDecodeError as error:
        raise CorruptInput("this list of files is not text", path=path) from error
    items = [line.partition("#")[0].strip() for line in lines]
    if not any(items):
        raise InputNotFound("this list names no file", path=path)
    for item in filter(None, items):
        beside = path.parent / item
        here = os.path.lexists(item) or not os.path.lexists(beside)
        yield from _expand(item if here else str(beside), suffixes, recursive=recursive, in_list=True)


def _local(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme.lower() != "file" or parts.netloc not in {"", "localhost"}:
        raise InputNotFound("this is a remote file", path=url, hint="fetch it first: locate.fetch(url, folder)")
    from urllib.request import url2pathname  # it brings half of the internet with it

    return url2pathname(parts.path)


def _ends(suffixes: tuple[str, ...]) -> str:
    return ", ".join(suffixes[:3]) + (", ..." if len(suffixes) > 3 else "")
