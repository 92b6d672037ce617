"""From an image to a table: a simulated tile through every step, one core.

    python bench_tile.py [GALAXIES] [SIDE]

The tile (default 1000 galaxies on 4096 x 4096 pixels) is made before the clock starts. Every step is the command, all
in one process, as of a survey of many tiles: a small tile with another PSF goes first, and what it takes is told apart
as start-up and compilation. PSF and sources by SExtractor and PSFEx where they are installed, or by the embedded ones;
the models are those of the classic grid (held index) and of the default one, convolved with the tile's own PSF.
"""

from __future__ import annotations

import contextlib
import io
import os
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
    spent = {}
    with tempfile.TemporaryDirectory() as name:
        for what, one in (("small", replace(recipe, size=700, galaxies=20, stars=30)), ("tile", recipe)):
            folder = Path(name) / what
            (folder / "Tiles").mkdir(parents=True)
            image = simulate_tile(one, np.random.default_rng(7)).image
            header = afits.Header([("GAIN", 1.0), ("EXPTIME", 1.0)])
            afits.writeto(folder / "Tiles" / "tile.fits", image, header)
            spent[what] = road(folder)
        fitted = len(afits.getdata(folder / "Summary" / "tile_tab.fits", 1))
    seconds = spent["tile"]
    print(f"start-up and compilation, with a small tile: {sum(spent['small'].values()):.1f} s")
    print(f"{side} x {side} px, {galaxies} galaxies, {fitted} fitted, one core")
    for title, took in seconds.items():
        print(f"  {title:42}{took:8.2f} s {fitted / took:8.0f} objects/s")
    road_there = sum(list(seconds.values())[:3])
    for title in list(seconds)[3:]:
        total = road_there + seconds[title]
        print(f"tile to table with {title:42}{total:8.2f} s {fitted / total:8.0f} objects/s")


def road(folder: Path) -> dict[str, float]:
    """Run every step in a folder and time it."""
    with contextlib.chdir(folder):
        run("init")
        run("models classic.fits")
        spent = {}
        for title, line in STEPS:
            started = time.perf_counter()
            run(line)
            spent[title] = time.perf_counter() - started
    return spent


def run(line: str) -> None:
    """Give a command of dre, in this process."""
    from dre.cli import main as command

    sys.argv = ["dre", *line.split()]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            command()
        except SystemExit as end:
            if end.code:
                raise RuntimeError(f"dre {line}: {said.getvalue()}") from None


if __name__ == "__main__":
    main(*(int(value) for value in (sys.argv[1:] or ["1000", "4096"])[:2]))
