"""Thousands of cut-outs of 32 x 32 with 20 cards, against astropy: ``python benchmarks/bench_stamps.py``."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from astropy.io import fits as astropy_fits
from astropy.table import Table
from shared_io import stamps
from timing import flush, medians

COUNT = int(os.environ.get("BENCH_STAMPS", "5000"))
SEALED = "checksums verified by both"
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
KEYS = ("CANDID", "MAG", "MAGERR", "FILTER", "EDGE", "FWHM", "FWHMPSF", "RA", "DEC", "XPOS", "YPOS", "FILE")
MEMORY = r"""
import re
import sys
from pathlib import Path

from shared_io import stamps
keys = sys.argv[3].split()
paths = sorted(Path(sys.argv[1]).iterdir())[: int(sys.argv[2])]
list(map(len, stamps.chunks((p for p in paths), 1000, keys=keys)))
print(int(re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


def rows(count):
    """Pixels and a table of 20 columns."""
    rng = np.random.default_rng(1)
    table = Table({key: rng.normal(20, 3, count) for key in KEYS if key not in ("CANDID", "FILTER", "EDGE", "FILE")})
    table["CANDID"] = [f"cand{number:08}" for number in range(count)]
    table["FILTER"], table["EDGE"], table["FILE"] = "g", False, "image.fits"
    for number in range(8):
        table[f"EXTRA{number}"] = rng.integers(0, 1000, count)
    return rng.normal(size=(count, 32, 32)).astype("f4"), table


def make(folder, count):
    """Files as astropy writes them."""
    data, table = rows(count)
    folder.mkdir()
    for number, row in enumerate(table):
        header = astropy_fits.Header({name: row[name] for name in table.colnames})
        astropy_fits.PrimaryHDU(data[number], header).writeto(folder / f"{number:06}.fits")
    return sorted(folder.iterdir())


def two_calls(paths):
    for path in paths:
        astropy_fits.getdata(path)
        header = astropy_fits.getheader(path)
        [header[key] for key in KEYS]


def one_open(paths, *, checksum=False):
    found = []
    for path in paths:
        with astropy_fits.open(path, memmap=False, checksum=checksum) as hdus:
            header = hdus[0].header
            found.append((hdus[0].data, [header[key] for key in KEYS]))
    return np.stack([data for data, _ in found])


def write_raw(folder, data, table):
    for number, row in enumerate(table):
        header = astropy_fits.Header({name: row[name] for name in table.colnames})
        path = folder / f"{number:06}.fits"
        astropy_fits.PrimaryHDU(data[number], header).writeto(path, overwrite=True, checksum=True)
        flush(path)


def reading(paths, what):
    calls = {
        "ours": lambda: stamps.read(paths, keys=KEYS),
        "open": lambda: one_open(paths, checksum=what == SEALED),
        "two": lambda: two_calls(paths),
    }
    if what == SEALED:
        del calls["two"]
    found = medians(RUNS, **calls)
    names = {"open": "astropy, one fits.open", "two": "astropy, getdata and getheader"}
    for name in found:
        line(f"read, {what}: {names.get(name, 'ours')}", found[name] / len(paths), found["ours"] / len(paths))


def parallel(paths):
    """A hundred thousand reads, so that starting processes does not count."""
    many = paths * max(1, 100_000 // len(paths))
    found = medians(
        1,
        one=lambda: sum(map(len, stamps.chunks(many, keys=KEYS))),
        two=lambda: sum(map(len, stamps.chunks(many, keys=KEYS, workers=2))),
    )
    for name, what in (("one", "1 process"), ("two", "2 processes")):
        line(
            f"read, no checksums, {len(many):,} files: ours, {what}", found[name] / len(many), found["one"] / len(many)
        )


def line(what, seconds, ours):
    print(f"| {what} | {seconds * 1e6:.0f} | {1 / seconds:,.0f} | {seconds / ours:.1f} |")


def main() -> None:
    print("| what | us a file | files a second | times ours |")
    print("| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as top:
        paths = make(Path(top, "plain"), COUNT)
        assert np.array_equal(stamps.read(paths).data, one_open(paths))
        reading(paths, "no checksums")
        parallel(paths)
        data, table = rows(COUNT)
        reading(stamps.write(Path(top, "sealed"), data, table), SEALED)
        few = slice(0, 1000)
        Path(top, "raw").mkdir()
        found = medians(
            RUNS,
            ours=lambda: stamps.write(Path(top, "ours"), data[few], table[few], overwrite=True),
            raw=lambda: write_raw(Path(top, "raw"), data[few], table[few]),
        )
        line("write 1,000 with checksums, flushed: ours", found["ours"] / 1000, found["ours"] / 1000)
        line("write 1,000 with checksums, flushed: astropy", found["raw"] / 1000, found["ours"] / 1000)
        memory(Path(top, "many"))


def memory(folder):
    """Print the peak memory of a process that reads in chunks."""
    stamps.write(folder, *rows(20_000))
    print()
    for count in (2_000, 20_000):
        command = [sys.executable, "-c", MEMORY, str(folder), str(count), " ".join(KEYS)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        print(f"peak memory of reading {count} files in chunks of 1000: {done.stdout.strip()} MiB")


if __name__ == "__main__":
    main()
