"""All features of all sources of a quadrant, star by star."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache, partial

import numpy as np
from shared_io.errors import SharedIOError

from scope.features.alerts import alert_columns
from scope.features.crossmatch import CATALOGUES, Catalogue, match_columns
from scope.features.damped_walk import NAMES as WALK
from scope.features.damped_walk import damped_walk_features
from scope.features.dmdt import DM_EDGES, DT_EDGES, dmdt
from scope.features.flares import NAMES as FLARES
from scope.features.flares import flare_features
from scope.features.fourier import NAMES as FOURIER
from scope.features.fourier import fourier_features
from scope.features.schema import AGREEMENT_TYPES, ONES
from scope.features.stars import group_stars
from scope.kernels.statistics import NAMES as STATISTICS
from scope.kernels.statistics import basic_statistics, shapiro_coefficients
from scope.lightcurves.record import LightCurve, LightCurves
from scope.periods.accelerator import CURVES, Accelerator
from scope.periods.agreement import agreement
from scope.periods.compatible import CommonGrid, check, find_compatible
from scope.periods.search import NESTED, Options, Periods, canonical, find_many
from scope.periods.series import Series
from scope.periods.sharing import one_thread

log = logging.getLogger(__name__)

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
    matched : mapping of str to sequence of str
        Columns taken from each catalogue.
    alerts : Catalogue or None
        Alerts to count; None leaves their columns empty.
    match_radius : float
        Farthest match [arcsec].
    cesium : sequence of str
        Features to take from the cesium library.
    extras : sequence of str
        `WALK` or `FLARES` or both: features of a damped random walk and of flares.
    dmdt_edges : pair of sequences of float, (27,)
        Edges of the dm-dt picture [d, mag].
    join_bands : bool
        Search the period of a star in all its filters together.
    """

    periods: Options | None = Options()  # noqa: RUF009 - frozen
    catalogues: Mapping[str, Catalogue] = field(default_factory=dict)
    matched: Mapping[str, Sequence[str]] = field(default_factory=lambda: CATALOGUES)
    alerts: Catalogue | None = None
    match_radius: float = 2.0
    cesium: Sequence[str] = ()
    extras: Sequence[str] = ()
    dmdt_edges: tuple[Sequence[float], Sequence[float]] = (DT_EDGES, DM_EDGES)
    join_bands: bool = True


FAILURE = "failure"
"""Column that says why a source could not be measured."""

_EMPTY = {"dmdt": np.full((len(DM_EDGES) - 1, len(DT_EDGES) - 1), np.nan)}  # of columns that are no single values

TOGETHER = 64
"""Stars searched together, for the exposures that they share; their answers do not depend on it."""

shapiro = lru_cache(maxsize=1024)(shapiro_coefficients)


