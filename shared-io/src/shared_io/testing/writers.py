"""Every way in which a file is written here, ready to be killed, starved and failed.

A `Writer` puts one of two contents at a path, ``old`` and ``new``, and tells which of them is there.
"""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared_io import atomic, fits, hdf5, ledger, stamps, table
from shared_io.testing import readers, samples
from shared_io.testing.content import fingerprint

__all__ = ["WRITERS", "Writer", "pristine"]

OLD, NEW = 1, 2


@dataclass(frozen=True)
class Writer:
    """A write under trial.

    Attributes
    ----------
    name
        What is written.
    suffix
        Of the file.
    put
        Writes the content of a number (`OLD` or `NEW`) to a path, overwriting.
    read
        Reads and verifies the whole.
    beside
        What a killed writer may leave behind, after the name of the file.
    taken_back
        Whether the old content is put back when the last flush fails and so does everything after it.
    """

    name: str
    suffix: str
    put: Callable[[Path, int], Any]
    read: readers.Reader
    beside: tuple[str, ...] = ()
    taken_back: bool = True

    def prepare(self, folder: Path) -> Path:
        """Put a file with the old content into a folder and return its path."""
        path = folder / f"target{self.suffix}"
        shutil.copyfile(pristine(self, OLD), path)
        return path

    def overwrite(self, path: Path) -> None:
        """Write the new content over the old."""
        self.put(path, NEW)

    def state(self, path: Path) -> str:
        """Return ``old`` or ``new``; of anything else, what it is."""
        try:
            found = fingerprint(self.read(path))
        except Exception as error:
            return f"unreadable: {type(error).__name__}: {error}"
        return {_print(self, OLD): "old", _print(self, NEW): "new"}.get(found, "neither old nor new")


@functools.cache
def _store() -> Path:
    return Path(tempfile.mkdtemp(prefix="shared-io-pristine-"))


@functools.cache
def pristine(writer: Writer, version: int) -> Path:
    """Return a file that was written undisturbed; made once."""
    path = _store() / f"{writer.name.replace(' ', '-')}-{version}{writer.suffix}"
    writer.put(path, version)
    return path


@functools.cache
def _print(writer: Writer, version: int) -> str:
    return fingerprint(writer.read(pristine(writer, version)))


def clear() -> None:
    """Remove the files that `pristine` made."""
    shutil.rmtree(_store(), ignore_errors=True)
    for cache in (_store, pristine, _print):
        cache.cache_clear()


def _text(path: Path, version: int) -> None:
    atomic.write_text(path, f"version {version}\n" * 20_000, overwrite=True)


def _image(path: Path, version: int) -> None:
    data = samples.image(version, (200, 180))
    fits.write_image(path, data, name="SCI", overwrite=True, provenance=samples.made(version))


def _extensions(path: Path, version: int) -> None:
    fits.write(path, samples.hdus(version), overwrite=True, provenance=samples.made(version))


def _appended(path: Path, version: int) -> None:
    source = _store() / "source.fits"
    if not source.exists():
        fits.write(source, samples.hdus(0))
    fits.append(source, samples.hdus(version)[1:2], path, overwrite=True)


def _table(path: Path, version: int) -> None:
    found = samples.table(version, 2000)
    table.write(found, path, overwrite=True, provenance=samples.made(version))


def _pieces(path: Path, version: int) -> None:
    with table.writer(path, overwrite=True, provenance=samples.made(version)) as out:
        for number in range(4):
            out.add(samples.table(version + 10 * number, 500))


def _groups(path: Path, version: int) -> None:
    with hdf5.writer(path, overwrite=True, provenance=samples.made(version)) as out:
        for name, found in samples.arrays(version).items():
            out.add(name, found, attrs={"row": version})


def _stamp(path: Path, version: int) -> None:
    stamps.write([path], samples.image(version)[None], samples.table(version, 1)["flux", "good"], overwrite=True)


def _journal(path: Path, version: int) -> None:
    with ledger.Ledger(path) as journal:
        for number in range(OLD, version + 1):
            output = path.with_name(f"output{number}")
            found = journal.find(output)
            if found is None or found.kind != "done":
                journal.begin(f"unit{number}", "key", [output])
                journal.commit()
                journal.done(f"unit{number}", "key", [output], [ledger.Seal(1, "ab" * 32, "cd")])
                journal.commit()


def _units(path: Path) -> list[str]:
    """Return the units that are done; a line begun and not ended is none."""
    return [line["unit"] for line in ledger.records(path) if line["kind"] == "done"]


WRITERS: tuple[Writer, ...] = (
    Writer("text", ".txt", _text, Path.read_bytes),
    Writer("FITS image", ".fits", _image, readers.all_hdus),
    Writer("FITS image, gzip", ".fits.gz", _image, readers.all_hdus),
    Writer("FITS image, tiles", ".fits.fz", _image, readers.images),
    Writer("FITS extensions", ".fits", _extensions, readers.all_hdus),
    Writer("FITS append", ".fits", _appended, readers.all_hdus),
    Writer("FITS table", ".fits", _table, readers.one_table),
    Writer("CSV", ".csv", _table, readers.one_table),
    Writer("CSV, gzip", ".csv.gz", _table, readers.one_table),
    Writer("ECSV", ".ecsv", _table, readers.one_table),
    Writer("HDF5 groups", ".h5", _groups, readers.groups),
    Writer("HDF5 table", ".h5", _table, readers.one_table),
    Writer("Parquet", ".parquet", _table, readers.one_table),
    Writer("Parquet in pieces", ".parquet", _pieces, readers.one_table),
    Writer("stamps", ".fits", _stamp, readers.all_hdus, taken_back=False),
    Writer("ledger", ".ledger", _journal, _units, beside=(".lock",), taken_back=False),
)
