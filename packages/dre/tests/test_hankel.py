"""Tabulated transforms of Sersic profiles against closed forms and direct integration."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import gamma, j0

from dre.kernels.hankel import FIRST, look_up, profile_transform, transform_of
from dre.kernels.sersic import sersic_b

KAPPA = np.exp(np.linspace(-9.0, 9.0, 1001))


def looked_up(n, kappa):
    """h, its derivative to kappa^2, and to ln n."""
    out = np.empty((3, len(kappa)))
    look_up(np.asarray(kappa, float) ** 2, transform_of(n), *out)
    return out


def test_a_gaussian():
    b = sersic_b(0.5)
    expected = np.exp(-(KAPPA**2) / (4 * b))
    h, slope, _ = looked_up(0.5, KAPPA)
    assert np.abs(h - expected).max() < 2e-7
    assert np.abs((slope + expected / (4 * b)) * KAPPA**2).max() < 1e-5


def test_an_exponential():
    b = sersic_b(1.0)
    expected = (1 + (KAPPA / b) ** 2) ** -1.5
    h, slope, _ = looked_up(1.0, KAPPA)
    assert np.abs(h - expected).max() < 2e-7
    exact = -1.5 * (1 + (KAPPA / b) ** 2) ** -2.5 / b**2
    assert np.abs((slope - exact) * KAPPA**2).max() < 1e-5


@pytest.mark.parametrize("n", [0.3, 0.9, 2.5, 4.0])
@pytest.mark.parametrize("kappa", [0.017, 0.45, 2.3])
def test_any_index_by_direct_integration(n, kappa):
    b = float(sersic_b(n))
    total = 2 * np.pi * n * b ** (-2 * n) * gamma(2 * n)

    def ring(t):  # R = t^n takes the cusp away
        return 2 * np.pi * t ** (2 * n - 1) * n * np.exp(-b * t) * j0(kappa * t**n) / total

    expected, _ = quad(ring, 0, 60 / b, limit=2000, epsabs=1e-9)
    assert looked_up(n, [kappa])[0, 0] == pytest.approx(expected, abs=3e-7)


@given(st.floats(0.3, 8.0), st.floats(-4.0, 9.0))
@settings(deadline=None)
def test_the_table_is_the_transform(n, log_kappa):
    expected = profile_transform(n, np.array([log_kappa]))[0]
    assert looked_up(n, [np.exp(log_kappa)])[0, 0] == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("n", [0.31, 1.7, 5.0, 7.9])
def test_slope_in_ln_n(n):
    step = 1e-3
    numeric = (looked_up(n * np.exp(step), KAPPA)[0] - looked_up(n * np.exp(-step), KAPPA)[0]) / (2 * step)
    assert np.abs(looked_up(n, KAPPA)[2] - numeric).max() < 2e-5


@pytest.mark.parametrize("n", [0.3, 1.0, 4.0])
def test_below_the_table_there_is_all_the_light(n):
    lowest = 2.0 ** (FIRST / 2)
    h, slope, to_n = looked_up(n, [0.0, 1e-9, 0.9 * lowest])
    assert h == pytest.approx(1.0, abs=1e-12)
    assert slope == pytest.approx(0.0, abs=1e-12)
    assert to_n == pytest.approx(0.0, abs=1e-12)
    assert looked_up(n, [2 * lowest])[0, 0] == pytest.approx(1.0, abs=1e-5)
