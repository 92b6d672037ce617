"""What a fit works on: the cuts, PSF and catalogue of one image, found and read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from shared_io import fits
from shared_io.errors import CorruptInput, InputNotFound, SchemaMismatch

from dre.files.cuts import read_cuts
from dre.files.layout import find_psf, find_sextracted
from dre.files.psf import read_psf
from dre.psf import PSFModel
from dre.stamp import Stamp


@dataclass(frozen=True)
class Job:
    """One image: its cuts, PSF and catalogue."""

    name: str
    cuts: Path
    psf: Path
    catalogue: Path | None


def cut_files(folder: Path) -> list[Path]:
    """List the files of cuts of a folder."""
    if folder.is_file():
        return [folder]
    paths = sorted(folder.glob("*_cuts.h5"))
    if not paths:
        raise InputNotFound("no *_cuts.h5 there", path=folder, hint="run make_cuts first, or name the folder with -i")
    return paths


def image_name(cuts: Path) -> str:
    """Name of the image that a file of cuts is of."""
    return cuts.stem.removesuffix("_cuts")


def job_of(cuts: Path, psf: Path, catalogues: Path | None) -> Job:
    """Find the PSF and the catalogue that go with a file of cuts."""
    name = image_name(cuts)
    source = None
    if catalogues is not None and catalogues.is_dir():
        try:
            source = find_sextracted(catalogues, name).catalogue
        except InputNotFound:
            source = None
    return Job(name, cuts, find_psf(psf, name), source)


def read_extension_psf(path: Path, extension: int) -> PSFModel:
    """Read the PSF of an extension; a file with one PSF serves them all."""
    several = sum(info.name == "PSF_DATA" for info in fits.inspect(path)) > 1
    return read_psf(path, extension if several and extension > 0 else None)


class Result(Protocol):
    """What a fit of one object has in common whatever the statistic."""

    @property
    def ok(self) -> bool:
        """Whether there is a best model."""


def verdict(job: Job, found: Sequence[Result], lost: list[str]) -> str:
    """Say how it went; objects that could not be read make the image a failure, though the others are written."""
    if lost:
        raise CorruptInput(
            f"{len(lost)} cut(s) could not be read, the other {len(found)} were fitted and written; first: {lost[0]}",
            path=job.cuts, hint="run make_cuts again with --overwrite",
        )  # fmt: skip
    bad = sum(not one.ok for one in found)
    return f"{len(found)} objects" + (f", {bad} without a fit (see FIT_FLAG)" if bad else "")


def by_extension(names: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Group the names of cuts by extension number."""
    groups: dict[int, list[str]] = {}
    for name in names:
        prefix = name.split("_")[0]
        groups.setdefault(int(prefix) if prefix.isdigit() else 0, []).append(name)
    yield from groups.items()


class Cuts:
    """The cuts of an image, read more than once: the first of them stay in memory, as far as there is room.

    Parameters
    ----------
    path : pathlib.Path
    room : int
        That they may take, bytes.
    """

    def __init__(self, path: Path, room: int = 1 << 27) -> None:
        self._path, self._room = path, room
        self._kept: dict[str, Stamp] = {}

    def read(self, names: list[str], lost: list[str] | None = None) -> Iterator[Stamp]:
        """Read cuts; those that cannot be read are described in `lost`."""
        left = iter(read_cuts(self._path, [name for name in names if name not in self._kept]))
        for name in names:
            item = self._kept.get(name) or next(left)
            if isinstance(item, Stamp):
                self._keep(item)
                yield item
            elif lost is not None:
                lost.append(str(item))

    def _keep(self, stamp: Stamp) -> None:
        arrays = (stamp.obj, stamp.mask, stamp.rms, stamp.neighbours)
        size = sum(array.nbytes for array in arrays if array is not None)
        if stamp.name not in self._kept and size <= self._room:
            self._room -= size
            self._kept[stamp.name] = stamp


def readable(path: Path, names: list[str], lost: list[str], *, neighbours: bool = True) -> Iterator[Stamp]:
    """Read cuts (see `read_cuts`); those that cannot be read are described in `lost`."""
    for item in read_cuts(path, names, neighbours=neighbours):
        if isinstance(item, SchemaMismatch):
            lost.append(str(item))
        else:
            yield item
