"""Fit the laws of scope.periods.significance to shuffled light curves of the half of choices.

    ASTRO_TEST_DATA=FOLDER python fit_false_alarms.py [--shuffles N]

Prints the laws as they stand in that module, and how often a nominal probability was observed on the same stars
(bench_periods.py --shuffles counts on the others). Tails matter: below its eighth decile a value only counts as
being below.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
from real_stars import pools, shuffled
from scipy.optimize import minimize

from scope.periods.search import NESTED, Options, find_periods
from scope.periods.series import Series
from scope.periods.significance import kurtosis, rank_merit

SEED = 82
DECILE = 1.5  # in scales above the location: the eighth decile of Gumbel's law


def main(shuffles: int) -> None:
    root = os.environ.get("ASTRO_TEST_DATA")
    if not root:
        print("skipped: ASTRO_TEST_DATA is not set, the real light curves are not here")
        return
    rng = np.random.default_rng(SEED)
    rows, kinds = [], []
    for kind, stars in pools(Path(root) / "scope" / "lightcurves", 0).items():
        for bands in stars:
            for _ in range(shuffles):
                rows.append(chance(shuffled(bands, rng)))
                kinds.append(kind)
        print(f"{kind}: {len(stars)} stars", flush=True)
    columns, names = np.array(rows).T, np.array(kinds)
    binaries = np.char.find(names, "binaries") >= 0
    binaries |= np.char.find(names, "the same") >= 0
    report("RANKS", columns, columns[0], names, ~binaries, tails=False)
    report("MAGNITUDES", columns, columns[1], names, np.ones(len(names), bool), tails=True)


def chance(bands: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> tuple[float, ...]:
    """Return both merits of what a search finds, and what they depend on."""
    series = Series.of(bands)
    found = find_periods(series, Options((NESTED,)))
    sizes = np.log([len(band.t) for band in series.bands])
    frequency = 1 / found.answers[NESTED].period
    return (
        rank_merit(series, frequency), found.merit, float(sizes.sum()), float(np.log(series.baseline)),
        float(len(sizes)), float(sizes.mean()), float(np.log(kurtosis(series.merged.mag))),
    )  # fmt: skip


def report(
    name: str, columns: np.ndarray, value: np.ndarray, kinds: np.ndarray, used: np.ndarray, *, tails: bool
) -> None:
    """Fit a law by the likelihood of its tail and print it."""
    sums, baseline, bands, mean, heavy = columns[2:]
    design = np.stack([np.ones(len(value)), sums, baseline, bands], axis=1)
    slope = heavy if tails else mean

    def laws(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return design @ x[:4], np.exp(x[4] + x[5] * slope)

    def whole(x: np.ndarray) -> float:
        location, scale = laws(x)
        z = ((value - location) / scale)[used]
        return float((np.log(scale[used]) + z + np.exp(-np.clip(z, -50, 50))).sum())

    start = np.append(np.linalg.lstsq(design[used], value[used], rcond=None)[0], [np.log(3.5), 0.0])
    options = {"maxiter": 40000, "maxfev": 40000}
    first = minimize(whole, start, method="Nelder-Mead", options=options).x
    location, scale = laws(first)
    limit = location + DECILE * scale

    def tail(x: np.ndarray) -> float:
        location, scale = laws(x)
        z, least = (value - location) / scale, (limit - location) / scale
        above = -np.log(scale) - z - np.exp(-np.clip(z, -50, 50))
        return -float(np.where(value > limit, above, -np.exp(-np.clip(least, -50, 50)))[used].sum())

    best = minimize(tail, first, method="Nelder-Mead", options=options).x
    more = "scale_tails" if tails else "scale_points"
    print(f"{name} = Law({', '.join(f'{x:.3f}' for x in best[:5])}, {more}={best[5]:.3f})")
    location, scale = laws(best)
    probability = -np.expm1(-np.exp(np.clip(-(value - location) / scale, -700, 700)))
    for kind in dict.fromkeys(kinds.tolist()):
        rates = [np.mean(probability[kinds == kind] < p) for p in (0.1, 0.05, 0.01)]
        print(f"  {kind:28} {np.sum(kinds == kind):5}  " + "  ".join(f"{r:.4f}" for r in rates))


if __name__ == "__main__":
    main(int(sys.argv[sys.argv.index("--shuffles") + 1]) if "--shuffles" in sys.argv else 4)
