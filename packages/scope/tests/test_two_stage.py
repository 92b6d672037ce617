"""The search in two stages beside the full one, and stars alone beside stars together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import Curve, eclipsing, nights, rr_lyrae

from scope.lightcurves.quality import Cuts, clean
from scope.lightcurves.tables import read_light_curves
from scope.periods import sharing, two_stage
from scope.periods.grid import FrequencyGrid
from scope.periods.screens import SCREENS
from scope.periods.search import NESTED, Options, Periods, find_many, find_periods
from scope.periods.series import Series

STAGED, FULL = Options(max_freq=12.0), Options(max_freq=12.0, full=True)
EXAMPLES = Path(__file__).parents[1] / "examples" / "data"


def quadrant(rng: np.random.Generator, stars: int, exposures: int = 140) -> list[Series]:
    """Stars in the same exposures, each without some of them and at heliocentric times of its own."""
    t = 2459000.5 + nights(rng, exposures)
    out = []
    for k in range(stars):
        seen = np.sort(rng.choice(exposures, int(rng.integers(60, exposures + 1)), replace=False))
        own = t[seen] + rng.uniform(-2.5, 2.5) / 86400
        mag = 16 + (0.3 * np.sin(2 * np.pi * own / rng.uniform(0.2, 3)) if k % 2 else 0.0)
        err = rng.uniform(0.02, 0.05, len(seen))
        out.append(Series.of([(own, mag + rng.normal(0, err), err)]))
    return out


def same_answer(one: Periods, other: Periods, series: Series) -> bool:
    """The same verdict, and of a periodic star the same period."""
    apart = abs(1 / one.answers[NESTED].period - 1 / other.answers[NESTED].period)
    return one.periodic == other.periodic and (not one.periodic or apart < 0.1 / series.baseline)


def values(found: Periods) -> list[bytes]:
    numbers = [found.merit, found.trend, found.fap, found.alias, found.alias_merit, found.cycles]
    arrays = [x for a in found.answers.values() for x in (a.periods, a.significance)]
    return [np.asarray(x).tobytes() for x in (numbers, *arrays)]


def test_these_stars_are_searched_in_two_stages(rng: np.random.Generator) -> None:
    series = quadrant(rng, 1)[0]
    assert FrequencyGrid.of(series.baseline, max_freq=12.0).size >= two_stage.LEAST


def test_a_star_has_the_same_bytes_alone_and_among_fifty(rng: np.random.Generator) -> None:
    stars = quadrant(rng, 50)
    together = dict(find_many(stars, STAGED))
    assert sorted(together) == list(range(50))
    backwards = dict(find_many(stars[::-1], STAGED))
    for k in range(0, 50, 7):
        alone = values(find_periods(stars[k], STAGED))
        assert values(together[k]) == alone
        assert values(backwards[49 - k]) == alone


def test_stars_without_common_exposures_are_screened_apart(rng: np.random.Generator) -> None:
    stars = [Series.of([rr_lyrae(rng, 80, 0.5 + 0.01 * k)]) for k in range(4)] + quadrant(rng, 3)
    found = dict(sharing.screens(stars, 12.0))
    assert sorted(found) == list(range(7))
    for k, screened in found.items():
        ((_, alone),) = sharing.screens([stars[k]], 12.0)
        assert alone.df == screened.df
        assert alone.power.tobytes() == screened.power.tobytes()


@pytest.mark.parametrize("make", [rr_lyrae, eclipsing])
def test_two_stages_find_what_all_folds_find(rng: np.random.Generator, make: object) -> None:
    for points in (90, 200, 350):
        curve: Curve = make(rng, points)  # type: ignore[operator]
        series = Series.of([curve])
        staged, full = find_periods(series, STAGED), find_periods(series, FULL)
        assert full.periodic
        assert same_answer(staged, full, series)
        for name in ("EAOV", NESTED):
            assert staged.answers[name].period == full.answers[name].period
        assert staged.answers["EAOV"].significance[0] == pytest.approx(full.answers["EAOV"].significance[0], rel=0.1)


def test_a_short_eclipse_is_found(rng: np.random.Generator) -> None:
    """Its power is spread over twenty harmonics, none of which stands out."""
    t = nights(rng, 600)
    err = np.full(600, 0.01)
    mag = 15 + 0.08 * (((t / 3.2371) % 1) < 0.03) + rng.normal(0, err)
    series = Series.of([(t, mag, err)])
    found = find_periods(series, STAGED)
    assert abs(1 / found.answers[NESTED].period - 1 / 3.2371) < 0.5 / series.baseline


def test_two_bands_are_searched_together(rng: np.random.Generator) -> None:
    hjd, mag, err = rr_lyrae(rng, 160)
    series = Series.of([(hjd[::2], mag[::2], err[::2]), (hjd[1::2], mag[1::2] - 0.4, err[1::2])])
    assert same_answer(find_periods(series, STAGED), find_periods(series, FULL), series)


def test_folds_are_few(rng: np.random.Generator) -> None:
    for frequencies in (12.0, 24.0, 48.0):
        series = Series.of([rr_lyrae(rng, 100)])
        grid = FrequencyGrid.of(series.baseline, max_freq=frequencies)
        ((_, screened),) = sharing.screens([series], frequencies)
        spectra = two_stage.spectra(series, grid, screened)
        for name in ("CE", "AOV"):
            assert len(spectra[name].indices) + two_stage.sampled(grid).size <= 0.05 * grid.size


def test_folds_are_those_of_the_whole_periodogram(rng: np.random.Generator) -> None:
    series = Series.of([rr_lyrae(rng, 100)])
    grid = FrequencyGrid.of(series.baseline, max_freq=12.0)
    ((_, screened),) = sharing.screens([series], 12.0)
    for name, spectrum in two_stage.spectra(series, grid, screened).items():
        whole = SCREENS[name].power(series.merged, grid)
        # A point whose phase is within 1e-7 turn of a bin's edge may fall on either side of it.
        assert np.mean(np.abs(spectrum.power - whole[spectrum.indices]) < 1e-4) > 0.98
        assert spectrum.mean == pytest.approx(whole.mean(), rel=0.1)
        assert spectrum.std == pytest.approx(whole.std(), rel=0.1)


def test_full_searches_fold_everywhere(rng: np.random.Generator) -> None:
    series = Series.of([rr_lyrae(rng, 100)])
    grid = FrequencyGrid.of(series.baseline, max_freq=12.0)
    best = grid.frequencies[SCREENS["AOV"].power(series.merged, grid).argmax()]
    assert find_periods(series, FULL).answers["EAOV"].period == 1 / best


def test_real_stars_have_the_answers_of_the_full_search() -> None:
    for path in sorted(EXAMPLES.glob("LINEAR_*.csv")):
        (curve,) = clean(read_light_curves(path), Cuts(50))
        series = Series.of([(curve.hjd, curve.mag, curve.magerr)])
        staged, full = find_periods(series), find_periods(series, Options(full=True))
        assert full.periodic
        assert same_answer(staged, full, series)


def test_a_real_quadrant_has_the_answers_of_the_full_search() -> None:
    curves = clean(read_light_curves(EXAMPLES / "ztf_000250_zg_c01_q1_dr5.parquet"), Cuts(50))
    stars = [Series.of([(c.hjd, c.mag, c.magerr)]) for c in list(curves)[:24]]
    staged = dict(find_many(stars))
    assert all(
        same_answer(staged[k], find_periods(star, Options(full=True)), star) for k, star in enumerate(stars)
    )  # fmt: skip
