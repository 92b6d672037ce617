"""Periods found beside periods known, on real stars that no choice was made on.

    ASTRO_TEST_DATA=FOLDER python bench_periods.py [--all]

The choices in scope.periods (weights, screens, priors, MIN_MERIT) were made on every second star of each set (and
on every second ASAS star for MIN_MERIT); this scores the others. Exact: |f - f0| < 0.75 / T; harmonic: the same for
1, 1/2, 2, 1/3 or 3 times the period. Intervals are those of Wilson (1927) at 95 %. Without --all every fifth star of
the large sets is taken.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from shared_io import table

from scope.lightcurves.quality import Cuts, clean
from scope.lightcurves.record import LightCurve, LightCurves
from scope.lightcurves.tables import read_light_curves
from scope.periods.grid import terrestrial
from scope.periods.search import NESTED, Options, find_periods
from scope.periods.series import Series

SEED = 20231
RATIOS = (1, 0.5, 2, 1 / 3, 3)
NAMES = ("ELS", "ECE", "EAOV", NESTED)

Bands = list[tuple[np.ndarray, np.ndarray, np.ndarray]]


def main(everything: bool) -> None:
    root = os.environ.get("ASTRO_TEST_DATA")
    if not root:
        print("skipped: ASTRO_TEST_DATA is not set, the real light curves are not here")
        return
    data, step = Path(root) / "scope" / "lightcurves", 1 if everything else 5
    print(f"{'stars':44} {'n':>4}  exact of {' '.join(f'{name:>13}' for name in NAMES)}   harmonic of {NESTED}")
    stripe = list(stripe82(data))[1::2]
    score("Stripe 82 RR Lyrae, g", [(p, [b["g"]]) for p, b in stripe if "g" in b][::step])
    score("Stripe 82 RR Lyrae, ugriz", [(p, list(b.values())) for p, b in stripe][::step])
    inside = [(p, list(b.values())) for p, b in stripe82(data) if terrestrial(np.array([1 / p]))[0]]
    score("  those in a terrestrial band (all stars)", inside[:: 1 if everything else 3])
    binaries = [star for name, star in eclipsing(data)][1::2]
    score("ZTF eclipsing binaries, each filter", [(p, [b]) for p, bands in binaries for b in bands if len(b[0]) >= 50])
    score("ZTF eclipsing binaries, all filters", binaries)
    negatives(data)
    shuffled(data, stripe, 400 if everything else 100)


def score(title: str, stars: list[tuple[float, Bands]]) -> None:
    started = time.perf_counter()
    exact, harmonic = [], []
    for period, bands in stars:
        series = Series.of(bands)
        found = find_periods(series, Options(NAMES))
        off = {name: abs(1 / found.answers[name].period - np.array(RATIOS) / period) for name in NAMES}
        exact.append([off[name][0] < 0.75 / series.baseline for name in NAMES])
        harmonic.append((off[NESTED] < 0.75 / series.baseline).any())
    rates = "  ".join(interval(np.sum(column), len(stars)) for column in np.array(exact).T)
    seconds = (time.perf_counter() - started) / len(stars)
    print(f"{title:44} {len(stars):4}  {rates}  {interval(np.sum(harmonic), len(stars))}  ({seconds:.1f} s each)")


def interval(hits: float, n: int) -> str:
    z, p = 1.96, hits / n
    middle, half = (p + z**2 / (2 * n)), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    low, high = ((middle + s * half) / (1 + z**2 / n) for s in (-1, 1))
    return f"{p:.3f} ({low:.2f}-{high:.2f})"


def stripe82(data: Path) -> Iterator[tuple[float, dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]]]:
    truth = {int(i): float(p) for i, p in table.read(data / "s82_rrlyr_truth.csv")["id", "period"].iterrows()}
    points = table.read(data / "s82_rrlyr.parquet")
    for identifier in sorted(truth):
        star = points[points["id"] == identifier]
        yield truth[identifier], {
            band: triple for band in "ugriz" if len((triple := cleaned(star[star["band"] == band]))[0]) >= 15
        }  # fmt: skip


def cleaned(star: object) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    curves = LightCurves.of_points(
        np.ones(len(star), int),
        hjd=star["time"],
        mag=star["mag"],
        magerr=star["magerr"],  # type: ignore[arg-type, index]
    )
    kept = clean(curves, Cuts(1))
    return (kept.hjd, kept.mag, kept.magerr)


def eclipsing(data: Path) -> Iterator[tuple[str, tuple[float, Bands]]]:
    truth = table.read(data / "ztf_eclipsing_vsx_truth.csv")
    names = table.read(data / "ztf_eclipsing_vsx.parquet", columns=("oid", "object"))
    owner = {int(i): str(o) for i, o in names.iterrows()}
    curves = clean(read_light_curves(data / "ztf_eclipsing_vsx.parquet"), Cuts(1))
    for name, period in sorted((str(n), float(p)) for n, p in truth["object", "period"].iterrows()):
        if name != "gusev3":  # a period of 3,570 d, longer than the light curve
            yield name, (period, by_filter([c for c in curves if owner[c.id] == name]))


def by_filter(curves: list[LightCurve]) -> Bands:
    """Join the light curves of a star's filters over its fields."""
    out = []
    for band in sorted({c.filter for c in curves}):
        mine = [c for c in curves if c.filter == band]
        t, m, e = (np.concatenate([getattr(c, k) for c in mine]) for k in ("hjd", "mag", "magerr"))
        kept = clean(LightCurves.of_points(np.ones(len(t), int), hjd=t, mag=m, magerr=e), Cuts(15))
        if len(kept):
            out.append((kept.hjd, kept.mag, kept.magerr))
    return out


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


def shuffled(data: Path, stripe: list, count: int) -> None:
    """Magnitudes in a random order at the true times: what is claimed periodic by chance."""
    rng = np.random.default_rng(SEED)
    curves = clean(read_light_curves(data / "asas.parquet"), Cuts(50))
    asas = [(c.hjd, c.mag, c.magerr) for c in curves][1::2]
    for title, pool in (("Stripe 82, g", [b["g"] for _, b in stripe if "g" in b]), ("ASAS, 400 points", asas)):
        claimed = 0
        for k in rng.integers(len(pool), size=count):
            t, mag, err = pool[k]
            some = np.sort(rng.permutation(len(t))[:400])
            order = rng.permutation(some)
            claimed += find_periods(Series.of([(t[some], mag[order], err[order])])).periodic
        print(f"{f'shuffled {title}, claimed periodic':44} {count:4}  {interval(claimed, count)}")


if __name__ == "__main__":
    main("--all" in sys.argv[1:])
