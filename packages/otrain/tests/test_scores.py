from __future__ import annotations

import numpy as np
import pytest
import slow
from hypothesis import given, settings
from hypothesis import strategies as st

from otrain.evaluation import evaluate
from otrain.kernels import calibration, learning_curve, resampling, scores

SAMPLES = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=40).filter(
    lambda rows: len({t for t, _ in rows}) == 2
)


@given(SAMPLES)
def test_auc_is_its_slow_twin(rows: list[tuple[bool, int]]) -> None:
    truth, score = np.array([t for t, _ in rows]), np.array([s / 7 for _, s in rows])
    assert scores.auc(truth, score) == pytest.approx(slow.auc(truth, score))


@given(SAMPLES)
def test_a_sweep_counts_what_each_threshold_calls_real(rows: list[tuple[bool, int]]) -> None:
    truth, score = np.array([t for t, _ in rows]), np.array([s / 7 for _, s in rows])
    for threshold, tp, fp in zip(*scores.sweep(truth, score), strict=True):
        found = scores.counts(truth, score > threshold)
        assert (found.tp, found.fp) == (tp, fp)


def test_counts() -> None:
    found = scores.counts(np.array([1, 1, 1, 0, 0, 0, 0], bool), np.array([1, 1, 0, 1, 0, 0, 0], bool))
    assert (found.tn, found.fp, found.fn, found.tp) == (3, 1, 1, 2)
    assert found.mcc == pytest.approx((2 * 3 - 1) / np.sqrt(3 * 3 * 4 * 4))
    assert found.f1 == pytest.approx(2 / 3)
    assert (found.fpr, found.recall, found.precision) == (0.25, pytest.approx(2 / 3), pytest.approx(2 / 3))
    nothing = scores.counts(np.zeros(3, bool), np.zeros(3, bool))
    assert nothing.mcc == 0
    assert np.isnan(nothing.f1)
    assert np.isnan(nothing.fnr)


def test_average_precision_of_a_known_order() -> None:
    truth = np.array([1, 0, 1, 0], bool)
    assert scores.average_precision(truth, np.array([0.9, 0.8, 0.7, 0.1])) == pytest.approx((1 + 2 / 3) / 2)


def test_the_best_threshold_divides_divided_classes() -> None:
    truth = np.repeat([False, True], 20)
    score = np.concatenate([np.linspace(0, 0.4, 20), np.linspace(0.6, 1, 20)])
    assert 0.4 <= scores.best_threshold(truth, score, smooth=1) <= 0.6
    with pytest.raises(ValueError, match="both classes"):
        scores.best_threshold(np.ones(3, bool), score[:3])


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
def test_a_threshold_for_a_rate_has_that_rate_on_new_objects(rate: float) -> None:
    rng = np.random.default_rng(1)
    truth = rng.random(6000) < 0.5
    score = rng.normal(size=6000) + 2 * truth
    new = rng.normal(size=4000)
    at = scores.threshold_for(truth, score, fpr=rate)
    low, high = scores.wilson(int((new > at).sum()), 4000, z=4)
    assert low <= rate <= high
    at = scores.threshold_for(truth, score, fnr=rate)
    low, high = scores.wilson(int((new + 2 <= at).sum()), 4000, z=4)
    assert low <= rate <= high
    with pytest.raises(ValueError, match="either"):
        scores.threshold_for(truth, score, fpr=0.1, fnr=0.1)
    with pytest.raises(ValueError, match="no object"):
        scores.threshold_for(np.ones(4, bool), score[:4], fpr=0.1)


