from __future__ import annotations

import numpy as np
import pytest
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
    assert found.model_idx == best == (0, 0, 0, 10)[:0] + tuple(int(k) for k in best)
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
    line = np.full(21, 9.0)
    line[[0, 1, 2]] = np.exp(
        [0.0, 0.1, 0.3]
    )  # convex, its vertex left of the window by less than nothing on a longer axis
    x = np.concatenate([[-5.0], X])
    wide = np.concatenate([[9.0], line])
    vertex, _ = parabola(wide[1:], X, 0)
    assert np.isnan(vertex)
    wide[0] = 0.95
    assert parabola(wide, x, 2)[0] == pytest.approx(x[2]) or x[1] <= parabola(wide, x, 2)[0] <= x[3]


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