def measure(
    curves: LightCurves, recipe: Recipe, *, threads: int = 1, advance: Callable[[int], object] = lambda _: None,
    accelerator: Accelerator | None = None,
) -> dict[str, np.ndarray | list[object]]:  # fmt: skip
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
    accelerator : Accelerator, optional
        Computes the periodograms.

    Returns
    -------
    dict of str to ndarray or list
        A value of each source by column (:func:`scope.features.schema.columns`), in the order of `curves`.
    """
    stars = stars_of(curves, recipe)
    longest = float(baselines(curves).max()) if len(curves) else 0.0
    found = measure_stars(curves, stars, recipe, longest, threads=threads, advance=advance, accelerator=accelerator)
    return {**found, **around(curves, recipe)}


def measure_stars(
    curves: LightCurves, stars: Sequence[np.ndarray], recipe: Recipe, longest: float, *, threads: int = 1,
    advance: Callable[[int], object] = lambda _: None, accelerator: Accelerator | None = None,
) -> dict[str, list[object]]:  # fmt: skip
    """Measure what the light curves of some stars tell by themselves; nothing depends on which others are among them.

    Parameters
    ----------
    curves : LightCurves
        Clean.
    stars : sequence of ndarray of int
        Rows of `curves` of each star (:func:`stars_of`); each row in one of them.
    recipe : Recipe
        What is measured.
    longest : float
        Longest baseline of the whole run, which the compatible search makes its grid from [d].
    threads, advance, accelerator
        See :func:`measure`.

    Returns
    -------
    dict of str to list
        A value of each light curve by column, in the order of `curves`.  Those of a star whose measurement raised an
        exception are empty, and `FAILURE`, a column that is there if there is such a star, says which.

    Raises
    ------
    ValueError
        When an algorithm is unknown.
    """
    if recipe.periods is not None:  # mistakes in what is asked for are no star's
        (check if recipe.periods.compatible else canonical)(recipe.periods.algorithms)
    rows: list[Row] = [{} for _ in range(len(curves))]
    compatible = recipe.periods is not None and recipe.periods.compatible
    grid = CommonGrid.of(longest, recipe.periods) if compatible and recipe.periods and len(curves) else None
    most = TOGETHER if accelerator is None else CURVES
    size = max(1, min(most, -(-len(stars) // threads)))
    parts = [stars[k : k + size] for k in range(0, len(stars), size)]
    for part, found in zip(
        parts, _in_order(partial(_stars, curves, recipe, grid, accelerator), parts, threads), strict=True
    ):
        for star, values in zip(part, found, strict=True):
            for row, value in zip(star, values, strict=True):
                rows[row] = value
        advance(sum(len(star) for star in part))
    names = dict.fromkeys(name for row in rows for name in row)
    names |= dict.fromkeys(_EMPTY if FAILURE in names else ())
    return {name: [row[name] if name in row else _EMPTY.get(name) for row in rows] for name in names}


def stars_of(curves: LightCurves, recipe: Recipe) -> list[np.ndarray]:
    """Return the rows of each star: of all its filters, or where a recipe wants them apart, one by one."""
    apart = not recipe.join_bands or (recipe.periods is not None and recipe.periods.compatible)
    return [np.array([k]) for k in range(len(curves))] if apart else group_stars(curves)


def around(
    curves: LightCurves, recipe: Recipe, rows: slice = slice(None)
) -> dict[str, np.ndarray | list[object]]:  # fmt: skip
    """Return the columns of some rows that need no points: identifiers, places, alerts and matches."""
    out: dict[str, np.ndarray | list[object]] = {"_id": curves.id[rows]}
    out |= {name: getattr(curves, name)[rows] for name in ("ra", "dec", "field", "ccd", "quad", "filter")}
    ra, dec = curves.ra[rows], curves.dec[rows]
    out |= alert_columns(ra, dec, recipe.alerts, recipe.match_radius)
    return out | match_columns(ra, dec, recipe.catalogues, recipe.match_radius, recipe.matched)


def baselines(curves: LightCurves) -> np.ndarray:
    """Return the time between the first and the last point of each clean light curve [d]."""
    return curves.hjd[curves.offsets[1:] - 1] - curves.hjd[curves.offsets[:-1]]


def _in_order(
    work: Callable[[Sequence[np.ndarray]], list[list[Row]]], parts: Sequence[Sequence[np.ndarray]], threads: int
) -> Iterator[list[list[Row]]]:
    """Yield the answers in the order of the parts; few are ahead of the one that is wanted."""
    with ThreadPoolExecutor(threads) as pool, one_thread():
        waiting: list[Future[list[list[Row]]]] = []
        for part in parts:
            waiting.append(pool.submit(work, part))
            if len(waiting) > 2 * threads:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()


def _stars(
    curves: LightCurves, recipe: Recipe, grid: CommonGrid | None, accelerator: Accelerator | None,
    stars: Sequence[np.ndarray],
) -> list[list[Row]]:  # fmt: skip
    """Measure the light curves of some stars; one that cannot be measured does not keep the others from it."""
    try:
        return _together(curves, recipe, grid, accelerator, stars)
    except SharedIOError:
        raise
    except Exception as error:
        if len(stars) > 1:
            return [_stars(curves, recipe, grid, accelerator, [star])[0] for star in stars]
        log.debug("%s cannot be measured", curves.id[stars[0]], exc_info=True)
        return [[{FAILURE: f"{type(error).__name__}: {' '.join(str(error).split())}"}] * len(stars[0])]


def _together(
    curves: LightCurves, recipe: Recipe, grid: CommonGrid | None, accelerator: Accelerator | None,
    stars: Sequence[np.ndarray],
) -> list[list[Row]]:  # fmt: skip
    members = [[curves[int(k)] for k in rows] for rows in stars]
    found: dict[int, Periods] = {}
    if recipe.periods is not None and grid is not None:
        for k, (c,) in enumerate(members):
            found[k] = find_compatible(c.hjd - c.hjd[0], c.mag, c.magerr, grid, recipe.periods, accelerator)
    elif recipe.periods is not None:
        series = [Series.of([(c.hjd, c.mag, c.magerr) for c in star]) for star in members]
        found = dict(find_many(series, recipe.periods, accelerator))
    return [[_source(c, found.get(k), recipe, len(star)) for c in star] for k, star in enumerate(members)]


def _source(curve: LightCurve, found: Periods | None, recipe: Recipe, bands: int) -> Row:
    t = curve.hjd - curve.hjd[0]  # all features are of time differences; float64 keeps them to a microsecond
    statistics = basic_statistics(t, curve.mag, curve.magerr, shapiro(len(curve)))
    row: Row = dict(zip(STATISTICS, map(float, statistics), strict=True))
    row |= _periodic_columns(curve, found)
    if found is not None and recipe.periods is not None:
        row |= _decided(found, bands, recipe.periods) if NESTED in found.answers else _listed(found, recipe.periods)
    row["dmdt"] = dmdt(t, curve.mag, *recipe.dmdt_edges)
    if recipe.cesium:
        from scope.features.cesium import cesium_features

        row |= {k: v for k, v in cesium_features(curve, recipe.cesium).items() if k not in row}
    for names, measured in ((WALK, damped_walk_features), (FLARES, flare_features)):
        if set(names) <= set(recipe.extras):
            row |= measured(t, curve.mag, curve.magerr)
    return row


def _periodic_columns(curve: LightCurve, found: Periods | None) -> Row:
    periods = {ONES: 1.0} if found is None else {name: a.period for name, a in found.answers.items()}
    row: Row = {}
    for name, period in periods.items():
        significance = 0.0 if found is None else float(found.answers[name].significance[0])
        fourier = fourier_features(curve.hjd, curve.mag, curve.magerr, period)
        row |= {f"period_{name}": period, f"significance_{name}": significance, f"pdot_{name}": 0.0}
        row |= {f"{column}_{name}": float(value) for column, value in zip(FOURIER, fourier, strict=True)}
    return row


def _decided(found: Periods, bands: int, options: Options) -> Row:
    """Return the columns of the decision; the compatible search makes none."""
    if options.compatible:
        return {}
    return {
        "periodic": found.periodic, "fap": found.fap, "period_merit": found.merit, "period_trend_merit": found.trend,
        "period_alias": found.alias, "period_alias_merit": found.alias_merit, "n_bands": bands,
    }  # fmt: skip


def _listed(found: Periods, options: Options) -> Row:
    """Return the top periods of each algorithm and how far they agree."""
    if options.top_n == 1:
        return {}
    row: Row = {}
    tops = {}
    for name, answer in found.answers.items():
        tops[name] = np.full(options.top_n, np.nan)
        tops[name][: len(answer.periods)] = answer.periods[: options.top_n]
        heights = np.full(options.top_n, np.nan)
        heights[: len(answer.periods)] = answer.significance[: options.top_n]
        for rank in range(options.top_n):
            row[f"period_{rank + 1}_{name}"] = float(tops[name][rank])
            row[f"significance_{rank + 1}_{name}"] = float(heights[rank])
    found_agreement = agreement(tops)
    return row | {name: found_agreement[name] for name in AGREEMENT_TYPES}
