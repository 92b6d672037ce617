from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dre.kernels.minimum import NOWHERE, minimum, parabola

X = np.linspace(-0.7, 1.7, 21)


def cube(vertex: float, a: float = 3.0) -> np.ndarray:
    chi = np.exp(a * (X - vertex) ** 2) * np.ones((2, 3, 4, 1))
    return chi * (1 + 0.1 * np.arange(24).reshape(2, 3, 4, 1)[::-1, ::-1, ::-1])


def test_every_parameter_by_its_formula():
    chi = cube(0.55)
    chi /= chi.max()
    found = minimum(chi, X)
    r = np.broadcast_to(10**X, chi.shape)
    mean = np.sum(r / chi) / np.sum(1 / chi)
    best = np.unravel_index(chi.argmin(), chi.shape)
    assert found.model_idx == best
    assert found.chi == chi.min()
    assert found.chi_std == pytest.approx(chi.std())
    assert found.logr_chi == pytest.approx(np.log10(mean))
    assert found.logr_var == pytest.approx(np.log10(np.average((r - r[best]) ** 2, weights=1 / chi)))
    assert found.logr_chi_var == pytest.approx(np.log10(np.average((r - mean) ** 2, weights=1 / chi)))
    assert found.logr_parab == pytest.approx(0.55)
    assert found.logr_std == pytest.approx(1 / np.sqrt(2 * 3.0))


def test_parabola_at_the_end_of_the_axis():
    line = np.exp(2 * (X - X[0] - 0.03) ** 2)
    assert parabola(line, X, 0)[0] == pytest.approx(X[0] + 0.03)
    outside = np.exp(2 * (X - X[0] + 0.03) ** 2)
    vertex, width = parabola(outside, X, 0)
    assert np.isnan(vertex)
    assert width == pytest.approx(0.5)


def test_a_vertex_outside_the_window_gives_the_grid_value():
    """Only a minimum at the end of the axis can have it: there the window is moved inwards."""
    inner = np.exp(2 * (X - X[3]) ** 2)  # the best is said to be at 0, the vertex lies at 3, outside 0..2
    vertex, width = parabola(inner, X, 0)
    assert vertex == X[0]
    assert width == pytest.approx(0.5)


def test_no_parabola():
    assert all(np.isnan(parabola(np.exp(-((X - 0.5) ** 2)), X, 20)))
    assert all(np.isnan(parabola(np.ones(2), X[:2], 0)))
    assert all(np.isnan(parabola(np.ones(21), X, 3)))


def test_models_without_meaning_are_left_out():
    chi = cube(0.5)
    whole = minimum(chi[1:], X)
    chi[0] = np.nan
    part = minimum(chi, X)
    assert part[1:] == whole[1:]
    assert part.model_idx == (whole.model_idx[0] + 1, *whole.model_idx[1:])
    assert minimum(np.full_like(chi, np.nan), X) is NOWHERE


def test_a_perfect_fit_and_a_single_radius_have_no_spread():
    chi = cube(0.5)
    chi[0, 0, 0, 4] = 0.0
    found = minimum(chi, X)
    assert found.chi == 0.0
    assert np.isnan([found.logr_chi, found.logr_parab]).all()
    alone = minimum(np.ones((1, 2, 3, 1)), X[:1])
    assert alone.logr_chi == pytest.approx(X[0])
    assert np.isnan([alone.logr_var, alone.logr_parab, alone.logr_std]).all()


@settings(deadline=None, derandomize=True)
@given(chi=arrays(np.float64, (1, 2, 3, 5), elements=st.floats(1e-3, 1e6) | st.just(np.nan)))
def test_parameters_are_within_the_axis(chi):
    found = minimum(chi, X[:5])
    if np.isnan(chi).all():
        assert found is NOWHERE
        return
    assert found.chi == np.nanmin(chi)
    assert chi[found.model_idx] == found.chi
    assert X[0] - 1e-12 <= found.logr_chi <= X[4] + 1e-12
    assert np.isnan(found.logr_parab) or X[0] <= found.logr_parab <= X[4]
