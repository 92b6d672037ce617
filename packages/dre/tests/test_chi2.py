from __future__ import annotations

import numpy as np
import pytest
from slow import compatible_chi

from dre.kernels.chi2 import LANES, chi_scan, pack, unpack


@pytest.fixture(scope="module")
def pictures(grid):
    return np.stack([unpack(grid.blocks, k).reshape(48, 48) for k in range(grid.axes.count)])


def test_blocks_hold_every_model():
    models = np.random.default_rng(0).random((LANES + 3, 4, 4)).astype(np.float32)
    blocks = pack(models)
    assert blocks.shape == (2, 16, LANES)
    for k, model in enumerate(models):
        np.testing.assert_array_equal(unpack(blocks, k), model.reshape(-1))


def noisy(pictures, rng, flux, pixels, noise):
    truth = pictures[rng.integers(len(pictures))].astype(float) * flux / 1e5
    y, x = np.mgrid[:48, :48] - 23.5
    radius = np.hypot(x, y)
    mask = radius <= np.sort(radius.ravel())[pixels - 1]
    data = truth + rng.normal(size=truth.shape) * np.sqrt(truth + noise**2)
    return data.astype(np.float32), mask, np.full(truth.shape, noise, np.float32)


@pytest.mark.parametrize("pixels", [148, 392, 1508, 2304])
@pytest.mark.parametrize("flux", [3e3, 1e5, 1e7, 1e9])
@pytest.mark.parametrize("unit", [1.0, 1e-18, 1e15])
def test_agrees_with_the_formula(grid, pictures, pixels, flux, unit):
    rng = np.random.default_rng(int(pixels + flux))
    for trial in range(4):
        data, mask, rms = noisy(pictures, rng, flux, pixels, noise=0.1)
        data, rms = (data * np.float32(unit)), (rms * np.float32(unit))
        if trial % 2:
            data[rng.integers(0, 48, 60), rng.integers(0, 48, 60)] = np.nan
            rms[rng.integers(0, 48, 5), rng.integers(0, 48, 5)] = np.nan
        chi, scale = chi_scan(grid.blocks, len(pictures), data, mask, rms)
        slow, slow_scale = compatible_chi(pictures, data, mask, rms)
        np.testing.assert_allclose(chi, slow, rtol=1e-5)
        np.testing.assert_allclose(scale, slow_scale, rtol=1e-5)
        assert np.argmin(chi) == np.argmin(slow)


def test_infinite_noise_counts_and_adds_nothing(grid, pictures):
    data, mask, rms = noisy(pictures, np.random.default_rng(3), 1e5, 392, 5.0)
    rms[20:24, 20:30] = np.inf
    chi, _ = chi_scan(grid.blocks, len(pictures), data, mask, rms)
    np.testing.assert_allclose(chi, compatible_chi(pictures, data, mask, rms)[0], rtol=1e-5)


@pytest.mark.parametrize("case", ["empty mask", "all nan", "negative sum", "infinite"])
def test_nothing_to_compare_gives_nan(grid, pictures, case):
    data, mask, rms = noisy(pictures, np.random.default_rng(3), 1e5, 392, 5.0)
    if case == "empty mask":
        mask = np.zeros_like(mask)
    elif case == "all nan":
        data[:] = np.nan
    elif case == "negative sum":
        data = -data
    else:
        data[24, 24] = np.inf
    chi, scale = chi_scan(grid.blocks, len(pictures), data, mask, rms)
    assert np.isnan(chi).all()
    assert np.isnan(scale).all()


def test_a_variance_that_is_not_positive_gives_nan_for_that_model_only():
    rng = np.random.default_rng(5)
    models = rng.random((3, 8, 8)).astype(np.float32)
    models[1, 4, 4] = -5.0
    models[2] = 0.0
    chi, scale = chi_scan(pack(models), 3, np.ones((8, 8)), np.ones((8, 8), bool), np.full((8, 8), 0.1))
    assert np.isfinite(chi[0])
    assert np.isnan(chi[1:]).all()
    assert np.isnan(scale[2])
