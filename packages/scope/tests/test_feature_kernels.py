"""Statistics, Fourier fits and pairs against NumPy and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import rr_lyrae
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from scope.features.dmdt import DM_EDGES, DT_EDGES, dmdt
from scope.features.fourier import NAMES as FOURIER
from scope.features.fourier import fourier_features
from scope.kernels.fourier import fourier_fit
from scope.kernels.pairs import pair_histogram
from scope.kernels.statistics import NAMES, basic_statistics, shapiro_coefficients
from scope.kernels.thinning import thin


def slow_statistics(t: np.ndarray, m: np.ndarray, e: np.ndarray) -> dict[str, float]:
    """The definitions, term by term."""
    n, w = len(m), 1 / e**2
    mean, median = np.average(m, weights=w), np.median(m)
    z = (m - mean) / e
    d = np.sqrt(n / (n - 1)) * z
    p = d[:-1] * d[1:]
    dt, dm = np.diff(t), np.diff(m)
    percent = {q: np.percentile(m, q) for q in (5, 10, 15, 20, 25, 75, 80, 85, 90, 95)}
    wstd = np.sqrt((w * (m - mean) ** 2).sum() / w.sum())
    return {
        "n": n, "median": median, "wmean": mean, "chi2red": (z**2).sum() / (n - 1),
        "roms": np.sum(np.abs(m - median) / e) / (n - 1), "wstd": wstd,
        "norm_peak_to_peak_amp": ((m - e).max() - (m + e).min()) / ((m - e).max() + (m + e).min()),
        "norm_excess_var": ((m - mean) ** 2 - e**2).sum() / n / mean**2,
        "median_abs_dev": np.median(np.abs(m - median)), "iqr": percent[75] - percent[25],
        "i60r": percent[80] - percent[20], "i70r": percent[85] - percent[15], "i80r": percent[90] - percent[10],
        "i90r": percent[95] - percent[5], "skew": n / ((n - 1) * (n - 2)) * (z**3).sum(),
        "smallkurt": n * (n + 1) / ((n - 1) * (n - 2) * (n - 3)) * (z**4).sum()
        - 3 * (n - 1) ** 2 / ((n - 2) * (n - 3)),
        "inv_vonneumannratio": wstd**2 * (dt**-2.0).sum() / (dm**2 / dt**2).sum(), "welch_i": p.sum(),
        "stetson_j": (np.sign(p) * np.sqrt(np.abs(p))).sum(),
        "stetson_k": np.abs(d).mean() / np.sqrt((d**2).mean()),
        "ad": stats.anderson(m / e, method="interpolate").statistic, "sw": stats.shapiro(m / e).statistic,
    }  # fmt: skip


def statistics(t: np.ndarray, m: np.ndarray, e: np.ndarray) -> dict[str, float]:
    return dict(zip(NAMES, basic_statistics(t, m, e, shapiro_coefficients(len(m))), strict=True))


@pytest.mark.parametrize("points", [4, 5, 6, 50, 351])
def test_statistics_follow_their_definitions_at_full_julian_dates(rng: np.random.Generator, points: int) -> None:
    hjd, mag, err = rr_lyrae(rng, points)
    found, slow = statistics(hjd - hjd[0], mag, err), slow_statistics(hjd, mag, err)
    assert list(found) == list(slow)
    for name, value in slow.items():
        assert found[name] == pytest.approx(value, rel=1e-6), name


def test_too_few_points_have_no_statistics() -> None:
    found = statistics(np.arange(3.0), np.array([1.0, 2, 3]), np.ones(3))
    assert found["n"] == 3
    assert np.isnan([value for name, value in found.items() if name != "n"]).all()


def test_equal_times_do_not_enter_the_von_neumann_ratio(rng: np.random.Generator) -> None:
    t = np.array([0.0, 1, 1, 2, 4, 5])
    m, e = rng.normal(15, 0.1, 6), np.full(6, 0.1)
    dt, dm = np.diff(t), np.diff(m)
    good = dt > 0
    wstd = np.sqrt(np.average((m - m.mean()) ** 2))
    expected = wstd**2 * (dt[good] ** -2.0).sum() / (dm[good] ** 2 / dt[good] ** 2).sum()
    assert statistics(t, m, e)["inv_vonneumannratio"] == pytest.approx(expected)


@settings(deadline=None, max_examples=40)
@given(st.integers(4, 400), st.integers(0, 10**6))
def test_shapiro_is_scipys(n: int, seed: int) -> None:
    x = np.sort(np.random.default_rng(seed).standard_cauchy(n))
    w = (shapiro_coefficients(n) @ x) ** 2 / ((x - x.mean()) ** 2).sum()
    assert w == pytest.approx(stats.shapiro(x).statistic, abs=1e-7)


def slow_fourier(t: np.ndarray, y: np.ndarray, e: np.ndarray, period: float) -> tuple[list[float], list[np.ndarray]]:
    chi2, found = [], []
    for k in range(6):
        turns = 2 * np.pi * t / period
        x = np.stack([np.ones_like(t), t, *(f(j * turns) for j in range(1, k + 1) for f in (np.cos, np.sin))], axis=1)
        solution = np.linalg.lstsq(x / e[:, None], y / e)[0]
        chi2.append((((y - x @ solution) / e) ** 2).sum())
        found.append(solution)
    return chi2, found


@pytest.mark.parametrize("period", [0.5678, 1.1356, 211.0, 0.0213])
def test_fourier_is_least_squares(rng: np.random.Generator, period: float) -> None:
    hjd, mag, err = rr_lyrae(rng, 120)
    t = hjd - hjd[0]
    chi2, found = fourier_fit(t, mag, err, period, 5)
    slow, solutions = slow_fourier(t, mag, err, period)
    np.testing.assert_allclose(chi2, slow, rtol=1e-9)
    best = int(np.argmin(slow + np.log(len(t)) * (2 + 2 * np.arange(6))))
    np.testing.assert_allclose(found[: 2 + 2 * best], solutions[best], rtol=1e-6, atol=1e-9)
    assert not found[2 + 2 * best :].any()


def test_fourier_features_of_a_known_curve() -> None:
    t = np.sort(np.random.default_rng(1).uniform(0, 400, 300))
    angle = 2 * np.pi * (t - t[0]) / 0.7
    mag = 15 + 2e-4 * (t - t[0]) + 0.3 * np.sin(angle + 0.4) + 0.12 * np.sin(2 * angle + 1.1)
    err = np.full(300, 0.01)
    found = dict(zip(FOURIER, fourier_features(2459000 + t, mag, err, 0.7), strict=True))
    assert found["f1_power"] == pytest.approx(1.0, abs=1e-9)
    assert found["f1_a"] == pytest.approx(15, abs=1e-6)
    assert found["f1_b"] == pytest.approx(2e-4, abs=1e-8)
    assert found["f1_amp"] == pytest.approx(0.3, abs=1e-6)
    assert found["f1_phi0"] == pytest.approx(0.4, abs=1e-5)
    assert found["f1_relamp1"] == pytest.approx(0.4, abs=1e-5)
    assert found["f1_relphi1"] == pytest.approx(((1.1 / 2 - 0.4) / np.pi) % 1, abs=1e-5)
    assert found["f1_relamp2"] == 0


def test_a_trend_without_a_wave_has_no_relative_amplitudes(rng: np.random.Generator) -> None:
    t = np.linspace(0, 100, 60)
    found = dict(zip(FOURIER, fourier_features(t, 15 + 0.01 * t, np.full(60, 0.1), 0.7), strict=True))
    assert found["f1_amp"] == 0
    assert found["f1_power"] == 0
    assert np.isnan(found["f1_relamp1"])


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 120), st.integers(0, 10**6), st.floats(0.001, 30))
def test_pairs_are_a_histogram(n: int, seed: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    t, mag = np.sort(rng.uniform(0, 2500, n)), np.round(rng.normal(0, spread, n), 2)
    i, j = np.triu_indices(n, 1)
    slow = np.histogram2d(mag[j] - mag[i], t[j] - t[i], bins=[DM_EDGES, DT_EDGES])[0]
    np.testing.assert_array_equal(pair_histogram(t, mag, np.array(DT_EDGES), np.array(DM_EDGES)), slow)


def test_the_picture_has_unit_length(rng: np.random.Generator) -> None:
    hjd, mag, _ = rr_lyrae(rng)
    assert np.linalg.norm(dmdt(hjd, mag)) == pytest.approx(1)
    assert dmdt(hjd[:1], mag[:1]).sum() == 0


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0, 3), max_size=40), st.floats(0, 1))
def test_thinning_counts_from_the_last_point_kept(times: list[float], cadence: float) -> None:
    t = np.sort(np.array(times))
    kept, last = [], -np.inf
    for value in t:
        if value - last >= cadence:
            kept.append(value)
            last = value
    np.testing.assert_array_equal(t[thin(t, np.array([0, len(t)]), cadence)], kept)
