"""Alerts, damped random walks and flares, each against an obvious reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scope.features.alerts import alert_columns
from scope.features.bright_stars import chord, unit_vectors
from scope.features.crossmatch import Catalogue
from scope.features.damped_walk import NAMES, damped_walk_features
from scope.features.flares import binned, flare_features, flares
from scope.kernels.damped_walk import largest_step, walk_likelihood

ARCSEC = 1 / 3600


def test_alerts_are_counted_and_their_scores_averaged() -> None:
    alerts = Catalogue(
        np.array([10 + 0.5 * ARCSEC, 10 - 1.9 * ARCSEC, 10 + 2.1 * ARCSEC, 20.0]), np.zeros(4),
        {"braai": np.array([0.8, np.nan, 0.1, np.nan])},
    )  # fmt: skip
    found = alert_columns(np.array([10.0, 20.0, 30.0, np.nan]), np.zeros(4), alerts, 2.0)
    assert found["n_ztf_alerts"].tolist() == [2, 1, 0, None]
    np.testing.assert_equal(found["mean_ztf_alert_braai"], [0.8, 0.0, 0.0, np.nan])
    missing = alert_columns(np.array([10.0]), np.zeros(1), None, 2.0)
    assert missing["n_ztf_alerts"].tolist() == [None]
    assert np.isnan(missing["mean_ztf_alert_braai"][0])


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(0.5, 20))
def test_alerts_are_those_of_a_loop_over_all_pairs(seed: int, radius: float) -> None:
    rng = np.random.default_rng(seed)
    ra, dec = 359.999 + rng.uniform(0, 10, 12) * ARCSEC, 80 + rng.uniform(0, 10, 12) * ARCSEC
    alerts = Catalogue(359.999 + rng.uniform(0, 10, 30) * ARCSEC, 80 + rng.uniform(0, 10, 30) * ARCSEC,
                       {"classifications.braai": rng.uniform(size=30)})  # fmt: skip
    found = alert_columns(ra, dec, alerts, radius)
    far = np.linalg.norm(unit_vectors(ra, dec)[:, None] - unit_vectors(alerts.ra, alerts.dec), axis=2)
    for k in range(12):
        near = far[k] <= chord(radius)
        assert found["n_ztf_alerts"][k] == near.sum()
        expected = alerts.columns["classifications.braai"][near].mean() if near.any() else 0.0
        assert found["mean_ztf_alert_braai"][k] == pytest.approx(expected, rel=1e-12)


def walk(rng: np.random.Generator, n: int, sigma: float, tau: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    t = np.sort(rng.uniform(0, 1500, n))
    cov = sigma**2 * np.exp(-np.abs(t[:, None] - t) / tau)
    err = rng.uniform(0.01, 0.03, n)
    return t, 17 + np.linalg.cholesky(cov + 1e-12 * np.eye(n)) @ rng.normal(size=n) + rng.normal(0, err), err


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 2.0), st.floats(0.1, 1e4))
def test_the_filter_gives_the_likelihood_of_the_whole_covariance(seed: int, sigma: float, tau: float) -> None:
    from scipy.linalg import cho_factor, cho_solve

    t, mag, err = walk(np.random.default_rng(seed), 40, 0.2, 60.0)
    cov = sigma**2 * np.exp(-np.abs(t[:, None] - t) / tau) + np.diag(err**2)
    factor = cho_factor(cov)
    ones = np.ones(40)
    mean = (ones @ cho_solve(factor, mag)) / (ones @ cho_solve(factor, ones))
    y = mag - mean
    logs = 2 * np.log(np.diag(factor[0])).sum() + 40 * np.log(2 * np.pi)
    found = walk_likelihood(t, mag, err**2, sigma, tau)
    assert found[1] == pytest.approx(mean, rel=1e-9)
    assert found[0] == pytest.approx(-0.5 * (y @ cho_solve(factor, y) + logs), rel=1e-6, abs=1e-6)


def test_the_largest_step_is_that_of_arrays(rng: np.random.Generator) -> None:
    t, mag, err = walk(rng, 60, 0.2, 60.0)
    decay = np.exp(-np.diff(t) / 50)
    ahead = np.concatenate([[17.0], 17 + (mag[:-1] - 17) * decay])
    scatter = np.concatenate([[0.04], 0.04 * (1 - decay**2)]) + err**2
    expected = np.abs((mag - ahead) / np.sqrt(scatter)).max()
    assert largest_step(t, mag, err**2, 0.2, 50.0, 17.0) == pytest.approx(expected, rel=1e-12)


def test_a_walk_gets_its_parameters_back() -> None:
    found = [damped_walk_features(*walk(np.random.default_rng(k), 300, 0.2, 40.0)) for k in range(8)]
    assert np.median([f["drw_sigma"] for f in found]) == pytest.approx(0.2, rel=0.15)
    assert np.median([f["drw_tau"] for f in found]) == pytest.approx(40.0, rel=0.35)
    assert all(f["drw_fit_success"] == 1 for f in found)
    assert all(2 < f["drw_max_z"] < 6 for f in found)


def test_the_fit_is_a_maximum(rng: np.random.Generator) -> None:
    t, mag, err = walk(rng, 200, 0.2, 40.0)
    found = damped_walk_features(t, mag, err)
    best = walk_likelihood(t, mag, err**2, found["drw_sigma"], found["drw_tau"])[0]
    for factor in (0.7, 1.4):
        assert walk_likelihood(t, mag, err**2, found["drw_sigma"] * factor, found["drw_tau"])[0] < best
        assert walk_likelihood(t, mag, err**2, found["drw_sigma"], found["drw_tau"] * factor)[0] < best


def test_full_julian_dates_change_nothing(rng: np.random.Generator) -> None:
    t, mag, err = walk(rng, 100, 0.2, 40.0)
    exact = t.astype(np.float32).astype(np.float64)  # so that the sum with the date rounds nothing away
    for measured in (damped_walk_features, flare_features):
        near, far = measured(exact - exact[0], mag, err), measured(exact + 2459000.0, mag, err)
        assert list(far.values()) == pytest.approx(list(near.values()), rel=1e-6)


def test_short_curves_have_no_walk() -> None:
    found = damped_walk_features(np.arange(14.0), np.zeros(14), np.ones(14))
    np.testing.assert_equal([found[name] for name in NAMES], [np.nan, np.nan, np.nan, 0.0])
    twice = damped_walk_features(np.repeat(np.arange(14.0), 2), np.arange(28.0), np.ones(28))
    assert np.isnan(twice["drw_tau"])


def quiet(rng: np.random.Generator, days: int = 2400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    t = np.arange(0, days, 1.5)
    return t, 17 + rng.normal(0, 0.02, len(t)), np.full(len(t), 0.02)


def test_flares_are_found_and_counted(rng: np.random.Generator) -> None:
    t, mag, err = quiet(rng)
    for at in (150.0, 420.0):
        mag = mag - 1.5 * np.where(t >= at, np.exp(-np.abs(t - at) / 6), np.exp(-np.abs(t - at) / 1.5))
    found = flare_features(t, mag, err)
    assert found["n_flares"] == 2
    assert found["flare_significance"] > 5
    assert 0.01 < found["flare_duty_cycle"] < 0.15


def test_dips_and_noise_are_no_strong_flares(rng: np.random.Generator) -> None:
    t, mag, err = quiet(rng)
    assert flare_features(t, mag, err)["flare_significance"] < 5
    assert flare_features(t, mag + 1.0 * (np.abs(t - 300) < 10), err)["flare_significance"] < 5
    assert np.isnan(flare_features(t[:3], mag[:3], err[:3])["n_flares"])


def test_flares_by_hand() -> None:
    """A fast rise and a slow fall; two peaks with a shallow saddle; both stop where the flux is below the median."""
    flux = np.array([9, 11, 9, 14, 30, 26, 20, 14, 9, 11, 9, 11, 9, 20, 32, 24, 29, 22, 18, 9] + [11, 9] * 20, float)
    t = 3.0 * np.arange(len(flux))
    assert np.median(flux) == 11
    assert flares(t, flux) == [(3, 7), (13, 18)]
    deep = np.where(np.arange(len(flux)) == 15, 11.5, flux)
    assert flares(t, deep) == [(3, 7), (13, 18)], "neighbours that touch are one"
    assert flares(t + 100.0 * (np.arange(len(t)) > 5), flux)[0] == (3, 5), "no flare goes across a gap"
    assert flares(t, np.minimum(flux, 11.0)) == []


def test_bins_are_weighted_means() -> None:
    t = np.array([0.0, 1.0, 2.9, 3.0, 10.0])
    flux, weight = np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.array([1.0, 1.0, 2.0, 1.0, 1.0])
    times, fluxes = binned(t, flux, weight)
    assert times.tolist() == pytest.approx([1.3, 3.0, 10.0])
    assert fluxes.tolist() == pytest.approx([9 / 4, 4.0, 5.0])
