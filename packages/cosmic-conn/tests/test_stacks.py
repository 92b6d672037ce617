from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from cosmic_conn.kernels.stacks import difference_variances, median_frame, smallest_of_two
from cosmic_conn.kernels.tails import exceeding, threshold


@pytest.mark.parametrize("count", range(2, 13))
def test_the_median_is_that_of_numpy(count: int) -> None:
    frames = np.random.default_rng(count).normal(size=(count, 70, 9)).astype(np.float32)
    assert np.array_equal(median_frame(frames), np.median(frames, axis=0))


def drawn(variances: np.ndarray, number: int = 400_000) -> np.ndarray:
    """Distances from the median of many Gaussian numbers."""
    random = np.random.default_rng(len(variances))
    x = random.normal(size=(len(variances), number)) * np.sqrt(variances)[:, None]
    return x - np.median(x, axis=0)


@pytest.mark.parametrize("count", range(2, 13))
@pytest.mark.parametrize("equal", [True, False])
def test_variances_are_those_of_many_draws(count: int, equal: bool) -> None:
    variances = np.ones(count) if equal else np.random.default_rng(count).uniform(0.3, 6, count)
    assert np.allclose(difference_variances(variances), drawn(variances).var(axis=1), rtol=0.02)


def test_variances_known_in_closed_form() -> None:
    """(x1 - x2)/2 for two; 1 + (1 - sqrt(3)/pi) - 2/3 for three: David & Nagaraja give the variance of their median."""
    assert np.allclose(difference_variances([1.0, 5.0]), 1.5, rtol=1e-3)
    assert np.allclose(difference_variances(np.ones(3)), 1 + (1 - np.sqrt(3) / np.pi) - 2 / 3, rtol=1e-4)


@given(st.lists(st.floats(0.5, 3), min_size=2, max_size=5), st.floats(0.01, 1e6))
@settings(max_examples=25, deadline=None)
def test_variances_scale_and_do_not_mind_the_order(variances: list[float], scale: float) -> None:
    found = difference_variances(variances)
    assert np.allclose(difference_variances(np.array(variances) * scale), found * scale, rtol=2e-3)
    assert np.allclose(difference_variances(variances[::-1]), found[::-1], rtol=2e-3)


def test_the_smaller_of_two_frames_is_their_mean_where_there_is_noise_alone() -> None:
    frames = np.random.default_rng(0).normal(50, 4, (2, 300, 300)).astype(np.float32)
    assert abs(smallest_of_two(frames, np.array([16.0, 16.0])).mean() - 50) < 0.05
    frames[0, 100, 100] += 1e4
    assert smallest_of_two(frames, np.array([16.0, 16.0]))[100, 100] < 70


@pytest.mark.parametrize("count", range(2, 13))
def test_thresholds_are_exceeded_as_seldom_as_those_of_a_normal_variable(count: int) -> None:
    distances = drawn(np.ones(count), 1_000_000)[0]
    unit = np.sqrt(difference_variances(np.ones(count))[0])
    for sigma in (1.5, 2.5):
        wanted = ndtr(-sigma)
        found = (distances > threshold(count, sigma) * unit).mean()
        assert abs(found - wanted) < 5 * np.sqrt(wanted / 1e6) + 0.01 * wanted


def test_thresholds_grow_with_what_is_asked_and_come_near_it_for_many_frames() -> None:
    assert threshold(2, 5.0) == 5.0
    assert 6 < threshold(3, 5.0) < 7
    assert 5 < threshold(12, 5.0) < 5.5
    found = [threshold(3, s) for s in (1e-3, 0.5, 1.0, 3.0, 8.0)]
    assert found == sorted(found)
    assert exceeding(3, 0.0) == pytest.approx(1 / 3, abs=1e-3)
