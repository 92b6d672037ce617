"""Light curves read per second and memory used, on one core.

    [ASTRO_TEST_DATA=FOLDER] python bench_reading.py

The file is a quadrant made here of 50,000 sources with 20 points and 10,000 with 1,000; with the real data set, also
the real DR5 quadrant. Reading is from the disk's cache. Memory is the largest of a process that reads and cleans, less
that of one that only imports. The last line reads 100 sources out of the file, by the statistics of its row groups.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scope.lightcurves.quality import Cuts, clean
from scope.lightcurves.selection import Selection
from scope.lightcurves.tables import read_light_curves


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


def rate(path: Path) -> str:
    read_light_curves(path)
    times = []
    for _ in range(5):
        started = time.perf_counter()
        curves = read_light_curves(path)
        times.append(time.perf_counter() - started)
    points = int(curves.offsets[-1])
    return f"{len(curves):7,} curves {points:11,} points  {len(curves) / min(times):10,.0f} curves/s"


def memory(path: Path | None) -> float:
    """The largest memory of a process that reads and cleans a file [MB]."""
    done = subprocess.run([sys.executable, __file__, "--memory", str(path or "")], capture_output=True, check=True)
    return float(done.stdout)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for sources, points in ((50_000, 20), (10_000, 1000)):
            path = Path(folder) / f"ztf_000250_zg_c01_q1_{points}.parquet"
            make(path, sources, points)
            files[f"{points} points each"] = path
        root = os.environ.get("ASTRO_TEST_DATA")
        if root:
            files["ZTF DR5"] = Path(root) / "scope" / "lightcurves" / "ztf_000250_zg_c01_q1_dr5.parquet"
        base = memory(None)
        for title, path in files.items():
            print(f"{title:20} {rate(path)}  {memory(path) - base:8.0f} MB", flush=True)
        ids = 250101100000000 + np.arange(4000, 4100)
        started = time.perf_counter()
        found = read_light_curves(files["1000 points each"], Selection(ids=ids))
        print(f"{'100 by identifier':20} {len(found):7,} curves in {(time.perf_counter() - started) * 1e3:.0f} ms")


def report(path: str) -> None:
    if path:
        clean(read_light_curves(Path(path)), Cuts())
    status = Path("/proc/self/status").read_text()
    print(int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024)


if __name__ == "__main__":
    if "--memory" in sys.argv:
        report(sys.argv[-1] if sys.argv[-1] != "--memory" else "")
    else:
        main()
