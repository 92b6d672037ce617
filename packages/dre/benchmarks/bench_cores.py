"""How a run grows with the cores: the same images by 1, 2, 4, ... cores, as far as the machine has them.

    python bench_cores.py [IMAGES] [GALAXIES an image]

Simulated images of 2048 x 2048 px (default 4 of 250 galaxies), ``dre run`` from the images to the tables, then with one
image alone, whose objects are shared out to threads. Each run is a program of its own, start-up included; one that is
not counted compiles. Beside the clock stands the largest memory of any one process, and of all together (shared pages
counted once: the proportional set size, looked at ten times a second).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from astropy.io import fits as afits

from dre.simulate import Recipe, simulate_tile

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
os.environ["DRE_CACHE"] = "off"


class Spent(NamedTuple):
    """Seconds of the clock, and MiB of the largest process and of all."""

    clock: float
    largest: float
    together: float


def main(images: int, galaxies: int) -> None:
    cores = [c for c in (1, 2, 4, 8, 16, 32, 64) if c <= (os.cpu_count() or 1)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "Tiles").mkdir()
        recipe = Recipe(size=2048, galaxies=galaxies, stars=100)
        for k in range(images):
            image = simulate_tile(recipe, np.random.default_rng(k)).image
            afits.writeto(folder / "Tiles" / f"t{k}.fits", image, afits.Header([("GAIN", 1.0)]))
        run(folder, "Tiles/t0.fits", 1, "compiled")
        for what, path in ((f"{images} images", "Tiles"), ("one image", "Tiles/t0.fits")):
            alone = None
            print(f"\n{what}\n{'cores':>8}{'clock [s]':>12}{'objects/s':>12}{'of one core':>14}{'MiB each, all':>18}")
            for count in cores:
                spent = run(folder, path, count, f"{len(what)}x{count}")
                fitted = sum(
                    len(afits.getdata(table, 1))
                    for table in (folder / f"{len(what)}x{count}" / "Summary").glob("*.fits")
                )
                alone = alone or spent.clock
                memory = f"{spent.largest:.0f}, {spent.together:.0f}"
                print(
                    f"{count:8d}{spent.clock:12.2f}{fitted / spent.clock:12.0f}{alone / spent.clock:13.2f}x{memory:>18}"
                )


def run(folder: Path, path: str, cores: int, output: str) -> Spent:
    """Run a command to its end, watching its memory."""
    line = [str(Path(sys.executable).with_name("dre")), "run", path, "-o", output, "--gain", "counts", "--no-report",
            "--cpu", str(cores)]  # fmt: skip
    started = time.perf_counter()
    process = subprocess.Popen(line, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    largest = together = 0.0
    while process.poll() is None:
        sizes = [_sizes(pid) for pid in _family(process.pid)]
        largest = max([largest, *(rss for rss, _ in sizes)])
        together = max(together, sum(pss for _, pss in sizes))
        time.sleep(0.1)
    if process.returncode:
        raise RuntimeError((process.stderr.read() if process.stderr else b"").decode())
    return Spent(time.perf_counter() - started, largest, together)


def _family(pid: int) -> list[int]:
    """A process and all that it has started."""
    found = [pid]
    for one in found:
        try:
            found += [int(child) for child in Path(f"/proc/{one}/task/{one}/children").read_text().split()]
        except OSError:
            continue
    return found


def _sizes(pid: int) -> tuple[float, float]:
    """Resident and proportional set size, MiB."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0, 0.0
    values = {words[0]: int(words[1]) / 1024 for line in lines if len(words := line.split()) == 3}
    return values.get("Rss:", 0.0), values.get("Pss:", 0.0)


if __name__ == "__main__":
    main(*(int(value) for value in (*sys.argv[1:], *("4", "250")[len(sys.argv) - 1 :])))
