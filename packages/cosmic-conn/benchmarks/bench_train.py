"""How many stamps a second are learnt from: this package beside Cosmic-CoNN, same data, network, stamps and threads.

    python benchmarks/bench_train.py [PYTHON] [--crop 256] [--batch 4] [--threads 1] [--norm group] [--side 1024]

PYTHON is the interpreter of an environment with Cosmic-CoNN; without it only this package is timed. Each is run twice
as a program, with 2 and with 6 epochs of the same files, so that starting, validation and the page at the end cancel;
seconds of the CPU, those of loading processes included, are counted beside seconds of the clock.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from astropy.io import fits

from cosmic_conn.simulate import Detector, Particles, Scene, expose, shower
from cosmic_conn.simulate.optics import PSF, stars

FILES, HELD, SHORT, LONG = 10, 2, 2, 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python", nargs="?")
    for name, default in (("crop", 256), ("batch", 4), ("threads", 1), ("side", 1024), ("hidden", 32)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--norm", default="group")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_data(Path(folder, "data", "masked_fits"), asked.side)
        rows = [("this package", *timed(sys.executable, asked, folder))]
        if asked.python:
            rows.append(("Cosmic-CoNN", *timed(asked.python, asked, folder)))
    print(f"stamps of {asked.crop} pixels, {asked.batch} in a step, hidden {asked.hidden}, norm {asked.norm}, "
          f"frames of 3 x {asked.side} x {asked.side}, {asked.threads} thread(s)")  # fmt: skip
    print(f"{'':14} {'stamps / s':>12} {'stamps / CPU s':>16}")
    for name, clock, cpu in rows:
        print(f"{name:14} {clock:12.2f} {cpu:16.2f}")
    if len(rows) > 1:
        print(f"{'ratio':14} {rows[0][1] / rows[1][1]:12.2f} {rows[0][2] / rows[1][2]:16.2f}")


def timed(python: str, asked: argparse.Namespace, folder: str) -> tuple[float, float]:
    """Return stamps a second, of the clock and of the CPU."""
    (clock, cpu), (more_clock, more_cpu) = (run(python, epochs, asked, folder) for epochs in (SHORT, LONG))
    stamps = (LONG - SHORT) * (FILES - HELD)
    return stamps / (more_clock - clock), stamps / (more_cpu - cpu)


def run(python: str, epochs: int, asked: argparse.Namespace, folder: str) -> tuple[float, float]:
    """Train in a process and return its seconds, of the clock and of the CPU."""
    words = f"--data data --epoch {epochs} --crop {asked.crop} --batch {asked.batch} --hidden {asked.hidden}"
    words += f" --norm {asked.norm} --validate_freq 1000 --max_valid_size {HELD} --valid_crop 64 --comment {epochs}"
    if python == sys.executable:
        words += f" --threads {asked.threads} --overwrite --no-tensorboard"
    env = {**os.environ, "OMP_NUM_THREADS": str(asked.threads), "MKL_NUM_THREADS": str(asked.threads)}
    env.pop("PYTHONPATH", None)  # both packages are called cosmic_conn
    before, start = cpu_seconds(), time.perf_counter()
    command = [python, "-m", "cosmic_conn.train", *words.split()]
    # The predecessor ends with exit code 1 when all is well.
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode and "Finish training" not in done.stderr + done.stdout:
        raise SystemExit(done.stderr[-2000:])
    return time.perf_counter() - start, cpu_seconds() - before


def cpu_seconds() -> float:
    """Return the CPU seconds of all processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def write_data(folder: Path, side: int) -> None:
    """Write masked sequences of three exposures, as the LCO data set has them."""
    folder.mkdir(parents=True)
    shape = (side, side)
    for number in range(FILES):
        random = np.random.default_rng(number)
        light = stars(shape, np.minimum(300 * random.random(200) ** -1.6, 2e5), PSF(3.0), random) + 200
        frames, masks = [], []
        for version in (1, 2, 3):
            charge = shower(shape, Particles(100, 60, 40, 40, charge=900), random)
            frame = expose(Scene(light.astype(np.float32), PSF(3.0), 200.0), charge, Detector(), random)
            header = fits.Header({"EXPTIME": 120.0, "OBJECT": f"field {number}"})
            frames.append(fits.ImageHDU(frame.pixels, header, name="SCI", ver=version))
            masks.append(fits.ImageHDU((charge > 4 * frame.noise).astype(np.uint8), name="CR", ver=version))
        empty = [fits.ImageHDU(np.zeros(shape, np.uint8), name="IGNORE", ver=version) for version in (1, 2, 3)]
        primary = fits.PrimaryHDU(header=fits.Header({"FRMTOTAL": 3}))
        middle = [fits.ImageHDU(np.ones(shape, np.uint8), name="VALID_MASK"), fits.BinTableHDU(name="CAT")]
        fits.HDUList([primary, *frames, *middle, *masks, *empty]).writeto(folder / f"lco_{number}_masks.fits")


if __name__ == "__main__":
    main()
