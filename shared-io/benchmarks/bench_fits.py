"""Reading and writing an image of 4096 x 4096, against astropy: ``python benchmarks/bench_fits.py``."""

from __future__ import annotations

import os
import tempfile

import numpy as np
from astropy.io import fits as astropy_fits
from shared_io import fits
from shared_io.fits.checksum import ones_sum
from timing import flush, head, medians, row

RUNS = int(os.environ.get("BENCH_RUNS", "7"))


def read_raw(path):
    """Pixels in memory, native: what any computation needs."""
    data = astropy_fits.getdata(path, memmap=False)
    return data.astype(data.dtype.newbyteorder("="), copy=False)


def write_raw(path, data):
    astropy_fits.PrimaryHDU(data).writeto(path, overwrite=True, checksum=True)
    flush(path)


def main() -> None:
    head("astropy")
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        for code in ("f4", "i2", "u2", "f8"):
            data = rng.integers(0, 30000, (4096, 4096)).astype(code)
            path = f"{folder}/{code}.fits"
            fits.write_image(path, data)
            found = medians(RUNS, ours=lambda p=path: fits.read_image(p, verify=False), raw=lambda p=path: read_raw(p))
            row(f"read {code}", found)
            checked = medians(
                RUNS,
                ours=lambda p=path: fits.read_image(p),
                raw=lambda p=path: astropy_fits.open(p, checksum=True, memmap=False)[0].data.copy(),
            )
            row(f"read {code}, checksums verified by both", checked)
        data = rng.normal(size=(4096, 4096)).astype("f4")
        path = f"{folder}/w.fits"
        found = medians(
            RUNS, ours=lambda: fits.write_image(path, data, overwrite=True), raw=lambda: write_raw(path, data)
        )
        row("write f4 with checksums, flushed", found)
    raw = np.frombuffer(data.tobytes(), np.uint8)
    seconds = medians(RUNS, ours=lambda: ones_sum(raw))["ours"]
    print(f"\nchecksum alone: {raw.size / seconds / 1e9:.1f} GB/s on one core")


if __name__ == "__main__":
    main()
