"""The simulator against sums and moments that are known."""

import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.special import gamma, gammaincinv

from dre.simulate import Recipe, moffat, sersic, simulate_tile


def test_moffat_has_unit_flux_and_its_fwhm():
    profile = moffat(801, 30, 3.5)
    assert profile.sum() == pytest.approx(1, abs=2e-3)
    row = profile[400] / profile.max()
    assert (row >= 0.5).sum() == pytest.approx(30, abs=1)


@pytest.mark.parametrize(("n", "q", "angle"), [(1, 0.5, 30), (4, 0.3, 120), (2.5, 1.0, 0)])
def test_sersic_pixels_are_the_integrals_of_the_profile(n, q, angle):
    b, radius = gammaincinv(2 * n, 0.5), 10**0.7
    total = 2 * np.pi * n * radius**2 * q * np.exp(b) * b ** (-2 * n) * gamma(2 * n)
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))

    def profile(y, x):
        r = np.hypot(x * cosine + y * sine, (y * cosine - x * sine) / q) / radius
        return np.exp(-b * (r ** (1 / n) - 1)) / total

    image = sersic(205, 0.7, q, angle, n, 0.0, 0.0, 0.2).reshape(41, 5, 41, 5).sum(axis=(1, 3))
    for row, column in ((20, 22), (23, 20), (26, 25)):
        exact, _ = dblquad(profile, column - 20.5, column - 19.5, row - 20.5, row - 19.5)
        assert image[row, column] == pytest.approx(exact, rel=0.01)


def test_tile_has_the_noise_and_the_fluxes_of_its_recipe():
    recipe = Recipe(size=300, galaxies=0, stars=2, flux=(1e5, 1.01e5))
    tile = simulate_tile(recipe, np.random.default_rng(0))
    corner = tile.image[:60, :60]
    assert corner.std() == pytest.approx(np.hypot(recipe.sky**0.5, recipe.read_noise), rel=0.05)
    assert (tile.image - recipe.sky).sum() == pytest.approx(tile.truth["FLUX"].sum(), rel=0.03)
    assert tile.psf.sum() == pytest.approx(1)


def test_the_same_seed_gives_the_same_sky():
    one, two = (simulate_tile(Recipe(size=250, galaxies=2, stars=1), np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(one.image, two.image)
