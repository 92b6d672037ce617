"""Reading and writing a table of a million rows: ``python benchmarks/bench_table.py``."""

from __future__ import annotations

import os
import tempfile

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from astropy.table import Table
from shared_io import table
from timing import flush, head, medians, row

RUNS = int(os.environ.get("BENCH_RUNS", "5"))
ROWS = 1_000_000


def sample():
    rng = np.random.default_rng(1)
    t = Table({f"f{i}": rng.normal(size=ROWS) for i in range(6)})
    t["mag"] = rng.normal(20, 2, ROWS).astype("f4")
    t["id"] = np.arange(ROWS)
    t["flag"] = rng.random(ROWS) > 0.5
    return t


def as_arrow(t):
    return pa.table({name: pa.array(np.asarray(t[name])) for name in t.colnames})


def as_table(found):
    return Table(
        {name: found[name].combine_chunks().to_numpy(zero_copy_only=False) for name in found.column_names},
        copy=False,
    )


def write_parquet(path, t):
    pq.write_table(as_arrow(t), path, compression="zstd", use_dictionary=False, write_page_checksum=True)
    flush(path)


def read_parquet(path):
    return as_table(pq.read_table(path, page_checksum_verification=True))


def write_fits(path, t):
    t.write(path, overwrite=True)
    flush(path)


def write_csv(path, t):
    pa_csv.write_csv(as_arrow(t), path)
    flush(path)


def write_hdf5(path, t):
    with h5py.File(path, "w") as file:
        for name in t.colnames:
            file.create_dataset(name, data=t[name], compression="lzf", shuffle=True, fletcher32=True, chunks=(2**17,))
    flush(path)


def read_hdf5(path):
    with h5py.File(path) as file:
        return Table({name: file[name][()] for name in file}, copy=False)


def main() -> None:
    t = sample()
    head("raw")
    with tempfile.TemporaryDirectory() as folder:
        cases = {
            "Parquet (pyarrow)": (".parquet", write_parquet, read_parquet),
            "FITS (astropy)": (
                ".fits",
                write_fits,
                lambda p: Table.read(p, memmap=False, character_as_bytes=False),
            ),
            "CSV (pyarrow)": (".csv", write_csv, lambda p: as_table(pa_csv.read_csv(p))),
            "HDF5 (h5py)": (".h5", write_hdf5, read_hdf5),
        }
        for what, (suffix, write_raw, read_raw) in cases.items():
            ours, theirs = f"{folder}/ours{suffix}", f"{folder}/raw{suffix}"
            found = medians(
                RUNS,
                ours=lambda p=ours: table.write(t, p, overwrite=True),
                raw=lambda p=theirs, w=write_raw: w(p, t),
            )
            row(f"write {what}", found)
            row(
                f"read {what}",
                medians(RUNS, ours=lambda p=ours: table.read(p), raw=lambda p=theirs, r=read_raw: r(p)),
            )


if __name__ == "__main__":
    main()
