"""The real light curves that the benchmarks of periods use, in two halves: for choices, and for scores.

Stars are sorted by their identifiers; the first, third, ... are the half of choices (0), the others that of scores (1).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from shared_io import table

from scope.lightcurves.quality import Cuts, clean
from scope.lightcurves.record import LightCurve, LightCurves
from scope.lightcurves.tables import read_light_curves

Curve = tuple[np.ndarray, np.ndarray, np.ndarray]
Bands = list[Curve]


def stripe82(data: Path) -> Iterator[tuple[float, dict[str, Curve]]]:
    """Yield the period and the bands of each RR Lyrae star."""
    truth = {int(i): float(p) for i, p in table.read(data / "s82_rrlyr_truth.csv")["id", "period"].iterrows()}
    points = table.read(data / "s82_rrlyr.parquet")
    for identifier in sorted(truth):
        star = points[points["id"] == identifier]
        yield truth[identifier], {
            band: triple for band in "ugriz" if len((triple := cleaned(star[star["band"] == band]))[0]) >= 15
        }  # fmt: skip


def cleaned(star: object) -> Curve:
    curves = LightCurves.of_points(
        np.ones(len(star), int),  # type: ignore[arg-type]
        hjd=star["time"],  # type: ignore[index]
        mag=star["mag"],  # type: ignore[index]
        magerr=star["magerr"],  # type: ignore[index]
    )
    kept = clean(curves, Cuts(1))
    return (kept.hjd, kept.mag, kept.magerr)


def eclipsing(data: Path) -> Iterator[tuple[str, tuple[float, Bands]]]:
    """Yield the name, period and filters of each eclipsing binary."""
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


def pools(data: Path, half: int) -> dict[str, list[Bands]]:
    """Return the stars of a half by what they are: their light curves in each band."""
    stripe = [bands for _, bands in list(stripe82(data))[half::2]]
    binaries = [bands for _, (_, bands) in list(eclipsing(data))[half::2]]
    return {
        "Stripe 82, g": [[bands["g"]] for bands in stripe if "g" in bands],
        "Stripe 82, ugriz": [list(bands.values()) for bands in stripe][::6],
        "ASAS": singles(data / "asas.parquet")[half::2][::6],
        "ZTF DR5 quadrant": singles(data / "ztf_000250_zg_c01_q1_dr5.parquet")[half::2],
        "ZTF eclipsing binaries": [[band] for bands in binaries for band in bands],
        "the same, all filters": binaries,
    }


def singles(path: Path) -> list[Bands]:
    """Return the light curves of a file with 50 good points."""
    return [[(c.hjd, c.mag, c.magerr)] for c in clean(read_light_curves(path), Cuts(50))]


def shuffled(bands: Bands, rng: np.random.Generator) -> Bands:
    """Return the same magnitudes with their errors at the same times, in random order."""
    out = []
    for t, mag, err in bands:
        order = rng.permutation(len(t))
        out.append((t, mag[order], err[order]))
    return out
