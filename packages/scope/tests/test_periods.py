"""Period searches on simulated stars; each defect of earlier pipelines that is repaired here has its own test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import eclipsing, nights, rr_lyrae
from hypothesis import given, settings
from hypothesis import strategies as st

from scope.kernels.distinct import first_apart
from scope.periods.decide import SMOOTH, merit
from scope.periods.grid import FrequencyGrid, terrestrial
from scope.periods.peaks import distinct_peaks
from scope.periods.screens import SCREENS, screen
from scope.periods.search import NESTED, Options, canonical, find_periods
from scope.periods.series import Series

FAST = Options(max_freq=6.0)


def search(*curves: tuple[np.ndarray, ...], options: Options = FAST) -> tuple[Series, object]:
    series = Series.of(curves)
    return series, find_periods(series, options)


def is_at(found: float, period: float, series: Series) -> bool:
    return abs(1 / found - 1 / period) < 0.5 / series.baseline


@pytest.mark.parametrize("period", [0.5678, 0.3391])
def test_a_pulsator_is_found(rng: np.random.Generator, period: float) -> None:
    series, found = search(rr_lyrae(rng, 80, period))
    assert is_at(found.answers[NESTED].period, period, series)
    assert found.periodic


def test_unequal_eclipses_give_the_full_period(rng: np.random.Generator) -> None:
    series, found = search(eclipsing(rng))
    assert is_at(found.answers[NESTED].period, 3.2371, series)


def test_a_pulsator_is_not_given_twice_its_period(rng: np.random.Generator) -> None:
    t = nights(rng, 300)
    mag = 15 + 0.2 * np.sin(2 * np.pi * t / 0.7321)
    err = np.full(300, 0.02)
    series, found = search((t, mag + rng.normal(0, err), err))
    assert is_at(found.answers[NESTED].period, 0.7321, series)


@pytest.mark.parametrize("period", [0.4999, 0.9973, 0.3335])
def test_a_period_inside_a_terrestrial_band_is_found(rng: np.random.Generator, period: float) -> None:
    assert terrestrial(np.array([1 / period]))[0]
    series, found = search(rr_lyrae(rng, 300, period), options=Options(max_freq=6.0, remove_terrestrial=True))
    assert is_at(found.answers[NESTED].period, period, series)
    assert not terrestrial(1 / found.answers["EAOV"].periods).any()


def test_two_bands_find_what_one_cannot(rng: np.random.Generator) -> None:
    hjd, mag, err = rr_lyrae(rng, 36)
    noise = np.full(36, 0.28)
    noisy = mag + rng.normal(0, 0.28, 36)
    alone = find_periods(Series.of([(hjd[::2], noisy[::2], noise[::2])]), FAST)
    both = Series.of([(hjd[::2], noisy[::2], noise[::2]), (hjd[1::2], mag[1::2] - 0.4, err[1::2])])
    assert not is_at(alone.answers[NESTED].period, 0.5678, both)
    assert is_at(find_periods(both, FAST).answers[NESTED].period, 0.5678, both)


def test_a_transient_is_not_periodic(rng: np.random.Generator) -> None:
    t = np.sort(rng.uniform(0, 90, 45))
    mag = 17 + 0.002 * (t - 20) ** 2 * np.exp(-t / 60)
    err = np.full(45, 0.03)
    _, found = search((t, mag + rng.normal(0, err), err))
    assert found.trend > 20
    assert not found.periodic


def test_noise_is_not_periodic(rng: np.random.Generator) -> None:
    t = nights(rng, 90)
    err = np.full(90, 0.05)
    _, found = search((t, 15 + rng.normal(0, err), err))
    assert not found.periodic


def test_times_are_exact_at_full_julian_dates(rng: np.random.Generator) -> None:
    """A period of 20 min needs seconds: time in float32 at HJD 2.459e6 has steps of a quarter of a day."""
    t = nights(rng, 250)
    period = 20 / 1440
    err = np.full(250, 0.02)
    mag = 15 + 0.1 * np.sin(2 * np.pi * t / period) + rng.normal(0, err)
    options = Options(("ELS",), max_freq=80.0)
    near, far = (find_periods(Series.of([(t + zero, mag, err)]), options) for zero in (0.0, 2459000.5))
    assert far.answers["ELS"].period == pytest.approx(period, rel=1e-5)
    assert far.answers["ELS"].period == pytest.approx(near.answers["ELS"].period, rel=1e-9)


def test_the_grid_is_the_stars_own() -> None:
    assert FrequencyGrid.of(1000.0) == FrequencyGrid.of(997.3)
    grid = FrequencyGrid.of(1000.0, samples_per_peak=5, max_freq=24.0)
    assert grid.fmin == pytest.approx(2 / 1000)
    assert grid.df == pytest.approx(1 / 5000)
    assert 24.0 - grid.df <= grid.frequencies[-1] < 24.0
    with pytest.raises(ValueError, match="below two cycles"):
        FrequencyGrid.of(10.0, max_freq=0.1)


@settings(deadline=None)
@given(st.lists(st.floats(-5, 5), max_size=30), st.floats(0, 1), st.integers(1, 30))
def test_places_are_kept_that_are_far_from_better_ones(places: list[float], gap: float, count: int) -> None:
    kept: list[int] = []
    for k, place in enumerate(places):
        if all(abs(place - places[j]) > gap for j in kept) and len(kept) < count:
            kept.append(k)
    assert first_apart(np.array(places), gap, count).tolist() == kept


def test_peaks_are_distinct_not_neighbouring_samples(rng: np.random.Generator) -> None:
    series, found = search(rr_lyrae(rng), options=Options(("EAOV",), max_freq=6.0, top_n=10))
    frequencies = 1 / found.answers["EAOV"].periods
    apart = np.abs(frequencies[:, None] - frequencies)[~np.eye(len(frequencies), dtype=bool)]
    assert len(frequencies) == 10
    assert apart.min() > 0.9 / series.baseline
    assert (np.diff(found.answers["EAOV"].significance) <= 0).all()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=200), st.integers(1, 12), st.integers(0, 8))
def test_peaks_are_the_highest_maxima_kept_apart(values: list[int], count: int, separation: int) -> None:
    power = np.array(values, float)
    found = distinct_peaks(power, count, separation)
    assert 1 <= len(found) <= count
    assert power[found[0]] == max(
        (power[k] for k in range(1, len(power) - 1) if power[k - 1] <= power[k] > power[k + 1]), default=power.max()
    )
    assert all(abs(a - b) > separation for i, a in enumerate(found) for b in found[:i])


@pytest.mark.parametrize("name", ["FPW", "MHF"])
def test_every_screen_finds_a_pulsator(rng: np.random.Generator, name: str) -> None:
    series, found = search(rr_lyrae(rng, 200), options=Options((name,), max_freq=6.0))
    assert is_at(found.answers[name].period, 0.5678, series)


def test_boxes_find_transits(rng: np.random.Generator) -> None:
    t = nights(rng, 600)
    err = np.full(600, 0.01)
    mag = 15 + 0.06 * (((t / 3.2371) % 1) < 0.06) + rng.normal(0, err)
    series, found = search((t, mag, err), options=Options(("BLS",), max_freq=2.0))
    assert is_at(found.answers["BLS"].period, 3.2371, series)


def test_names_with_and_without_e_mean_the_same() -> None:
    assert all(screen("E" + name) is screen(name) for name in SCREENS)
    assert canonical(["LS_CE_AOV", "ELS"]) == (NESTED, "ELS")
    with pytest.raises(ValueError, match="no period algorithm is called 'PDM'"):
        canonical(["PDM"])


def test_light_curves_that_cannot_be_searched_are_refused() -> None:
    t, mag, err = np.arange(6.0), np.full(6, 15.0), np.full(6, 0.1)
    with pytest.raises(ValueError, match="at least 5 points"):
        Series.of([(t[:4], mag[:4], err[:4])])
    with pytest.raises(ValueError, match="finite"):
        Series.of([(t, np.where(t == 2, np.nan, mag), err)])
    with pytest.raises(ValueError, match="positive"):
        Series.of([(t, mag, err * 0)])
    with pytest.raises(ValueError, match="one time"):
        find_periods(Series.of([(t * 0, mag + t, err)]), FAST)


def test_merit_adds_up_over_bands(rng: np.random.Generator) -> None:
    curve = rr_lyrae(rng, 100)
    f = np.array([1.76, 0.4])
    one, two = Series.of([curve]), Series.of([curve, curve])
    total = merit(two, f, SMOOTH)
    assert total[0] > 1.8 * merit(one, f, SMOOTH)[0] > 0


def test_real_rr_lyrae_of_stripe_82(survey_data: Path) -> None:
    from shared_io import table

    from scope.lightcurves.quality import Cuts, clean
    from scope.lightcurves.tables import read_light_curves

    truth = {int(i): float(p) for i, p in table.read(survey_data / "s82_rrlyr_truth.csv")["id", "period"].iterrows()}
    curves = clean(read_light_curves(survey_data / "s82_rrlyr.parquet"), Cuts(30))
    hits = []
    for identifier in sorted(truth)[1:200:20]:
        bands = [c for c in curves if c.id == identifier and c.filter in (1, 2, 3)]
        series, found = search(*[(c.hjd, c.mag, c.magerr) for c in bands])
        hits.append(is_at(found.answers[NESTED].period, truth[identifier], series))
    assert np.mean(hits) >= 0.8
