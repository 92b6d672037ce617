"""The fast periodograms against slow, obvious ones in float64."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import eclipsing, nights, rr_lyrae
from hypothesis import given, settings
from hypothesis import strategies as st

from scope.kernels.aov import aov
from scope.kernels.box import box
from scope.kernels.entropy import entropy
from scope.kernels.evidence import evidence
from scope.kernels.harmonics import harmonics
from scope.kernels.lomb_scargle import lomb_scargle
from scope.kernels.moments import mean_and_std
from scope.kernels.phases import RESEED, seed_phases


def slow_aov(t: np.ndarray, mag: np.ndarray, weight: np.ndarray, frequency: float, bins: int) -> float:
    w = weight / weight.sum()
    mean = (w * mag).sum()
    where = np.floor(((t * frequency) % 1) * bins).astype(int) % bins
    between = 0.0
    for b in range(bins):
        inside = where == b
        if inside.any():
            between += w[inside].sum() * (np.average(mag[inside], weights=w[inside]) - mean) ** 2
    return between / (w * (mag - mean) ** 2).sum()


def slow_entropy(t: np.ndarray, mag: np.ndarray, frequency: float, phases: int, mags: int) -> float:
    column = np.floor(((t * frequency) % 1) * phases).astype(int) % phases
    row = np.minimum(((mag - mag.min()) / (mag.max() - mag.min()) * mags).astype(int), mags - 1)
    p = np.zeros((mags, phases))
    np.add.at(p, (row, column), 1 / len(t))
    total = np.broadcast_to(p.sum(axis=0), p.shape)
    return float(np.sum(p[p > 0] * np.log(total[p > 0] / p[p > 0])))


def design(t: np.ndarray, frequency: float, harmonics: int) -> np.ndarray:
    turns = 2 * np.pi * t * frequency
    columns = [f(k * turns) for k in range(1, harmonics + 1) for f in (np.cos, np.sin)]
    return np.stack([np.ones_like(t), *columns], axis=1)


def slow_lomb_scargle(t: np.ndarray, mag: np.ndarray, weight: np.ndarray, frequency: float) -> float:
    root = np.sqrt(weight)
    rest = np.linalg.lstsq(design(t, frequency, 1) * root[:, None], mag * root)[1][0]
    return 1 - rest / (weight * (mag - np.average(mag, weights=weight)) ** 2).sum()


def one_evidence(
    t: np.ndarray, mag: np.ndarray, weight: np.ndarray, f: np.ndarray, harmonics: int, slope: float, ridge: float
) -> np.ndarray:
    return evidence(t, mag, weight, f, np.array([harmonics]), np.array([slope]), np.array([ridge]))[0]


def slow_evidence(
    t: np.ndarray, mag: np.ndarray, weight: np.ndarray, f: float, harmonics: int, slope: float, ridge: float
) -> float:
    """Twice the log ratio of marginal likelihoods, by determinants of full covariance matrices."""
    n, w = len(t), weight / weight.sum()
    x = design(t, f, harmonics)[:, 1:]
    x = x - w @ x
    y = mag - w @ mag
    prior = np.diag(np.repeat(ridge / n * np.arange(1, harmonics + 1.0) ** slope, 2))
    gram = x.T @ (w[:, None] * x)
    right = x.T @ (w * y)
    explained = right @ np.linalg.solve(gram + prior, right) / (w @ y**2)
    volume = np.linalg.slogdet(gram + prior)[1] - np.linalg.slogdet(prior)[1]
    return -(n - 1) * np.log(1 - explained) - volume


@pytest.fixture
def star(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    hjd, mag, err = rr_lyrae(rng)
    return hjd - hjd[0], mag, 1 / err**2


@pytest.mark.parametrize("bins", [7, 20, 40])
def test_aov_is_the_analysis_of_variance(star: tuple[np.ndarray, ...], bins: int) -> None:
    t, mag, weight = star
    found = aov(t, mag, weight, 1.7, 1e-4, 2 * RESEED + 500, bins)
    for k in (0, 1, 613, RESEED - 1, RESEED, 2 * RESEED + 499):
        assert found[k] == pytest.approx(slow_aov(t, mag, weight, 1.7 + 1e-4 * k, bins), abs=1e-4)


@pytest.mark.parametrize("points", [16384, 16385, 70_000, 300_000])
def test_long_light_curves_do_not_overflow_the_packed_sums(rng: np.random.Generator, points: int) -> None:
    t = np.sort(rng.uniform(0, 1400, points))
    mag = 12 + 0.01 * np.sin(2 * np.pi * t / 2.5) + rng.normal(0, 0.02, points)
    weight = rng.uniform(0.5, 1, points)
    for frequency in (0.4, 0.0004):  # at the second nearly all points share few bins
        found = aov(t, mag, weight, frequency, 0.0, 1, 20)[0]
        assert found == pytest.approx(slow_aov(t, mag, weight, frequency, 20), abs=1e-3)
    found = box(t, mag, weight, 0.4, 0.0, 1, 20, 0.05, 0.3)[0]
    assert found == pytest.approx(slow_box(t, mag, weight, 0.4, 20, range(1, 7)), abs=1e-3)


def test_the_best_frequency_is_that_of_the_reference(star: tuple[np.ndarray, ...]) -> None:
    t, mag, weight = star
    df = 1 / (10 * t[-1])
    f = 1.70 + df * np.arange(1500)
    slow = [slow_aov(t, mag, weight, x, 20) for x in f]
    fast = aov(t, mag, weight, 1.70, df, len(f), 20)
    assert slow[int(np.argmax(fast))] >= max(slow) - 1e-4
    slow = [slow_entropy(t, mag, x, 20, 10) for x in f]
    assert slow[int(np.argmin(entropy(t, mag, 1.70, df, len(f), 20, 10)))] <= min(slow) + 1e-4
    slow = [slow_lomb_scargle(t, mag, weight, x) for x in f]
    assert int(np.argmax(lomb_scargle(t, mag, weight, 1.70, df, len(f)))) == int(np.argmax(slow))


def slow_box(t: np.ndarray, mag: np.ndarray, weight: np.ndarray, frequency: float, bins: int, widths: range) -> float:
    w = weight / weight.sum()
    y = mag - (w * mag).sum()
    where = np.floor(((t * frequency) % 1) * bins).astype(int) % bins
    best = 0.0
    for width in widths:
        for start in range(bins):
            inside = (where - start) % bins < width
            r, s = w[inside].sum(), (w * y)[inside].sum()
            if 0 < r < 1 and s > 0:
                best = max(best, s**2 / (r * (1 - r)))
    return best / (w * y**2).sum()


def test_box_is_the_best_dip_of_all_starts_and_lengths(rng: np.random.Generator) -> None:
    hjd, mag, err = eclipsing(rng, 200)
    t = hjd - hjd[0]
    found = box(t, mag, 1 / err**2, 0.3, 1e-4, 600, 30, 0.02, 0.2)
    for k in (0, 17, 89, 599):
        slow = slow_box(t, mag, 1 / err**2, 0.3 + 1e-4 * k, 30, range(1, 7))
        assert found[k] == pytest.approx(slow, abs=1e-4)
    flipped = box(t, -mag, 1 / err**2, 1 / 3.2371, 0.0, 1, 30, 0.02, 0.1)[0]
    assert flipped < 0.5 * box(t, mag, 1 / err**2, 1 / 3.2371, 0.0, 1, 30, 0.02, 0.1)[0], "a box is a dip, not a flare"


def test_harmonics_are_least_squares(star: tuple[np.ndarray, ...]) -> None:
    t, mag, weight = star
    found = harmonics(t, mag, weight, 0.5, 1e-3, 1500, 3)
    root = np.sqrt(weight)
    total = (weight * (mag - np.average(mag, weights=weight)) ** 2).sum()
    for k in range(0, 1500, 83):
        for count in (1, 2, 3):
            matrix = design(t, 0.5 + 1e-3 * k, count) * root[:, None]
            rest = np.linalg.lstsq(matrix, mag * root)[1][0]
            assert found[k, count - 1] == pytest.approx(1 - rest / total, abs=1e-4)


@pytest.mark.parametrize("points", [60, 90, 350])
def test_entropy_counts_cells(rng: np.random.Generator, points: int) -> None:
    hjd, mag, _ = rr_lyrae(rng, points)
    t = hjd - hjd[0]
    found = entropy(t, mag, 0.9, 1e-4, RESEED + 100, 20, 10)
    slow = [slow_entropy(t, mag, 0.9 + 1e-4 * k, 20, 10) for k in range(0, RESEED + 100, 97)]
    # A phase within 1e-6 turn of an edge may fall into the next cell: a point's worth of entropy at most, and rarely.
    assert np.mean(np.abs(found[::97] - slow) < 1e-5) > 0.97


def test_lomb_scargle_is_the_best_sinusoid(star: tuple[np.ndarray, ...]) -> None:
    t, mag, weight = star
    found = lomb_scargle(t, mag, weight, 0.01, 2e-3, 3000)
    slow = [slow_lomb_scargle(t, mag, weight, 0.01 + 2e-3 * k) for k in range(0, 3000, 41)]
    np.testing.assert_allclose(found[::41], slow, atol=3e-5)


def test_lomb_scargle_agrees_with_astropy(star: tuple[np.ndarray, ...]) -> None:
    from astropy.timeseries import LombScargle

    t, mag, weight = star
    f = 0.5 + 1e-3 * np.arange(2000)
    peer = LombScargle(t, mag, weight**-0.5).power(f, method="slow")
    np.testing.assert_allclose(lomb_scargle(t, mag, weight, 0.5, 1e-3, 2000), peer, atol=3e-5)


@pytest.mark.parametrize(("harmonics", "slope", "ridge"), [(1, 2.0, 0.5), (8, 2.0, 0.5), (20, 1.0, 1.0)])
def test_evidence_is_the_marginal_likelihood(
    star: tuple[np.ndarray, ...], harmonics: int, slope: float, ridge: float
) -> None:
    t, mag, weight = star
    f = np.array([1 / 0.5678, 0.3, 17.2])
    found = one_evidence(t, mag, weight, f, harmonics, slope, ridge)
    for k in sorted({1, harmonics}):
        slow = [slow_evidence(t, mag, weight, x, k, slope, ridge) for x in f]
        np.testing.assert_allclose(found[:, k - 1], slow, rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_mean_and_scatter_are_numpys(rng: np.random.Generator, offset: float) -> None:
    values = (offset + rng.normal(size=10001)).astype(np.float32)
    found = mean_and_std(values)
    assert found == pytest.approx((values.mean(dtype=np.float64), values.std(dtype=np.float64)), rel=1e-9)
    assert mean_and_std(np.full(5, 3.25, np.float32)) == (3.25, 0.0)


def test_several_priors_at_once_are_each_alone(star: tuple[np.ndarray, ...]) -> None:
    f = np.array([1.76, 3.1])
    both = evidence(*star, f, np.array([3, 7]), np.array([2.0, 1.0]), np.array([0.5, 1.0]))
    np.testing.assert_allclose(both[0, :, :3], one_evidence(*star, f, 3, 2.0, 0.5), rtol=1e-10)
    np.testing.assert_allclose(both[1], one_evidence(*star, f, 7, 1.0, 1.0), rtol=1e-10)


def test_evidence_has_no_units(star: tuple[np.ndarray, ...]) -> None:
    t, mag, weight = star
    f = np.array([1.76, 3.1])
    here = one_evidence(t, mag, weight, f, 6, 2.0, 0.5)
    np.testing.assert_allclose(one_evidence(t, 1000 * mag + 5, weight / 7, f, 6, 2.0, 0.5), here, rtol=1e-8)


def test_noise_has_no_evidence(rng: np.random.Generator) -> None:
    t = nights(rng, 200)
    f = rng.uniform(0.1, 10, 300)
    found = one_evidence(t, rng.normal(size=200), np.ones(200), f, 4, 2.0, 0.5)
    assert np.median(found) < 0


def test_a_constant_star_has_no_power(rng: np.random.Generator) -> None:
    t = nights(rng, 50)
    flat, one = np.full(50, 15.0), np.ones(50)
    assert not aov(t, flat, one, 1.0, 0.1, 5, 20).any()
    assert not lomb_scargle(t, flat, one, 1.0, 0.1, 5).any()
    np.testing.assert_allclose(entropy(t, flat, 1.0, 0.1, 5, 20, 10), 0, atol=1e-6)
    assert not box(t, flat, one, 1.0, 0.1, 5, 50, 0.01, 0.5).any()
    assert not harmonics(t, flat, one, 1.0, 0.1, 5, 3).any()
    assert not one_evidence(t, flat, one, np.array([1.0]), 3, 2.0, 0.5).any()


@settings(deadline=None, max_examples=50)
@given(st.floats(-1e4, 1e4), st.floats(0, 300))
def test_phases_are_the_fraction_of_a_turn(t: float, frequency: float) -> None:
    phases = np.empty(1, np.uint32)
    seed_phases(np.array([t]), frequency, phases)
    apart = abs(phases[0] / 2**32 - (t * frequency) % 1)
    assert min(apart, 1 - apart) < 1e-9


def test_real_curves_have_the_statistics_of_the_references(survey_data: Path) -> None:
    """Every fast statistic within 1e-4 of float64, on real sampling: nights, seasons, bursts, clipped magnitudes."""
    from scope.lightcurves.quality import Cuts, clean
    from scope.lightcurves.tables import read_light_curves
    from scope.periods.series import Series

    rng = np.random.default_rng(11)
    worst = dict.fromkeys(("aov", "entropy", "lomb_scargle"), 0.0)
    for name, every in (("s82_rrlyr", 60), ("asas", 40), ("ztf_eclipsing_vsx", 6)):
        curves = clean(read_light_curves(survey_data / f"{name}.parquet"), Cuts(40))
        for curve in list(curves)[::every]:
            band = Series.of([(curve.hjd, curve.mag, curve.magerr)]).merged
            t, mag, weight = band.t, band.mag, band.weight
            start, df = rng.uniform(0.01, 40), 1 / (10 * t[-1])
            picks = rng.integers(0, RESEED + 50, 12)
            found = {
                "aov": aov(t, mag, weight, start, df, RESEED + 50, 20),
                "entropy": entropy(t, mag, start, df, RESEED + 50, 20, 10),
                "lomb_scargle": lomb_scargle(t, mag, weight, start, df, RESEED + 50),
            }
            for k in picks:
                f = start + df * k
                slow = {
                    "aov": slow_aov(t, mag, weight, f, 20),
                    "entropy": slow_entropy(t, mag, f, 20, 10),
                    "lomb_scargle": slow_lomb_scargle(t, mag, weight, f),
                }
                for kind, value in slow.items():
                    worst[kind] = max(worst[kind], abs(float(found[kind][k]) - value))
    assert max(worst.values()) < 1e-4, worst
