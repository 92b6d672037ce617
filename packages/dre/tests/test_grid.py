from __future__ import annotations

import numpy as np
import pytest
from conftest import SMALL, moffat
from scipy.signal import fftconvolve

from dre.grid import CLASSIC, GridAxes, ModelGrid, axis


def test_the_classic_grid():
    assert CLASSIC.shape == (1, 10, 13, 21)
    assert CLASSIC.count == 2730
    assert CLASSIC.log_r[0] == -0.7
    assert CLASSIC.log_r[-1] == 1.7
    assert CLASSIC.angle[-1] == 180
    assert CLASSIC.q == tuple(k / 10 for k in range(1, 11))
    assert CLASSIC.values((0, 9, 12, 20)) == (4.0, 1.0, 180.0, 1.7)


def test_axis_has_no_dust():
    assert axis(-0.7, 0.12, 3) == (-0.7, -0.58, -0.46)


@pytest.mark.parametrize(
    "wrong", [{"q": ()}, {"log_r": (1, 1)}, {"angle": (90, 0)}, {"box": 0}, {"q": (0, 1)}, {"n": (4, 9)}]
)
def test_axes_that_are_not_axes_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        GridAxes(**wrong)


def test_models_must_have_the_shape_of_the_axes():
    with pytest.raises(ValueError, match="shape"):
        ModelGrid(SMALL, np.zeros((1, 2, 3), np.float32))


def test_convolved_models_are_the_models_convolved(models):
    psf = moffat(15)
    grid = models.convolve(psf)
    for index in np.ndindex(SMALL.shape):
        slow = fftconvolve(models.models[index].astype(float), psf, mode="same")
        assert np.abs(grid.image(index) - slow).max() < 1e-6 * slow.max()


def test_unconvolved_models_are_the_models(models):
    grid = models.unconvolved()
    for index in np.ndindex(SMALL.shape):
        np.testing.assert_array_equal(grid.image(index), models.models[index])


def test_an_even_psf_is_refused(models):
    with pytest.raises(ValueError, match="even"):
        models.convolve(np.ones((4, 4)))


def test_digest_is_of_the_content(models):
    again = ModelGrid(SMALL, models.models.copy())
    assert again.digest() == models.digest()
    again.models[0, 0, 0, 0, 0, 0] += 1
    assert again.digest() != models.digest()
