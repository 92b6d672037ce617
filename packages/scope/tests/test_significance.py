"""Aliases of a star's own sampling, and the probability of a false alarm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from conftest import eclipsing, nights, rr_lyrae
from hypothesis import given, settings
from hypothesis import strategies as st

from scope.kernels.window import spectral_window
from scope.periods.aliases import alias_frequencies, best_alias, crowding, window_peaks
from scope.periods.search import NESTED, Options, find_periods
from scope.periods.series import Series
from scope.periods.significance import MAGNITUDES, RANKS, false_alarm, kurtosis, rank_merit, without_farthest

FAST = Options((NESTED,), max_freq=6.0)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40))
def test_the_window_is_a_sum_of_exponentials(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    t, weight = np.sort(rng.uniform(0, 900, n)), rng.uniform(0.5, 2, n)
    f = 0.01 + 0.0007 * np.arange(900)
    wave = np.exp(2j * np.pi * f[:, None] * t)
    expected = np.abs((weight * wave).sum(axis=1) / weight.sum()) ** 2
    np.testing.assert_allclose(spectral_window(t, weight, 0.01, 0.0007, 900), expected, atol=1e-9)


def test_nightly_sampling_makes_daily_aliases(rng: np.random.Generator) -> None:
    series = Series.of([rr_lyrae(rng, 200)])
    peaks = window_peaks(series.merged)
    assert np.abs(peaks - 1).min() < 1 / series.baseline
    found = alias_frequencies(1.7, np.array([1.0]), 0.1, 4.0)
    assert found == pytest.approx([0.3, 0.7, 1.3, 2.7, 3.7])
    assert len(alias_frequencies(1.7, np.empty(0), 0.1, 4.0)) == 0


def test_the_best_alias_is_the_first_that_the_window_makes() -> None:
    frequencies = np.array([1.7, 0.9, 2.70005, 0.7])
    assert best_alias(frequencies, np.array([1.0]), 1e-3) == 2
    assert best_alias(frequencies[:2], np.array([1.0]), 1e-3) is None
    assert best_alias(frequencies, np.empty(0), 1e-3) is None


def test_a_decision_knows_its_alias(rng: np.random.Generator) -> None:
    t = nights(rng, 60)
    err = np.full(60, 0.1)
    mag = 15 + 0.12 * np.sin(2 * np.pi * t / 0.7321) + rng.normal(0, err)
    found = find_periods(Series.of([(t, mag, err)]), FAST)
    frequencies = np.array([1 / found.answers[NESTED].period, 1 / found.alias])
    whole = np.array([frequencies[0] - frequencies[1], frequencies.sum()])
    assert np.abs(whole - np.round(whole)).min() < 0.01
    assert found.alias_merit < found.merit


def test_points_crowd_where_the_sampling_repeats(rng: np.random.Generator) -> None:
    t = np.arange(200.0) + rng.uniform(-0.01, 0.01, 200)
    band = Series.of([(t, rng.normal(15, 0.1, 200), np.full(200, 0.1))]).merged
    found = crowding(band, np.array([1.0, 0.5, 1 / 3, 0.377]))
    assert (found[:3] > 0.95).all()
    assert found[3] < 0.1


def test_ranks_do_not_see_how_magnitudes_are_spread(rng: np.random.Generator) -> None:
    hjd, mag, err = rr_lyrae(rng, 80)
    plain, curved = (Series.of([(hjd, y, err)]) for y in (mag, np.exp(3 * (mag - 16))))
    assert rank_merit(plain, 1.761) == pytest.approx(rank_merit(curved, 1.761), rel=1e-9)
    ties = Series.of([(hjd, np.round(mag, 1), err)])
    assert np.isfinite(rank_merit(ties, 1.761))


def test_kurtosis_is_that_of_moments(rng: np.random.Generator) -> None:
    assert kurtosis(rng.normal(15, 0.1, 40000)) == pytest.approx(3.0, abs=0.15)
    assert kurtosis(eclipsing(rng)[1]) > 6
    assert kurtosis(np.full(10, 15.0)) == 3.0


@pytest.mark.parametrize("outliers", [1, 2])
@pytest.mark.parametrize("noise", [0.0, 1e-3, 0.02])
@pytest.mark.parametrize("points", [60, 150])
def test_a_few_outliers_are_at_one_phase_and_not_periodic(
    rng: np.random.Generator, points: int, noise: float, outliers: int
) -> None:
    """Of 59 equal magnitudes and one other, ties made normal scores that no law holds for: a probability of 5e-5."""
    mag = 15 + noise * rng.standard_normal(points)
    mag[rng.choice(points, outliers, replace=False)] += 1.0
    found = find_periods(Series.of([(np.sort(rng.uniform(0, 900, points)), mag, np.full(points, 0.02))]), FAST)
    assert found.fap > 0.1


def test_rounded_noise_is_noise(rng: np.random.Generator) -> None:
    alarms = []
    for _ in range(30):
        mag = np.round(15 + 0.04 * rng.standard_normal(60), 1)
        star = Series.of([(np.sort(rng.uniform(0, 900, 60)), mag, np.full(60, 0.02))])
        alarms.append(find_periods(star, FAST).fap)
    assert np.mean(np.array(alarms) < 0.1) <= 0.3


def test_a_rounded_signal_is_still_one(rng: np.random.Generator) -> None:
    hjd, mag, err = rr_lyrae(rng, 80)
    assert find_periods(Series.of([(hjd, np.round(mag / 0.3) * 0.3, err)]), FAST).periodic


def test_the_farthest_point_of_each_band_is_left_out() -> None:
    t, mag = np.arange(8.0), np.array([15.0, 15.1, 14.9, 17.0, 15.0, 15.1, 14.9, 15.0])
    star = Series.of([(t, mag, np.full(8, 0.1)), (t + 0.5, mag[::-1], np.full(8, 0.1))])
    rest = without_farthest(star)
    assert [band.t.tolist() for band in rest.bands] == [[0, 1, 2, 4, 5, 6, 7], [0.5, 1.5, 2.5, 3.5, 5.5, 6.5, 7.5]]
    assert len(rest.merged.t) == 15


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(-100, 500), min_size=2, max_size=20), st.sampled_from([RANKS, MAGNITUDES]))
def test_larger_merits_are_less_probable(values: list[float], law: object) -> None:
    series = Series.of([rr_lyrae(np.random.default_rng(1), 80)])
    found = [law.probability(series, value) for value in sorted(values)]
    assert all(0 <= p <= 1 for p in found)
    assert (np.diff(found) <= 0).all()


@pytest.mark.parametrize("star", [rr_lyrae, eclipsing])
def test_variable_stars_are_no_chance_but_their_shuffles_are(rng: np.random.Generator, star: object) -> None:
    hjd, mag, err = star(rng)
    found = find_periods(Series.of([(hjd, mag, err)]), FAST)
    assert found.fap < 1e-6
    assert found.periodic
    alarms = []
    for _ in range(16):
        order = rng.permutation(len(mag))
        alarms.append(find_periods(Series.of([(hjd, mag[order], err[order])]), FAST).fap)
    assert np.mean(np.array(alarms) < 0.05) <= 0.2
    assert min(alarms) > 1e-4


def test_the_threshold_is_an_option(rng: np.random.Generator) -> None:
    t = nights(rng, 70)
    err = np.full(70, 0.1)
    mag = 15 + 0.1 * np.sin(2 * np.pi * t / 0.7321) + rng.normal(0, err)
    found = find_periods(Series.of([(t, mag, err)]), FAST)
    assert 0 < found.fap < 1
    assert find_periods(Series.of([(t, mag, err)]), replace(FAST, max_fap=1.0)).periodic
    assert not find_periods(Series.of([(t, mag, err)]), replace(FAST, max_fap=found.fap / 2)).periodic


def test_two_cycles_are_not_called_periodic(rng: np.random.Generator) -> None:
    """Seasons that differ make a period of a year or two out of any slow change."""
    t = nights(rng, 200)
    err = np.full(200, 0.02)
    for cycles, expected in ((2.2, False), (4.2, True)):
        mag = 15 + 0.2 * np.sin(2 * np.pi * cycles * t / np.ptp(t)) + rng.normal(0, err)
        found = find_periods(Series.of([(t, mag, err)]), FAST)
        assert found.cycles == pytest.approx(cycles, abs=0.2)
        assert found.fap < 1e-6
        assert found.periodic == expected


def test_a_false_alarm_is_at_most_certain(rng: np.random.Generator) -> None:
    series = Series.of([rr_lyrae(rng, 80)])
    assert false_alarm(series, 3.3333, -1000.0) == 1.0
