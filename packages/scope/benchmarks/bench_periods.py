"""Periods found beside periods known, on real stars that no choice was made on.

    ASTRO_TEST_DATA=FOLDER python bench_periods.py [--all] [--shuffles N]

The choices in scope.periods (weights, screens, priors, laws of chance) were made on every second star of each set;
this scores the others (real_stars.py). Exact: |f - f0| < 0.75 / T; harmonic: the same for 1, 1/2, 2, 1/3 or 3 times the
period. Intervals are those of Wilson (1927) at 95 %. Without --all every fifth star of the large sets is taken. False
alarms: N shuffles of each star, 1 without --all.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from real_stars import Bands, cleaned, eclipsing, pools, shuffled, singles, stripe82
from shared_io import table

from scope.periods.grid import terrestrial
from scope.periods.search import NESTED, Options, find_periods
from scope.periods.series import Series

SEED = 20231
RATIOS = (1, 0.5, 2, 1 / 3, 3)
NAMES = ("ELS", "ECE", "EAOV", NESTED)


def main(everything: bool, shuffles: int) -> None:
    root = os.environ.get("ASTRO_TEST_DATA")
    if not root:
        print("skipped: ASTRO_TEST_DATA is not set, the real light curves are not here")
        return
    data, step = Path(root) / "scope" / "lightcurves", 1 if everything else 5
    print(f"{'stars':44} {'n':>4}  exact of {' '.join(f'{name:>13}' for name in NAMES)}   harmonic of {NESTED}")
    stripe = list(stripe82(data))[1::2]
    score("Stripe 82 RR Lyrae, g", [(p, [b["g"]]) for p, b in stripe if "g" in b][::step])
    score("Stripe 82 RR Lyrae, ugriz", [(p, list(b.values())) for p, b in stripe][::step])
    banded = [(p, b) for p, b in stripe if terrestrial(np.array([1 / p]))[0]]
    score("those in a terrestrial band, g", [(p, [b["g"]]) for p, b in banded if "g" in b])
    score("those in a terrestrial band, ugriz", [(p, list(b.values())) for p, b in banded])
    binaries = [star for name, star in eclipsing(data)][1::2]
    score("ZTF eclipsing binaries, each filter", [(p, [b]) for p, bands in binaries for b in bands if len(b[0]) >= 50])
    score("ZTF eclipsing binaries, all filters", binaries)
    negatives(data)
    quadrant(data, step)
    false_alarms(data, step, shuffles)


def score(title: str, stars: list[tuple[float, Bands]]) -> None:
    started = time.perf_counter()
    exact, harmonic, claimed = [], [], 0
    for period, bands in stars:
        series = Series.of(bands)
        found = find_periods(series, Options(NAMES))
        off = {name: abs(1 / found.answers[name].period - np.array(RATIOS) / period) for name in NAMES}
        exact.append([off[name][0] < 0.75 / series.baseline for name in NAMES])
        harmonic.append((off[NESTED] < 0.75 / series.baseline).any())
        claimed += found.periodic
    rates = "  ".join(interval(np.sum(column), len(stars)) for column in np.array(exact).T)
    seconds = (time.perf_counter() - started) / len(stars)
    last = f"claimed periodic {interval(claimed, len(stars))}  ({seconds:.1f} s each)"
    print(f"{title:44} {len(stars):4}  {rates}  {interval(np.sum(harmonic), len(stars))}  {last}", flush=True)


def interval(hits: float, n: int) -> str:
    z, p = 1.96, hits / n
    middle, half = (p + z**2 / (2 * n)), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    low, high = ((middle + s * half) / (1 + z**2 / n) for s in (-1, 1))
    return f"{p:.3f} ({low:.3f}-{high:.3f})"


def negatives(data: Path) -> None:
    """Supernovae: none repeats."""
    points = table.read(data / "ztf_snia_bts.parquet")
    claimed = total = 0
    for name in np.unique(points["id"]):
        star = points[points["id"] == name]
        bands = [cleaned(star[star["band"] == band]) for band in np.unique(star["band"])]
        if max(len(t) for t, _, _ in bands) >= 5:
            total += 1
            claimed += find_periods(Series.of(bands)).periodic
    print(f"{'ZTF SN Ia claimed periodic':44} {total:4}  {interval(claimed, total)}")


def quadrant(data: Path, step: int) -> None:
    """All that is there: mostly constant stars."""
    stars = singles(data / "ztf_000250_zg_c01_q1_dr5.parquet")[1::2][::step]
    found = [find_periods(Series.of(bands)) for bands in stars]
    for limit in (0.01, 0.001):
        claimed = sum(replace(f, max_fap=limit).periodic for f in found)
        print(f"{f'ZTF DR5 quadrant, periodic at FAP {limit}':44} {len(found):4}  {interval(claimed, len(found))}")


def false_alarms(data: Path, step: int, shuffles: int) -> None:
    """Magnitudes in a random order at the true times: how often a nominal probability is reached."""
    rng = np.random.default_rng(SEED)
    stars = {kind: every[::step] for kind, every in pools(data, 1).items()}
    found: dict[str, list[float]] = {kind: [] for kind in stars}
    for _ in range(shuffles):
        for kind, some in stars.items():
            found[kind] += [find_periods(Series.of(shuffled(bands, rng))).fap for bands in some]
    print(f"\n{'shuffled in time':44} {'n':>4}  observed at nominal 0.05, 0.01, 0.001")
    for kind, values in found.items():
        alarms(kind, np.array(values))
    alarms("all of them", np.concatenate([np.array(values) for values in found.values()]))


def alarms(title: str, found: np.ndarray) -> None:
    rates = "  ".join(interval(np.sum(found <= limit), len(found)) for limit in (0.05, 0.01, 0.001))
    print(f"{title:44} {len(found):4}  {rates}", flush=True)


if __name__ == "__main__":
    words = sys.argv[1:]
    main("--all" in words, int(words[words.index("--shuffles") + 1]) if "--shuffles" in words else 1)
