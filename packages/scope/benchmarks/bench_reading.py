"""Light curves read per second beside a plain read of the same columns, and memory used, on one core.

    [ASTRO_TEST_DATA=FOLDER] python bench_reading.py

The files are quadrants made here of 50,000 sources with 20 points, 10,000 with 300 and 10,000 with 1,000; with the
real data set, also the real DR5 quadrant. Reading is from the disk's cache, in turns with `pyarrow.parquet.read_table`
of the same columns: the ratio is the median of seven turns. "Read" makes light curves in float64 with their times in
HJD, piece by piece; "prepared" also cleans them and lays them where the blocks of stars are taken from. Memory is the
largest of a process that does the latter, less that of one that only imports. The last line reads 100 sources out of a
file, by the statistics of its row groups.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scope.lightcurves.quality import Cuts, clean
from scope.lightcurves.selection import Selection
from scope.lightcurves.spool import spooled
from scope.lightcurves.tables import light_curve_pieces, read_light_curves


def make(path: Path, sources: int, points: int) -> None:
    """A bulk file with float64 times, in row groups of 1,000 sources."""
    rng = np.random.default_rng(sources)
    n = sources * points
    offsets = pa.array(np.arange(0, n + 1, points), pa.int32())
    times = np.sort(rng.uniform(58200, 60500, (sources, points)), axis=1).ravel()
    lists = {"hmjd": times, "mag": rng.normal(18, 0.1, n).astype(np.float32),
             "magerr": np.full(n, 0.02, np.float32), "catflags": np.zeros(n, np.uint16)}  # fmt: skip
    columns = {"objectid": 250101100000000 + np.arange(sources), "filterid": np.ones(sources, np.uint8),
               "fieldid": np.full(sources, 250, np.int16), "rcid": np.zeros(sources, np.uint8),
               "objra": rng.uniform(10, 11, sources), "objdec": rng.uniform(5, 6, sources)}  # fmt: skip
    columns |= {name: pa.ListArray.from_arrays(offsets, pa.array(values)) for name, values in lists.items()}
    pq.write_table(pa.table(columns), path, row_group_size=1000)


COLUMNS = ["objectid", "filterid", "objra", "objdec", "rcid", "fieldid", "hmjd", "mag", "magerr", "catflags"]


def plain(path: Path) -> int:
    """The bytes that pyarrow reads."""
    return int(pq.read_table(path, columns=COLUMNS, use_threads=False).nbytes)


def read(path: Path) -> int:
    """The curves that were read."""
    return sum(len(piece) for piece in light_curve_pieces(path))


def prepare(path: Path) -> int:
    """The curves that are left."""
    return len(spooled(clean(piece, Cuts(5)) for piece in light_curve_pieces(path)))


def seconds(work: Callable[[Path], int], path: Path) -> float:
    started = time.perf_counter()
    work(path)
    return time.perf_counter() - started


def rate(path: Path) -> str:
    sources, size = read(path), plain(path) / 1e6
    prepare(path)
    turns = np.array([[seconds(work, path) for work in (plain, read, prepare)] for _ in range(7)])
    best = turns.min(axis=0)
    ratio = np.median(turns[:, 1:] / turns[:, :1], axis=0)
    return (
        f"{sources:8,} {sources / best[1]:10,.0f} {size / best[1]:7,.0f} {size / best[0]:7,.0f} {ratio[0]:7.2f}"
        f" {sources / best[2]:10,.0f} {ratio[1]:7.2f}"
    )


def memory(path: Path | None) -> float:
    """The largest memory of a process that reads and cleans a file [MB]."""
    done = subprocess.run([sys.executable, __file__, "--memory", str(path or "")], capture_output=True, check=True)
    return float(done.stdout)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for sources, points in ((50_000, 20), (10_000, 300), (10_000, 1000)):
            path = Path(folder) / f"ztf_000250_zg_c01_q1_{points}.parquet"
            make(path, sources, points)
            files[f"{points} points each"] = path
        root = os.environ.get("ASTRO_TEST_DATA")
        if root:
            files["ZTF DR5"] = Path(root) / "scope" / "lightcurves" / "ztf_000250_zg_c01_q1_dr5.parquet"
        base = memory(None)
        heads = zip(
            ("curves", "read/s", "MB/s", "plain", "ratio", "prepared/s", "ratio"), (8, 10, 7, 7, 7, 10, 7), strict=True
        )
        print(" " * 16, *(f"{head:>{width}}" for head, width in heads), "    memory")
        for title, path in files.items():
            print(f"{title:16} {rate(path)} {memory(path) - base:7.0f} MB", flush=True)
        ids = 250101100000000 + np.arange(4000, 4100)
        started = time.perf_counter()
        found = read_light_curves(files["1000 points each"], Selection(ids=ids))
        print(f"{'by identifier':16} {len(found):8,} curves in {(time.perf_counter() - started) * 1e3:.0f} ms")


def report(path: str) -> None:
    if path:
        prepare(Path(path))
    status = Path("/proc/self/status").read_text()
    print(int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024)


if __name__ == "__main__":
    if "--memory" in sys.argv:
        report(sys.argv[-1] if sys.argv[-1] != "--memory" else "")
    else:
        main()
