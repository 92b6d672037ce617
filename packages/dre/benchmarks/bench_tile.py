"""From an image to a table: a simulated tile through every step, one core.

    python bench_tile.py [GALAXIES] [SIDE]

The tile (default 400 galaxies on 4096 x 4096 pixels) is made before the clock starts; so is compilation, on a small
tile. Each step is a command of its own, so that start-up counts too. PSF and sources by the embedded programs or by
SExtractor and PSFEx where they are installed; the models are those of the classic grid (held index) and of the default
one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_pool] = "1"
os.environ["DRE_CACHE"] = "off"

import numpy as np  # noqa: E402
from astropy.io import fits as afits  # noqa: E402

STEPS = (
    ("sources", "sex --gain counts"), ("PSF", "psfex"), ("cuts", "cuts --compression none"),
    ("profiles, default grid (any index)", "fit --summary Any --cpu 1"),
    ("profiles, classic grid (index 4)", "fit classic.fits --summary Held --cpu 1"),
    ("predecessor's statistic, classic grid", "fit classic.fits --statistic dre --compression none --cpu 1"),
)  # fmt: skip


def main(galaxies: int, side: int) -> None:
    from dre.simulate import Recipe, simulate_tile

    recipe = Recipe(size=side, galaxies=galaxies, stars=max(galaxies // 4, 40))
    with tempfile.TemporaryDirectory() as name:
        for what, one in (("small", replace(recipe, size=700, galaxies=20, stars=30)), ("tile", recipe)):
            folder = Path(name) / what
            (folder / "Tiles").mkdir(parents=True)
            image = simulate_tile(one, np.random.default_rng(7)).image
            header = afits.Header([("GAIN", 1.0), ("EXPTIME", 1.0)])
            afits.writeto(folder / "Tiles" / "tile.fits", image, header)
            seconds = road(folder)
        fitted = len(afits.getdata(folder / "Summary" / "tile_tab.fits", 1))
    print(f"{side} x {side} px, {galaxies} galaxies, {fitted} fitted, one core")
    for title, spent in seconds.items():
        print(f"  {title:42}{spent:8.2f} s {fitted / spent:8.0f} objects/s")
    road_there = sum(list(seconds.values())[:3])
    for title in list(seconds)[3:]:
        total = road_there + seconds[title]
        print(f"tile to table with {title:42}{total:8.2f} s {fitted / total:8.0f} objects/s")


def road(folder: Path) -> dict[str, float]:
    """Run every step in a folder and time it."""
    run(folder, "init")
    run(folder, "models classic.fits")
    spent = {}
    for title, line in STEPS:
        started = time.perf_counter()
        run(folder, line)
        spent[title] = time.perf_counter() - started
    return spent


def run(folder: Path, line: str) -> None:
    code = "from dre.cli import main; main()"
    subprocess.run([sys.executable, "-c", code, *line.split()], cwd=folder, check=True, capture_output=True)


if __name__ == "__main__":
    main(*(int(value) for value in (sys.argv[1:] or ["400", "4096"])[:2]))
