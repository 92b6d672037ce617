from __future__ import annotations

import numpy as np
import pytest
from conftest import moffat

from dre.psf import PSFModel, centre_of, normalised, resampled


def tabulated(side: int, step: float, profile, centre=None):
    """Profile per image pixel, at steps of `step` pixels, as PSFEx tabulates it: unit sum of the table."""
    middle = (side - 1) / 2 if centre is None else centre
    y, x = (np.mgrid[:side, :side] - middle) * step
    return profile(np.hypot(x, y)) * step**2


def gaussian(r, sigma=1.3):
    return np.exp(-0.5 * (r / sigma) ** 2) / (2 * np.pi * sigma**2)


def moffat35(r, alpha=2.6, beta=3.5):
    """Moffat (1969) with unit flux."""
    return (beta - 1) / (np.pi * alpha**2) * (1 + (r / alpha) ** 2) ** -beta


@pytest.mark.parametrize("profile", [gaussian, moffat35])
@pytest.mark.parametrize("step", [0.2, 0.5, 0.789, 1.0, 1.2])
def test_resampling_gives_the_profile_at_pixel_centres(profile, step):
    side = 2 * round(24 / step) + 1
    picture = resampled(tabulated(side, step, profile), step, (side // 2, side // 2))
    half = picture.shape[0] // 2
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    expected = profile(np.hypot(x, y))
    assert np.abs(picture - expected).max() < {0.789: 5e-3, 1.2: 1e-2}.get(step, 1e-3) * expected.max()
    assert picture.sum() == pytest.approx(expected.sum(), rel=2e-3)


def test_a_table_in_image_pixels_is_untouched():
    table = moffat(25)
    np.testing.assert_allclose(resampled(table, 1.0, (12, 12)), table, atol=1e-16)


def test_the_constant_term_is_clipped_and_normalised():
    table = moffat(25) * 3
    table[0, :] = -1e-3
    picture = PSFModel(np.stack([table, np.ones((25, 25))])).pixels()
    expected = np.where(table < 0, 0, table)
    np.testing.assert_allclose(picture, expected / expected.sum(), rtol=1e-12)
    kept = PSFModel(table[None], clip=False).pixels()
    np.testing.assert_allclose(kept, table / table.sum(), rtol=1e-12)


@pytest.mark.parametrize("centre", [12.0, 11.5, 11.0])
def test_an_even_table_is_recentred(centre):
    table = tabulated(24, 1.0, moffat35, centre)
    assert centre_of(table) == (centre, centre)
    picture = PSFModel(table[None]).pixels()
    assert picture.shape[0] % 2 == 1
    assert np.unravel_index(picture.argmax(), picture.shape) == (picture.shape[0] // 2,) * 2
    np.testing.assert_allclose(picture, picture[::-1, ::-1], atol=1e-12)


def test_a_psf_elsewhere_is_refused():
    with pytest.raises(ValueError, match="centroid"):
        PSFModel(np.roll(moffat(25), 2, axis=1)[None]).pixels()


@pytest.mark.parametrize("wrong", [np.zeros((5, 5)), np.full((5, 5), np.nan), -np.ones((5, 5))])
def test_a_psf_without_light_is_refused(wrong):
    with pytest.raises(ValueError, match=r"light|finite"):
        PSFModel(wrong[None]).pixels()
    with pytest.raises(ValueError, match=r"light|finite"):
        normalised(wrong)


def test_a_model_that_is_none_is_refused():
    with pytest.raises(ValueError, match="PSF_SAMP"):
        PSFModel(np.ones((1, 3, 3)), sampling=0.0)
    with pytest.raises(ValueError, match="shape"):
        PSFModel(np.ones((3, 3)))


def test_the_polynomial_is_evaluated_at_the_place():
    """Against the sum written out, for two parameters of degree 2 in PSFEx's order of terms."""
    basis = np.random.default_rng(1).normal(size=(6, 5, 5))
    model = PSFModel(basis, 1.0, ("X_IMAGE", "Y_IMAGE"), (500.0, 300.0), (400.0, 250.0), (1, 1), (2,))
    u, v = (620.0 - 500) / 400, (90.0 - 300) / 250
    expected = sum(c * b for c, b in zip((1, u, u * u, v, u * v, v * v), basis, strict=True))
    assert model.table((620.0, 90.0)) == pytest.approx(expected, abs=1e-12)
    assert (model.table() == basis[0]).all()


@pytest.mark.parametrize(
    ("names", "groups", "degrees", "words"),
    [
        (("X_IMAGE", "MAG_AUTO"), (1, 1), (2,), "MAG_AUTO"),
        (("X_IMAGE", "Y_IMAGE"), (1, 2), (1,), "groups"),
        (("X_IMAGE", "Y_IMAGE"), (1, 2), (1, 1), "terms"),
        (("X_IMAGE", "Y_IMAGE"), (1, 1), (3,), "terms"),
    ],
)
def test_a_polynomial_that_cannot_be_evaluated_is_refused(names, groups, degrees, words):
    model = PSFModel(np.ones((6, 5, 5)), 1.0, names, (0.0, 0.0), (1.0, 1.0), groups, degrees)
    with pytest.raises(ValueError, match=words):
        model.table((1.0, 1.0))
