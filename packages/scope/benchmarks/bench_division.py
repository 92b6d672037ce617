"""What stars are estimated to take when a quadrant is divided into blocks, beside what they take.

    python bench_division.py

Simulated stars, one core, process time; up to 48 / d. Stars of a quadrant share exposures, stars of a list do not.
"""

from __future__ import annotations

import time

import numpy as np

from scope.features.assembly import Recipe, baselines, measure
from scope.lightcurves.record import LightCurves
from scope.periods.search import Options
from scope.pipeline.division import seconds

STARS = 8
SEARCHES = {"two stages": Options(), "at all frequencies": Options(full=True), "LS alone": Options(("LS",))}


def main() -> None:
    measure(curves(60, 900.0, together=True), Recipe())  # compiles
    measure(curves(60, 900.0, together=True), Recipe(Options(full=True)))
    print(f"{'seconds for a star':22} {'points':>6} {'days':>6} {'estimate':>9} {'together':>9} {'alone':>9}")
    for title, options in SEARCHES.items():
        for points in (60, 300, 1000):
            for days in (900.0, 2700.0) if title == "two stages" else (900.0,):
                row(title, Recipe(options), points, days)


def row(title: str, recipe: Recipe, points: int, days: float) -> None:
    cells = []
    for together in (True, False):
        some = curves(points, days, together=together)
        if not cells:
            cells.append(float(seconds(some.counts, baselines(some), recipe).mean()))
        started = time.process_time()
        measure(some, recipe)
        cells.append((time.process_time() - started) / STARS)
    print(f"{title:22} {points:6} {days:6.0f} " + " ".join(f"{cell:9.3f}" for cell in cells), flush=True)


def curves(points: int, days: float, *, together: bool) -> LightCurves:
    rng = np.random.default_rng(points)
    exposures = np.sort(rng.uniform(0, days, points))
    parts = []
    for _ in range(STARS):
        t = exposures if together else np.sort(rng.uniform(0, days, points))
        err = rng.uniform(0.02, 0.05, points)
        parts.append((2459000.5 + t, 16 + 0.2 * np.sin(2 * np.pi * t / rng.uniform(0.1, 3)) + rng.normal(0, err), err))
    hjd, mag, magerr = (np.concatenate(values) for values in zip(*parts, strict=True))
    return LightCurves.of_points(np.repeat(np.arange(STARS), points), hjd=hjd, mag=mag, magerr=magerr)


if __name__ == "__main__":
    main()
