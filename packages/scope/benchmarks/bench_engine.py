"""The survey engine: Lomb-Scargle of curves that share exposures, and the search in two stages beside the full one.

    [ASTRO_TEST_DATA=FOLDER] python bench_engine.py [--all]

One core, one run: the codes compared take turns, and each number is the median over the turns of process time. The
first table is of 64 curves that each miss some of the exposures, over the same frequencies for all codes, ten in the
width of a peak. Its last columns are what a search does: the 20 highest peaks on that grid with their exact power, for
which the engine computes only four frequencies a peak and the exact kernel's power around them; the best single-curve
code is scope's or nifty-ls', which is compared where it is installed.

With the real data set, also: whether the engine's highest peak is that of the single-curve kernel, on the DR5 quadrant;
and, on the half of the stars that no choice was made on (real_stars.py), how often the search in two stages gives the
answer of the full search. The same answer is the same verdict, periodic or not, and for a periodic star the same period
within 0.1 / T; for the others the period is chance's, and how often that is the same is printed beside it. Without
--all every fifth star of the large sets is taken. Intervals are those of Wilson (1927) at 95 %.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from bench_periods import interval
from real_stars import Bands, pools, singles
from threadpoolctl import threadpool_limits

from scope.kernels.harmonic_sums import highest_peaks
from scope.kernels.lomb_scargle import lomb_scargle
from scope.kernels.shared_exposures import BLOCK, shared_lomb_scargle, whole_weights
from scope.periods import sharing, two_stage
from scope.periods.grid import FrequencyGrid
from scope.periods.screens import AT, SCREENS
from scope.periods.search import NESTED, Options, find_many, find_periods
from scope.periods.series import Band, Series

BLOCKS, CURVES, TURNS, PEAKS = 400, 64, 5, 20


def main(everything: bool) -> None:
    root = os.environ.get("ASTRO_TEST_DATA")
    data = Path(root) / "scope" / "lightcurves" if root else None
    real = singles(data / "ztf_000250_zg_c01_q1_dr5.parquet") if data else []
    print(f"{'ns per frequency and point':46} {'engine':>7} {'scope':>7} {'nifty':>7} {'ratio':>6}   20 peaks  ratio")
    if real:
        speed("real ZTF DR5 quadrant, 89 exposures", [Series.of(bands) for bands in real[100 : 100 + CURVES]])
    for exposures in (100, 300, 1000):
        speed(f"{exposures} exposures, 85 % of them in each curve", simulated(exposures))
    if data is None:
        print("\nASTRO_TEST_DATA is not set, the real light curves are not here")
        return
    step = 1 if everything else 5
    peaks([Series.of(bands) for bands in real[::step]])
    print(f"\n{'two stages beside the full search':33} n  same answer, periods of periodic stars, of others; cost")
    total = np.zeros(2)
    for kind, stars in pools(data, 1).items():
        total += agreement(kind, stars[:: step if len(stars) > 100 else 1])
    print(f"{'all of them':30} {int(total[1]):4}  {interval(*total)}")


def simulated(exposures: int) -> list[Series]:
    rng = np.random.default_rng(exposures)
    t = 2459000.5 + np.sort(rng.choice(1826, exposures, replace=False)) + rng.uniform(0.2, 0.4, exposures)
    out = []
    for _ in range(CURVES):
        seen = t[rng.random(exposures) < 0.85] + rng.uniform(-2.5, 2.5) / 86400
        err = rng.uniform(0.02, 0.05, len(seen))
        out.append(Series.of([(seen, 16 + 0.2 * np.sin(2 * np.pi * seen / 0.5678) + rng.normal(0, err), err)]))
    return out


def shared(stars: list[Series], df: float) -> Callable[[], np.ndarray]:
    """The engine on all stars at once, over frequencies 0, df, ..."""
    ticks = [np.rint((star.origin + star.merged.t) * 64 * 48).astype(np.int64) for star in stars]
    every = np.unique(np.concatenate(ticks))
    weights, products = np.zeros((2, len(stars), len(every)), np.float32)
    scales = np.ones(len(stars))
    for row, (star, mine) in enumerate(zip(stars, ticks, strict=True)):
        where = np.searchsorted(every, mine)
        weights[row, where], products[row, where], scales[row] = whole_weights(star.merged.mag, star.merged.weight)
    out = np.empty((BLOCKS, len(stars), BLOCK), np.float32)

    def work() -> np.ndarray:
        shared_lomb_scargle(every / (64 * 48), weights, products, scales, df, out)
        return out

    return work


def speed(title: str, stars: list[Series]) -> None:
    df, nf = 1 / (10 * max(star.baseline for star in stars)), BLOCKS * BLOCK
    few = stars[::8]
    works: dict[str, tuple[Callable[[], object], list[Series]]] = {
        "engine": (shared(stars, df), stars),
        "peaks": (lambda: shared_peaks(stars, df * nf), stars),
        "scope": (lambda: [lomb_scargle(b.t, b.mag, b.weight, 0.0, df, nf) for b in bands(few)], few),
    }
    if find_spec("nifty_ls"):
        peer = import_module("nifty_ls").lombscargle
        limits = {"fmin": df, "fmax": df * nf, "Nf": nf, "nthreads": 1}
        works["nifty"] = (lambda: [peer(b.t, b.mag, b.weight**-0.5, **limits) for b in bands(few)], few)
    taken: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(TURNS + 1):
        for name, (work, some) in works.items():
            started = time.process_time()
            work()
            spent = time.process_time() - started
            if turn:  # the first one warms up
                taken[name].append(spent / nf / sum(len(b.t) for b in bands(some)) * 1e9)
    single = np.min([taken[n] for n in taken if n not in ("engine", "peaks")], axis=0)
    ratios = [np.median(single / np.array(taken[n])) for n in ("engine", "peaks")]
    cells = [f"{np.median(taken[n]):7.3f}" if n in taken else f"{'-':>7}" for n in ("engine", "scope", "nifty")]
    print(
        f"{title:46} {' '.join(cells)} {ratios[0]:6.2f}   {np.median(taken['peaks']):8.3f}  {ratios[1]:5.2f}",
        flush=True,
    )


def shared_peaks(stars: list[Series], max_freq: float) -> None:
    """The highest peaks of all stars by a screen and the exact kernel around its peaks."""
    for k, screened in sharing.screens(stars, max_freq):
        grid = FrequencyGrid.of(stars[k].baseline, max_freq=max_freq)
        tops = highest_peaks(screened.power, 2 * sharing.SAMPLES, sharing.SAMPLES - 1, PEAKS) * screened.df
        AT["LS"](stars[k].merged, grid, two_stage.around(grid, tops))


def bands(stars: list[Series]) -> list[Band]:
    return [star.merged for star in stars]


def peaks(stars: list[Series]) -> None:
    """Whether the best sample of the exact kernel is at the engine's highest peak, or one of its three highest."""
    hits = np.zeros(2)
    worst = 0.0
    for start in range(0, len(stars), CURVES):
        some = stars[start : start + CURVES]
        df = 1 / (10 * max(star.baseline for star in some))
        found = shared(some, df)().transpose(1, 0, 2).reshape(len(some), -1)
        for star, near in zip(some, found, strict=True):
            exact = lomb_scargle(star.merged.t, star.merged.mag, star.merged.weight, 0.0, df, near.size)
            apart = np.abs(highest_peaks(near, 20, 5, 3) - (20 + int(exact[20:].argmax()))) <= 1
            hits += apart[0], apart.any()
            worst = max(worst, float(np.quantile(np.abs(near - exact)[20:], 0.999)))
    print(f"\nhighest peak of the exact kernel, over {BLOCKS * BLOCK} frequencies of {len(stars)} real curves:")
    print(f"  within a sample of the engine's highest   {interval(hits[0], len(stars))}")
    print(f"  within a sample of its three highest      {interval(hits[1], len(stars))}")
    print(f"  difference in power, 99.9 % of frequencies of every curve: < {worst:.4f}")


