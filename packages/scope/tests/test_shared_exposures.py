"""The matrix-product Lomb-Scargle and the sums over its harmonics, against slow and obvious forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import rr_lyrae
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scope.kernels.harmonic_sums import add_harmonics, highest_peaks
from scope.kernels.lomb_scargle import lomb_scargle
from scope.kernels.shared_exposures import BLOCK, MOST_POINTS, shared_lomb_scargle, whole_weights

Curves = list[tuple[np.ndarray, np.ndarray, np.ndarray]]  # which exposures, magnitudes, weights


def together(t: np.ndarray, curves: Curves, df: float, blocks: int) -> np.ndarray:
    """The powers of all curves, a row each."""
    weights, products = np.zeros((2, len(curves), len(t)), np.float32)
    scales = np.ones(len(curves))
    for row, (where, mag, weight) in enumerate(curves):
        weights[row, where], products[row, where], scales[row] = whole_weights(mag, weight)
    out = np.full((blocks, len(curves), BLOCK), np.nan, np.float32)
    shared_lomb_scargle(t, weights, products, scales, df, out)
    return out.transpose(1, 0, 2).reshape(len(curves), -1)


def slow_power(t: np.ndarray, mag: np.ndarray, weight: np.ndarray, frequency: float) -> tuple[float, float]:
    """The power in float64, and the determinant of the normal equations."""
    w = weight / weight.sum()
    y = mag - (w * mag).sum()
    x = np.stack([np.cos(2 * np.pi * frequency * t), np.sin(2 * np.pi * frequency * t)], axis=1)
    x -= w @ x
    gram, right = x.T @ (w[:, None] * x), x.T @ (w * y)
    variance = (w * y**2).sum()
    det = np.linalg.det(gram)
    if not variance > 0 or det < 1e-6:
        return 0.0, det
    return right @ np.linalg.solve(gram, right) / variance, det


@st.composite
def quadrants(draw: st.DrawFn) -> tuple[np.ndarray, Curves]:
    """Exposures, and curves each of which misses some of them; one point and constant curves too."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    exposures = draw(st.integers(1, 160))
    t = np.sort(rng.uniform(0, 800, exposures))
    curves = []
    for _ in range(draw(st.integers(1, 6))):
        where = np.flatnonzero(rng.random(exposures) < draw(st.sampled_from([0.05, 0.5, 0.9, 1.0])))
        where = where if len(where) else np.array([int(rng.integers(exposures))])
        scatter = draw(st.sampled_from([0.0, 0.01, 3.0]))
        curves.append((where, 15 + scatter * rng.standard_normal(len(where)), rng.uniform(0.1, 9, len(where)) ** 2))
    return t, curves


@settings(deadline=None, max_examples=60)
@given(quadrants(), st.sampled_from([1e-3, 0.0173]))
def test_powers_are_those_of_float64_with_missing_exposures(quadrant: tuple[np.ndarray, Curves], df: float) -> None:
    t, curves = quadrant
    found = together(t, curves, df, 1)
    assert ((found >= 0) & (found <= 1)).all()
    for row, (where, mag, weight) in zip(found, curves, strict=True):
        for k in range(1, BLOCK, 37):
            power, det = slow_power(t[where], mag, weight, k * df)
            if det > 0.02:  # rounded sums are divided by it
                assert row[k] == pytest.approx(power, abs=0.01 + 0.002 / det)
        assert len(where) > 1 or not row.any(), "one point fixes no sinusoid"


@settings(deadline=None, max_examples=60)
@given(quadrants())
def test_a_curve_alone_has_the_bits_that_it_has_among_others(quadrant: tuple[np.ndarray, Curves]) -> None:
    t, curves = quadrant
    among = together(t, curves, 0.0173, 2)
    for row, (where, mag, weight) in zip(among, curves, strict=True):
        alone = together(t[where], [(np.arange(len(where)), mag, weight)], 0.0173, 2)
        assert alone.tobytes() == row.tobytes()


