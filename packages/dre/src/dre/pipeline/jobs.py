"""What a fit works on: the stamps, PSF and catalogue of one image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from shared_io import fits
from shared_io.errors import CorruptInput, InputNotFound

from dre.files.layout import find_psf, find_sextracted
from dre.files.psf import blind_extensions, read_psf
from dre.pipeline.stamps import Source, Sources
from dre.psf import PSFModel


@dataclass(frozen=True)
class Job:
    """One image: its stamps, PSF and catalogue."""

    name: str
    stamps: Source
    psf: Path
    catalogue: Path | None

    @property
    def inputs(self) -> list[Path]:
        """Every file that is read, once."""
        files = (*self.stamps.inputs, self.psf, self.catalogue)
        return list(dict.fromkeys(path for path in files if path is not None))


def job_of(sources: Sources, path: Path, psf: Path, catalogues: Path | None) -> Job:
    """Find the PSF and the catalogue that go with an image."""
    name = sources.name(path)
    source = None
    if catalogues is not None and catalogues.is_dir():
        try:
            source = find_sextracted(catalogues, name).catalogue
        except InputNotFound:
            source = None
    return Job(name, sources.source(path), find_psf(psf, name), source)


def read_extension_psf(path: Path, extension: int) -> PSFModel:
    """Read the PSF of an extension; a file with one PSF serves them all."""
    several = sum(info.name == "PSF_DATA" for info in fits.inspect(path)) > 1
    return read_psf(path, extension if several and extension > 0 else None)


class Result(Protocol):
    """What a fit of one object has in common whatever the statistic."""

    @property
    def ok(self) -> bool:
        """Whether there is a best model."""


def verdict(job: Job, found: Sequence[Result], lost: list[str], blind: Sequence[str] = ()) -> str:
    """Say how it went; objects that could not be read make the image a failure, though the others are written.

    Parameters
    ----------
    job : Job
    found : sequence of Result
    lost : list of str
        Objects that could not be read.
    blind : sequence of str
        From `seen`.
    """
    if lost:
        raise CorruptInput(
            f"{len(lost)} cut(s) could not be read, the other {len(found)} were fitted and written; first: {lost[0]}",
            path=job.stamps.inputs[0], hint="run make_cuts again with --overwrite",
        )  # fmt: skip
    bad = sum(not one.ok for one in found)
    said = f"{len(found)} objects" + (f", {bad} without a fit (see FIT_FLAG)" if bad else "")
    return "; ".join([said, *blind])


def seen(job: Job, names: list[str], blind: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Group names as `by_extension` does; extensions without a PSF are left out and described in `blind`."""
    groups = list(by_extension(names))
    without = blind_extensions(job.psf) if job.psf.suffix.lower() == ".psf" else set()
    if without.issuperset(extension for extension, _ in groups):
        without = set()  # reading it says what is wrong
    for extension, own in groups:
        if extension in without:
            blind.append(f"no PSF of extension {extension}, its {len(own)} objects are left out")
        else:
            yield extension, own


def by_extension(names: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Group the names of cuts by extension number."""
    groups: dict[int, list[str]] = {}
    for name in names:
        prefix = name.split("_")[0]
        groups.setdefault(int(prefix) if prefix.isdigit() else 0, []).append(name)
    yield from groups.items()
