"""Steps of least squares against NumPy's solver, and where they may end."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dre.kernels.steps import damped_step, free_parameters, inverted, moved

LOW, HIGH, CAPS = np.full(6, -2.0), np.full(6, 2.0), np.full(6, 0.5)


def solved(matrix, slope, free, damping):
    """The damped equations of the free parameters as they are written."""
    own = matrix[np.ix_(free, free)]
    step = np.zeros(len(slope))
    step[free] = np.linalg.solve(own + (damping + 1e-12) * np.diag(np.diag(own)), slope[free])
    return step


@given(
    st.integers(0, 10**6),
    st.integers(8, 12),
    st.sampled_from([0.0, 1e-3, 1.0, 1e4]),
    st.sampled_from([(), (3,), (0, 5)]),
)
@settings(deadline=None)
def test_a_step_solves_the_equations(seed, size, damping, held):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(size, 40)) * 10 ** rng.uniform(-3, 3, size)[:, None]
    slope, free = rng.normal(size=size), np.ones(size, bool)
    free[list(held)] = False
    found = damped_step(rows @ rows.T, slope, free, damping)
    assert found == pytest.approx(solved(rows @ rows.T, slope, free, damping), rel=1e-6)
    assert (found[~free] == 0).all()


def test_a_parameter_that_does_nothing_stays_finite():
    matrix = np.diag([1.0, 2.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    assert np.isfinite(damped_step(matrix, np.ones(8) * (np.diag(matrix) > 0), np.ones(8, bool), 0.0)).all()


def test_coordinates_pushed_against_a_bound_are_held():
    point = np.array([-2.0, 2.0, -2.0, 2.0, 0.0, 0.0])
    slope = np.array([-1.0, 1.0, 1.0, -1.0, -1.0, 1.0, 1.0, 1.0])
    expected = [False, False, True, True, True, True, True, True]
    assert free_parameters(point, slope, LOW, HIGH, False).tolist() == expected
    assert not free_parameters(point, slope, LOW, HIGH, True)[3]


@given(st.lists(st.floats(-3, 3), min_size=6, max_size=6), st.lists(st.floats(-9, 9), min_size=8, max_size=8))
@settings(deadline=None)
def test_moves_stay_short_and_inside(point, step):
    start = np.clip(point, LOW, HIGH)
    there = moved(start, np.array(step), CAPS, LOW, HIGH, 1.5)
    free = np.clip(start + np.clip(step[:6], -CAPS, CAPS), LOW, HIGH)
    eta = np.hypot(*free[1:3])
    if eta > 1.5:
        free[1:3] *= 1.5 / eta
    assert there == pytest.approx(free, abs=1e-12)


@given(st.integers(0, 10**6), st.integers(7, 12))
@settings(deadline=None)
def test_inverse_is_that_of_numpy(seed, size):
    rows = np.random.default_rng(seed).normal(size=(size, 40))
    rows /= np.sqrt((rows**2).sum(1, keepdims=True))
    inverse, sound = inverted(rows @ rows.T)
    assert sound
    assert inverse == pytest.approx(np.linalg.inv(rows @ rows.T), rel=1e-8, abs=1e-8)


def test_a_singular_matrix_has_no_inverse():
    assert not inverted(np.ones((3, 3)))[1]
    assert not inverted(np.array([[1.0, 2.0], [2.0, 1.0]]))[1]