def test_wilson() -> None:
    low, high = scores.wilson(8, 10)
    assert (low, high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert np.isnan(scores.wilson(0, 0)[0])


def test_calibration_errors() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(4000)
    truth = rng.random(4000) < p
    level = scores.ece_level(p, np.random.default_rng(1), rounds=200)
    assert scores.ece(truth, p) < level
    assert scores.ece(truth, p**3) > 3 * level
    assert scores.ece(np.array([True, False]), np.array([0.5, 0.5]), bins=1) == 0


def test_bootstrap_of_groups_is_wider_than_that_of_objects() -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat(rng.random(40) < 0.5, 10)
    score = np.repeat(rng.normal(size=40), 10) + truth
    one = scores.bootstrap(truth, score, score > 0.5, np.random.default_rng(1), rounds=200)
    two = scores.bootstrap(
        truth, score, score > 0.5, np.random.default_rng(1), rounds=200, groups=np.repeat(np.arange(40), 10)
    )
    assert two["auc"][1] - two["auc"][0] > 1.5 * (one["auc"][1] - one["auc"][0])


def test_intervals_cover_the_truth() -> None:
    """95 % intervals of the AUC of small samples hold that of the population in most samples."""
    rng = np.random.default_rng(4)
    hits = 0
    for seed in range(60):
        truth = np.repeat([True, False], 60)
        score = rng.normal(size=120) + 1.2 * truth
        low, high = scores.bootstrap(truth, score, score > 0.6, np.random.default_rng(seed), rounds=150)["auc"]
        hits += low <= 0.8019 <= high  # Phi(1.2 / sqrt 2)
    assert hits >= 51


def test_an_evaluation_of_one_class() -> None:
    found = evaluate(np.ones(5, bool), np.linspace(0.1, 0.9, 5), 0.5, rounds=5)
    assert np.isnan(found.auc)
    assert found.counts.tp == 2
    assert "[[0 0][3 2]]" in found.to_text()


@settings(max_examples=25)
@given(st.floats(0.3, 3), st.floats(-2, 2))
def test_platt_finds_slope_and_offset(a: float, b: float) -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(0, 2, 20000)
    truth = rng.random(20000) < calibration.sigmoid(a * z + b)
    slope, offset = calibration.fit_platt(truth, z)
    assert slope == pytest.approx(a, rel=0.1)
    assert offset == pytest.approx(b, abs=0.12)


def test_platt_where_there_is_little_to_learn() -> None:
    assert calibration.fit_platt(np.ones(4, bool), np.arange(4.0)) == (1.0, 0.0)
    slope, _ = calibration.fit_platt(np.array([0, 0, 1, 1], bool), np.array([-1.0, -0.9, 0.9, 1.0]))
    assert 0 < slope < 10
    assert calibration.fit_platt(np.array([1, 1, 0, 0], bool), np.array([-1.0, -0.9, 0.9, 1.0])) == (1.0, 0.0)


def test_prior_shift_is_bayes() -> None:
    """Objects of a calibrated classifier, thinned to other odds, are calibrated after the shift."""
    rng = np.random.default_rng(0)
    truth = rng.random(200000) < 0.5
    z = rng.normal(size=200000) + np.where(truth, 1.0, -1.0)  # two normals: the logit is 2 z
    kept = ~truth | (rng.random(200000) < 0.1)
    p = calibration.sigmoid(calibration.prior_shift(2 * z[kept], 1.0, 0.1))
    assert scores.ece(truth[kept], p) < 0.004
    assert scores.ece(truth[kept], calibration.sigmoid(2 * z[kept])) > 0.05


def test_sigmoid_and_logit_at_the_ends() -> None:
    assert calibration.sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist() == [0.0, 0.5, 1.0]
    np.testing.assert_allclose(calibration.logit(calibration.sigmoid(np.array([-30.0, 1.0]))), [-30.0, 1.0])


def test_a_learning_curve() -> None:
    n = np.array([100, 200, 400, 800, 1600.0])
    law = learning_curve.fit_power_law(n, 1 - (0.05 + 3 * n**-0.5))
    assert law == pytest.approx((0.05, 3, 0.5), rel=1e-6)
    assert learning_curve.needed(law, float(learning_curve.power_law(5000, law))) == pytest.approx(5000)
    assert learning_curve.needed(law, 0.96) == float("inf")
    with pytest.raises(ValueError, match="three sizes"):
        learning_curve.fit_power_law(n[:2], n[:2] / 1e4)
    flat = learning_curve.fit_power_law(n, np.full(5, 0.8))
    assert float(learning_curve.power_law(1e6, flat)) == pytest.approx(0.8, abs=0.01)


def test_resampled_scores_are_those_of_the_objects_drawn() -> None:
    rng = np.random.default_rng(3)
    truth, called = rng.random(60) < 0.6, rng.random((4, 60)) < 0.5
    draws = resampling.family_draws(rng.integers(0, 20, 60), 30, rng)
    found = resampling.resampled_scores(truth, called, draws)
    for k in range(4):
        for b in (0, 7, 29):
            rows = np.repeat(np.arange(60), draws[b].astype(int))
            own = scores.counts(truth[rows], called[k][rows])
            assert (found["mcc"][k, b], found["f1"][k, b]) == pytest.approx((own.mcc, own.f1))
            assert found["accuracy"][k, b] == pytest.approx(own.accuracy)


def test_families_are_drawn_whole() -> None:
    families = np.array([5, 5, 9, 9, 9, 2])
    draws = resampling.family_draws(families, 50, np.random.default_rng(1))
    assert (draws[0] == 1).all()
    assert all(len(set(row[families == name])) == 1 for row in draws for name in (5, 9, 2))
    assert (draws[:, [0, 2, 5]].sum(axis=1) == 3).all()


def test_intervals_of_a_mean_over_repeats_hold_the_truth() -> None:
    rng = np.random.default_rng(2)
    inside = 0
    for _ in range(200):  # scores scatter by 0.02 between repeats, and by 0.03 between test sets that repeats share
        shared = rng.normal(0, 0.03)
        measured = 0.8 + shared + rng.normal(0, 0.02, 8)
        values = measured[:, None] + rng.normal(0, 0.03, 400)
        values[:, 0] = measured
        low, high = resampling.interval(resampling.over_repeats(values, rng))
        inside += low <= 0.8 <= high
    assert 0.9 <= inside / 200 <= 0.99
    assert resampling.over_repeats(values, rng)[0] == pytest.approx(measured.mean())
