"""Tabulated transforms of Sersic profiles against closed forms and direct integration."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gamma, j0

from dre.kernels.hankel import START, STEP, transform_rows
from dre.kernels.sersic import sersic_b

KAPPA = np.exp(START + STEP * np.arange(transform_rows(1.0).shape[1]))


def test_a_gaussian():
    expected = np.exp(-(KAPPA**2) / (4 * sersic_b(0.5)))
    assert np.abs(transform_rows(0.5)[0] - expected).max() < 2e-7


def test_an_exponential():
    expected = (1 + (KAPPA / sersic_b(1.0)) ** 2) ** -1.5
    assert np.abs(transform_rows(1.0)[0] - expected).max() < 2e-7


@pytest.mark.parametrize("n", [0.3, 0.9, 2.5, 4.0])
@pytest.mark.parametrize("place", [120, 200, 240])
def test_any_index_by_direct_integration(n, place):
    b = float(sersic_b(n))
    total = 2 * np.pi * n * b ** (-2 * n) * gamma(2 * n)

    def ring(t):  # R = t^n takes the cusp away
        return 2 * np.pi * t ** (2 * n - 1) * n * np.exp(-b * t) * j0(KAPPA[place] * t**n) / total

    expected, _ = quad(ring, 0, 60 / b, limit=2000, epsabs=1e-9)
    assert transform_rows(n)[0, place] == pytest.approx(expected, abs=3e-7)


@pytest.mark.parametrize("n", [0.31, 1.7, 5.0, 7.9])
def test_slope_in_ln_n(n):
    step = 1e-3
    numeric = (transform_rows(n * np.exp(step))[0] - transform_rows(n * np.exp(-step))[0]) / (2 * step)
    assert np.abs(transform_rows(n)[1] - numeric).max() < 2e-5