def agreement(kind: str, stars: list[Bands]) -> tuple[int, int]:
    """Print how the two searches agree and what they cost; return same answers and stars."""
    series = [Series.of(star) for star in stars]
    started = time.process_time()
    staged = dict(find_many(series))
    spent = [time.process_time() - started, 0.0]
    same, periodic, alike = [], [], []
    for k, star in enumerate(series):
        started = time.process_time()
        full = find_periods(star, Options(full=True))
        spent[1] += time.process_time() - started
        apart = abs(1 / full.answers[NESTED].period - 1 / staged[k].answers[NESTED].period)
        alike.append(apart < 0.1 / star.baseline)
        periodic.append(full.periodic)
        same.append(full.periodic == staged[k].periodic and (alike[-1] or not full.periodic))
    yes, near = np.array(periodic), np.array(alike)
    groups = [f"{near[some].sum()}/{some.sum()}" for some in (yes, ~yes)]
    share, cost = folds(series)
    print(f"{kind:30} {len(series):4}  {interval(sum(same), len(same))}  {groups[0]:>9}  {groups[1]:>9}  "
          f"{share:.3f} of the frequencies, {cost:.3f} of the time of the folds; search {spent[0] / spent[1]:.2f}",
          flush=True)  # fmt: skip
    return sum(same), len(same)


def folds(stars: list[Series]) -> tuple[float, float]:
    """Frequencies and time of the folds of two stages, over those of the full search, of some stars."""
    count, spent = np.zeros(2), np.zeros(2)
    for star in stars[:: max(len(stars) // 10, 1)]:
        grid = FrequencyGrid.of(star.baseline)
        where = folded(star, grid)
        count += len(where), grid.size
        for name in ("CE", "AOV"):
            started = time.process_time()
            for _ in range(5):
                AT[name](star.merged, grid, where)
            spent[0] += (time.process_time() - started) / 5
            started = time.process_time()
            SCREENS[name].power(star.merged, grid)
            spent[1] += time.process_time() - started
    return count[0] / count[1], spent[0] / max(spent[1], 1e-9)


def folded(star: Series, grid: FrequencyGrid) -> np.ndarray:
    """Which samples of a star's grid two stages fold at."""
    if grid.size < two_stage.LEAST:
        return np.arange(grid.size)
    ((_, screened),) = sharing.screens([star], 48.0)
    return np.union1d(two_stage.spectra(star, grid, screened)["CE"].indices, two_stage.sampled(grid))


if __name__ == "__main__":
    with threadpool_limits(1, "blas"):
        main("--all" in sys.argv[1:])