@settings(deadline=None, max_examples=80)
@given(st.integers(1, MOST_POINTS), st.integers(0, 99))
@example(MOST_POINTS, 0)
def test_sums_stay_where_float32_is_exact(points: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights, products, _ = whole_weights(rng.standard_cauchy(points), rng.uniform(0.01, 1, points) ** 4)
    for values in (weights, products):
        assert (values == np.rint(values)).all()
        assert 255 * np.abs(values.astype(np.float64)).sum() < 2**24


def test_curves_that_are_too_long_are_refused() -> None:
    with pytest.raises(ValueError, match="at most"):
        whole_weights(np.zeros(MOST_POINTS + 1), np.ones(MOST_POINTS + 1))


def test_a_curve_without_variance_has_no_power() -> None:
    t = np.arange(40.0)
    assert not together(t, [(np.arange(40), np.full(40, 17.0), np.ones(40))], 0.013, 1).any()


@pytest.mark.parametrize("points", [60, 300])
def test_the_peak_is_within_a_sample_of_that_of_the_single_kernel(rng: np.random.Generator, points: int) -> None:
    df, blocks = 1 / (10 * 1100), 40
    for _ in range(6):
        hjd, mag, err = rr_lyrae(rng, points, float(rng.uniform(0.6, 0.9)))
        t, weight = hjd - hjd[0], 1 / err**2
        found = together(t, [(np.arange(points), mag, weight)], df, blocks)[0]
        exact = lomb_scargle(t, mag, weight, 0.0, df, blocks * BLOCK)
        low = 20  # two cycles in the baseline
        assert abs(int(found[low:].argmax()) - int(exact[low:].argmax())) <= 1
        assert np.abs(found[low:] - exact[low:]).max() < 0.01


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 400), st.sampled_from([(1, 2), (1, 3), (2, 4), (3, 6), (8, 16)]), st.integers(0, 99))
def test_harmonics_add_up(size: int, numbers: tuple[int, int], seed: int) -> None:
    power = np.random.default_rng(seed).random(size).astype(np.float32)

    def direct(count: int) -> np.ndarray:
        return np.array([sum(power[round(k * h / count + 1e-9)] for h in range(1, count + 1)) for k in range(size)])

    known, count = numbers
    total = direct(known).astype(np.float32)
    add_harmonics(power, known, count, total)
    np.testing.assert_allclose(total, direct(count), rtol=1e-5)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=300), st.integers(0, 5), st.integers(1, 6), st.integers(1, 20)
)  # fmt: skip
def test_highest_peaks_are_the_largest_within_their_radius(
    values: list[int], first: int, radius: int, count: int
) -> None:
    power = np.array(values, np.float32)
    slow = []
    for k in range(first, len(values)):
        low, high = max(first, k - radius), k + radius + 1
        if values[k] == max(values[low:high]) and values[k] not in values[low:k]:
            slow.append(k)
    slow.sort(key=lambda k: (-values[k], k))
    assert highest_peaks(power, first, radius, count).tolist() == slow[:count]


def test_real_quadrant_has_the_peaks_of_the_single_kernel() -> None:
    from scope.lightcurves.quality import Cuts, clean
    from scope.lightcurves.tables import read_light_curves
    from scope.periods.series import Series

    curves = clean(read_light_curves(Path(__file__).parent / "data" / "ztf_000250_zg_c01_q1_dr5.parquet"), Cuts(50))
    times = np.unique(curves.hjd)
    df, blocks = 1 / 8800, 60
    bands = [Series.of([(c.hjd, c.mag, c.magerr)]).merged for c in curves]
    found = together(
        times - times[0],
        [(np.searchsorted(times, c.hjd), b.mag, b.weight) for c, b in zip(curves, bands, strict=True)], df, blocks,
    )  # fmt: skip
    exact = [lomb_scargle(b.t, b.mag, b.weight, 0.0, df, blocks * BLOCK) for b in bands]
    compared = 0
    for band, near, power in zip(bands, found, exact, strict=True):
        peak = 20 + int(power[20:].argmax())
        if slow_power(band.t, band.mag, band.weight, peak * df)[1] > 1e-3:  # else all points share a phase
            assert np.abs(highest_peaks(near, 20, 5, 3) - peak).min() <= 1  # the exact kernel tells them apart
            compared += 1
    assert compared > 0.9 * len(bands)
