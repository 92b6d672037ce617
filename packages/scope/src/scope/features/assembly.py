"""All features of all sources of a quadrant, star by star."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache, partial

import numpy as np

from scope.features.crossmatch import Catalogue, match_columns
from scope.features.dmdt import dmdt
from scope.features.fourier import NAMES as FOURIER
from scope.features.fourier import fourier_features
from scope.features.schema import ONES
from scope.features.stars import group_stars
from scope.kernels.statistics import NAMES as STATISTICS
from scope.kernels.statistics import basic_statistics, shapiro_coefficients
from scope.lightcurves.record import LightCurve, LightCurves
from scope.periods.search import NESTED, Options, Periods, find_periods
from scope.periods.series import Series

Row = dict[str, object]


@dataclass(frozen=True)
class Recipe:
    """What is measured.

    Parameters
    ----------
    periods : Options or None
        The period search; None gives every source the period 1 d, called `ONES`.
    catalogues : mapping of str to Catalogue
        Catalogues to match with, by name; those missing leave their columns empty.
    match_radius : float
        Farthest match [arcsec].
    cesium : sequence of str
        Features to take from the cesium library.
    join_bands : bool
        Search the period of a star in all its filters together.
    """

    periods: Options | None = Options()  # noqa: RUF009 - frozen
    catalogues: Mapping[str, Catalogue] = field(default_factory=dict)
    match_radius: float = 2.0
    cesium: Sequence[str] = ()
    join_bands: bool = True


shapiro = lru_cache(maxsize=1024)(shapiro_coefficients)


def measure(
    curves: LightCurves, recipe: Recipe, *, threads: int = 1, advance: Callable[[int], object] = lambda _: None
) -> dict[str, np.ndarray | list[object]]:
    """Measure all features of clean light curves.

    Parameters
    ----------
    curves : LightCurves
        Clean (:func:`scope.lightcurves.quality.clean`), with points in every one.
    recipe : Recipe
        What is measured.
    threads : int
        Stars measured at a time; the kernels run without Python's lock.
    advance : callable
        Called with the number of sources done, as they are.

    Returns
    -------
    dict of str to ndarray or list
        A value of each source by column (:func:`scope.features.schema.columns`), in the order of `curves`.
    """
    rows: list[Row] = [{} for _ in range(len(curves))]
    stars = group_stars(curves) if recipe.join_bands else [np.array([k]) for k in range(len(curves))]
    for star, found in zip(stars, _in_order(partial(_star, curves, recipe), stars, threads), strict=True):
        for row, values in zip(star, found, strict=True):
            rows[row] = values
        advance(len(star))
    out: dict[str, np.ndarray | list[object]] = {"_id": curves.id, "ra": curves.ra, "dec": curves.dec}
    out |= {name: getattr(curves, name) for name in ("field", "ccd", "quad", "filter")}
    out |= {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}
    out |= match_columns(curves.ra, curves.dec, recipe.catalogues, recipe.match_radius)
    return out


def _in_order(
    work: Callable[[np.ndarray], list[Row]], stars: Sequence[np.ndarray], threads: int
) -> Iterator[list[Row]]:
    """Yield the answers in the order of the stars; few are ahead of the one that is wanted."""
    if threads == 1:
        yield from map(work, stars)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: list[Future[list[Row]]] = []
        for star in stars:
            waiting.append(pool.submit(work, star))
            if len(waiting) > 8 * threads:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()


def _star(curves: LightCurves, recipe: Recipe, rows: np.ndarray) -> list[Row]:
    """Measure the light curves of one star."""
    members = [curves[int(k)] for k in rows]
    found = None
    if recipe.periods is not None:
        found = find_periods(Series.of([(c.hjd, c.mag, c.magerr) for c in members]), recipe.periods)
    return [_source(curve, found, recipe, len(members)) for curve in members]


def _source(curve: LightCurve, found: Periods | None, recipe: Recipe, bands: int) -> Row:
    t = curve.hjd - curve.hjd[0]  # all features are of time differences; float64 keeps them to a microsecond
    statistics = basic_statistics(t, curve.mag, curve.magerr, shapiro(len(curve)))
    row: Row = dict(zip(STATISTICS, map(float, statistics), strict=True))
    row |= _periodic_columns(curve, found, recipe.periods, bands)
    row["dmdt"] = dmdt(t, curve.mag)
    if recipe.cesium:
        from scope.features.cesium import cesium_features

        row |= {k: v for k, v in cesium_features(curve, recipe.cesium).items() if k not in row}
    return row


def _periodic_columns(curve: LightCurve, found: Periods | None, options: Options | None, bands: int) -> Row:
    periods = {ONES: 1.0} if found is None else {name: a.period for name, a in found.answers.items()}
    row: Row = {}
    for name, period in periods.items():
        significance = 0.0 if found is None else float(found.answers[name].significance[0])
        fourier = fourier_features(curve.hjd, curve.mag, curve.magerr, period)
        row |= {f"period_{name}": period, f"significance_{name}": significance, f"pdot_{name}": 0.0}
        row |= {f"{column}_{name}": float(value) for column, value in zip(FOURIER, fourier, strict=True)}
    if found is None or options is None:
        return row
    if NESTED in found.answers:
        return row | {
            "periodic": found.periodic, "period_merit": found.merit, "period_trend_merit": found.trend,
            "n_bands": bands,
        }  # fmt: skip
    for name, answer in found.answers.items():
        for rank in range(1, options.top_n + 1):
            there = rank <= len(answer.periods)
            row[f"period_{rank}_{name}"] = float(answer.periods[rank - 1]) if there else np.nan
            row[f"significance_{rank}_{name}"] = float(answer.significance[rank - 1]) if there else np.nan
    return row
