"""Speed of the default statistic, one core: search, steps, whole objects, a whole tile, and memory.

    python bench_profiles.py [REPEATS]

The rival of the search is this package's own scan in the predecessor's statistic (bench_fit.py puts that beside NumPy).
Medians of wall time; compilation happens before. Exactness: coarse-to-fine against all models of the same grid.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_pool] = "1"

MEMORY = """
from dre import CLASSIC, SEARCH, Fitter, SearchGrid, fit_profiles
from bench_profiles import moffat, objects
grid = SearchGrid.build(GRID, moffat())
list(fit_profiles(objects(64), Fitter(grid, moffat(), 1.0), workers=8))
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) / 1024)
"""


def moffat():
    import numpy as np

    from dre import PSFModel

    y, x = np.mgrid[-12:13, -12:13]
    psf = (1 + (x**2 + y**2) / 2.45**2) ** -3.5
    return PSFModel((psf / psf.sum())[None], clip=False)


def objects(count: int, radius: float = 11.2, seed: int = 1) -> list:
    """Stamps of 128 x 128 px, free index, 1e4 to 2e5 counts, masks of 400 px by default."""
    import numpy as np

    from dre import Profile, Renderer, Stamp

    rng, renderer = np.random.default_rng(seed), Renderer.through(moffat(), 128)
    y, x = np.mgrid[:128, :128] - 63.5
    found = []
    for k in range(count):
        shape = 10 ** rng.uniform(0.2, 1.1), rng.uniform(0.2, 1), rng.uniform(0, 180), np.exp(rng.uniform(-0.7, 1.8))
        picture = renderer.image(Profile(*shape, 10 ** rng.uniform(4, 5.3), *rng.uniform(-0.5, 0.5, 2)))
        image = picture + rng.normal(size=(128, 128)) * np.sqrt(np.maximum(picture, 0) + 49)
        rms, others = np.full((128, 128), 7, np.float32), np.zeros((128, 128), np.int32)
        mask = np.hypot(x, y) < radius
        found.append(Stamp(f"00_{k:04d}", image.astype(np.float32), mask, rms, 0, k, None, None, others))
    return found


def timed(work: Callable[[], object], repeats: int) -> float:
    """Median of wall time, s."""
    work()
    spent = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        spent.append(time.perf_counter() - started)
    return statistics.median(spent)


def main(repeats: int) -> None:
    from dre import CLASSIC, SEARCH, Fitter, ModelGrid, SearchGrid

    psf = moffat()
    long = replace(CLASSIC, n=SEARCH.n)
    grids = {}
    for name, axes in (("classic", CLASSIC), ("classic x 7 indices", long), ("default", SEARCH)):
        started = time.perf_counter()
        grids[name] = SearchGrid.build(axes, psf)
        print(f"{f'draw the {name} grid, {axes.count} models':50}{time.perf_counter() - started:9.2f} s")
    convolved = ModelGrid.generate().convolve(psf.pixels())
    against_compatible(grids["classic"], convolved, repeats)
    searches(grids, repeats)
    whole_objects(Fitter(grids["classic"], psf, 1.0), "classic grid", repeats)
    whole_objects(Fitter(grids["default"], psf, 1.0), "default grid", repeats)
    exactness(grids, 400)
    memory()


def against_compatible(grid, convolved, repeats: int) -> None:
    from dre.compare import fit_one
    from dre.pixels import Pixels

    print("\nclassic grid, a start: predecessor's statistic in the mask, default one with sky around it and a centre")
    for pixels, radius in ((400, 11.3), (1500, 21.9), (5000, 39.9)):
        stamp = objects(1, radius)[0]
        old = timed(lambda stamp=stamp: fit_one(stamp, convolved), repeats)
        new = timed(lambda stamp=stamp: begin(grid, Pixels.of(stamp, 1.0)), repeats)
        print(f"  mask of {pixels:5d} px: {1e3 * old:8.2f} ms {1e3 * new:8.2f} ms, ratio {old / new:5.1f}")


def begin(grid, pixels):
    """Best model, and the start between it and those beside it."""
    return grid.start(pixels, grid.best(pixels)[0])


def searches(grids: dict, repeats: int) -> None:
    from dre.pixels import Pixels

    pixels = Pixels.of(objects(1)[0], 1.0)
    print("\nsearch of one object on the whole stamp, coarse to fine and with all models")
    for name, grid in grids.items():
        coarse, full = (timed(lambda f=f: f(pixels), repeats) for f in (grid.best, grid.exhaustive))
        print(
            f"  {name:22} {grid.axes.count:6d} models {1e3 * coarse:8.2f} ms ({1 / coarse:6.0f}/s) {1e3 * full:8.2f} ms"
        )


def whole_objects(fitter, name: str, repeats: int) -> None:
    from dre.pixels import Pixels
    from dre.polish import View, polish
    from dre.profiles import fit_profiles

    stamps = objects(40)
    starts = [(p := Pixels.of(one, 1.0), begin(fitter.grid, p)) for one in stamps]
    cells = fitter.cells(stamps[0])
    steps = timed(
        lambda: [polish([View(p, cells)], s, fixed_index=fitter.fixed_index) for p, s in starts], max(repeats // 4, 3)
    )
    all_of = timed(lambda: list(fit_profiles(stamps, fitter)), max(repeats // 4, 3))
    print(
        f"\n{name}: steps to the best profile {1e3 * steps / 40:.2f} ms; all of one object: {40 / all_of:.0f} objects/s"
    )


def exactness(grids: dict, count: int) -> None:
    from dre.pixels import Pixels

    stamps = [Pixels.of(one, 1.0) for one in objects(count, seed=2)]
    print(f"\ncoarse to fine finds the best of all models: {count} objects")
    for name, grid in grids.items():
        same = sum(grid.best(one)[0] == grid.exhaustive(one) for one in stamps)
        print(f"  {name:22} {100 * same / count:6.2f} %")


def memory() -> None:
    print("\nlargest memory of a process that draws the grid and fits with 8 threads")
    for name in ("CLASSIC", "SEARCH"):
        out = subprocess.run(
            [sys.executable, "-c", MEMORY.replace("GRID", name)], check=True, capture_output=True, text=True,
            cwd=Path(__file__).resolve().parent,
        ).stdout  # fmt: skip
        print(f"  {name:10}{float(out):8.0f} MiB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 21)
