"""From an image to a table: a simulated tile through every step, one core.

    python bench_tile.py [GALAXIES] [SIDE]

The tile (default 1000 galaxies on 4096 x 4096 pixels) is made before the clock starts. Every road is one command,
``dre run``, from the image to the table; then the steps are given one by one, with the cuts written to a file between
them. All in one process, as of a survey of many tiles: a small tile with another PSF goes first, and what it takes is
told apart as start-up and compilation. PSF and sources by SExtractor and PSFEx where they are installed, or by the
embedded ones; the models are those of the classic grid (held index) and of the default one, convolved with the tile's
own PSF. Beside the clock stands the processor's time, which other work on the machine disturbs less, and the share of
SExtractor and PSFEx in it.
"""

from __future__ import annotations

import contextlib
import io
import os
import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_pool] = "1"
os.environ["DRE_CACHE"] = "off"

import numpy as np  # noqa: E402
from astropy.io import fits as afits  # noqa: E402

RUN = "run Tiles/tile.fits --gain counts --no-report -o"
ROADS = (
    ("predecessor's statistic, classic grid", f"{RUN} One --statistic dre -m classic.fits"),
    ("profiles, classic grid (index 4)", f"{RUN} Two -m classic.fits"),
    ("profiles, default grid (any index)", f"{RUN} Three"),
)
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
            spent[what] = timed(folder)
        fitted = len(afits.getdata(folder / "Summary" / "tile_tab.fits", 1))
    print(f"start-up and compilation, with a small tile: {sum(took.clock for took in spent['small'].values()):.1f} s")
    print(f"{side} x {side} px, {galaxies} galaxies, {fitted} fitted, one core")
    print(f"{'':44}{'clock [s]':>10}{'objects/s':>10}{'cpu [s]':>10}{'objects/s':>10}{'of it programs':>16}")
    for (title, took), number in zip(spent["tile"].items(), range(len(ROADS) + len(STEPS)), strict=True):
        if number in (0, len(ROADS)):
            print("from the image to the table in one command" if number == 0 else "step by step, with a file of cuts")
        rates = fitted / took.clock, fitted / took.cpu
        print(f"  {title:42}{took.clock:10.2f}{rates[0]:10.0f}{took.cpu:10.2f}{rates[1]:10.0f}{took.programs:16.2f}")


class Spent(NamedTuple):
    """Seconds: of the clock, of processors, and those of them that other programs (SExtractor, PSFEx) took."""

    clock: float
    cpu: float
    programs: float

    @classmethod
    def now(cls) -> Spent:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        programs = children.ru_utime + children.ru_stime
        return cls(time.perf_counter(), time.process_time() + programs, programs)


def timed(folder: Path) -> dict[str, Spent]:
    """Run every road and every step in a folder."""
    spent = {}
    with contextlib.chdir(folder):
        run("init")
        run("models classic.fits")
        for title, line in (*ROADS, *STEPS):
            before = Spent.now()
            run(line)
            spent[f"{title} " if title in spent else title] = Spent(
                *(b - a for a, b in zip(before, Spent.now(), strict=True))
            )
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
