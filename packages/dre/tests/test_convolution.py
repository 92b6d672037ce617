from __future__ import annotations

import numpy as np
import pytest
from conftest import moffat
from scipy.signal import fftconvolve

from dre.kernels.convolution import convolve_same, psf_spectrum


@pytest.mark.parametrize(("box", "side"), [(48, 15), (48, 1), (33, 25), (16, 41)])
def test_equal_to_fftconvolve(box, side):
    rng = np.random.default_rng(1)
    images = rng.exponential(size=(3, box, box)).astype(np.float32)
    psf = rng.exponential(size=(side, side))
    ours = convolve_same(images, psf, psf_spectrum(psf, box))
    for image, convolved in zip(images, ours, strict=True):
        slow = fftconvolve(image.astype(float), psf, mode="full")
        half = side // 2
        slow = slow[half : half + box, half : half + box]
        assert np.abs(convolved - slow).max() < 1e-12 * slow.max()
        if side <= box:
            np.testing.assert_allclose(convolved, fftconvolve(image.astype(float), psf, mode="same"), rtol=1e-10)


def test_rounding_never_makes_light_negative(models):
    convolved = models.convolve(moffat(25, fwhm=2))
    assert convolved.blocks.min() >= 0


def test_a_psf_with_negative_wings_is_not_changed():
    psf = moffat(9)
    psf[0] = -1e-3
    image = np.zeros((21, 21))
    image[10, 10] = 1.0
    assert convolve_same(image, psf).min() == pytest.approx(-1e-3)


@pytest.mark.parametrize(("shape", "match"), [((4, 4), "even"), ((3, 5), "square"), ((3, 3, 3), "square")])
def test_psf_without_a_central_pixel_is_refused(shape, match):
    with pytest.raises(ValueError, match=match):
        convolve_same(np.ones((8, 8)), np.ones(shape))


def test_psf_with_nan_is_refused():
    with pytest.raises(ValueError, match="finite"):
        convolve_same(np.ones((8, 8)), np.full((3, 3), np.nan))
