"""The scan against the formula: hundreds of objects of every size and brightness, 128 x 128 px."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import moffat
from slow import compatible_chi

from dre.grid import CLASSIC, GridAxes, ModelGrid
from dre.kernels.chi2 import chi_scan, unpack

AXES = GridAxes(log_r=CLASSIC.log_r[::2], angle=(0, 45, 90, 135), q=(0.2, 0.5, 1.0), box=128)
PIXELS = (148, 392, 1508, 5008, 16384)


@pytest.fixture(scope="module")
def scene():
    grid = ModelGrid.generate(AXES).convolve(moffat(25))
    return grid, np.stack([unpack(grid.blocks, k) for k in range(AXES.count)])


def objects(pictures, count, pixels, seed):
    """Noisy models; some have dead pixels, some an uneven noise map, some a neighbour."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:128, :128] - 63.5
    for k in range(count):
        flux, noise = 10 ** rng.uniform(2.5, 8), 10 ** rng.uniform(-1, 2)
        truth = pictures[rng.integers(len(pictures))].reshape(128, 128).astype(float) * flux / 1e5
        if k % 7 == 0:
            truth = truth + 0.3 * np.roll(truth, 17, axis=1)
        rms = np.full((128, 128), noise)
        if k % 5 == 0:
            rms *= rng.uniform(0.7, 1.5, rms.shape)
        data = truth + rng.normal(size=truth.shape) * np.sqrt(truth + rms**2)
        if k % 3 == 0:
            data[rng.random(data.shape) < 0.05] = np.nan
        radius = np.hypot(x, y * rng.uniform(0.5, 1))
        mask = radius <= np.sort(radius.ravel())[pixels - 1]
        if np.nansum(data[mask].astype(np.float32)) > 0:
            yield data.astype(np.float32), mask, rms.astype(np.float32)


@pytest.mark.parametrize(("pixels", "count"), [(148, 150), (392, 150), (1508, 60), (5008, 20), (16384, 8)])
def test_same_chi_and_same_best_model_as_the_formula(scene, pixels, count):
    grid, pictures = scene
    shaped = pictures.reshape(-1, 128, 128)
    tried = 0
    for data, mask, rms in objects(pictures, count, pixels, seed=pixels):
        chi, scale = chi_scan(grid.blocks, AXES.count, data, mask, rms)
        slow, slow_scale = compatible_chi(shaped, data, mask, rms)
        np.testing.assert_allclose(chi, slow, rtol=2e-6)
        np.testing.assert_allclose(scale, slow_scale, rtol=1e-7)
        assert np.argmin(chi) == np.argmin(slow) or slow[np.argmin(chi)] == slow.min()
        tried += 1
    assert tried > 0.7 * count
