"""Pictures drawn in Fourier space against brute force, and their derivatives against differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import fftconvolve
from slow import cell_sums

from dre import Profile, PSFModel, Renderer
from dre.kernels.copies import bin_without_copies, subtract_copies
from dre.kernels.fourier import shape_matrix
from dre.kernels.sersic import sersic_image
from dre.kernels.superpixels import cells
from dre.render import CellRenderer, Shape, period

SIGMA = 1.4


def gaussian(side, step=1.0, sigma=SIGMA):
    axis = (np.arange(side) - (side - 1) / 2) * step
    line = np.exp(-0.5 * (axis / sigma) ** 2)
    return np.outer(line, line) / line.sum() ** 2


PSF = PSFModel(gaussian(25)[None], clip=False)


def brute_force(profile, box, k=9):
    """Profile integrated over sub-pixels, convolved there, and read at the centres of pixels."""
    middle = (box * k - 1) / 2
    centre = middle + profile.x * k, middle + profile.y * k
    fine = sersic_image(box * k, profile.r_e * k, profile.q, profile.angle, profile.n, centre=centre)
    return fftconvolve(fine, gaussian(25 * k, 1 / k), mode="same")[k // 2 :: k, k // 2 :: k] * k * k


@pytest.mark.parametrize(
    "profile",
    [
        Profile(3.0, 0.5, 30.0, 4.0, 1.0, 0.3, -0.2), Profile(0.5, 0.8, 100.0, 1.0, 1.0, -0.4, 0.1),
        Profile(6.0, 0.1, 62.0, 2.0), Profile(2.0, 1.0, 0.0, 0.5, 1.0, 0.5, 0.5), Profile(5.0, 0.6, 150.0, 6.2),
    ],
)  # fmt: skip
def test_pictures_are_those_of_brute_force(profile):
    box = 48
    expected = brute_force(profile, box)
    drawn = Renderer.through(PSF, box).image(profile)
    assert np.abs(drawn - expected)[6:-6, 6:-6].max() < 1e-3 * expected.max()


def test_a_point_source_is_the_psf():
    drawn = Renderer.through(PSF, 25).image(Profile(0.02, 1.0, 0.0, 0.5))
    assert np.abs(drawn - gaussian(25)).max() < 1e-3 * gaussian(25).max()


def test_a_psf_at_half_steps_draws_what_one_at_whole_steps_does():
    profile = Profile(2.0, 0.6, 40.0, 2.5, 1.0, 0.2, 0.1)
    fine = PSFModel(gaussian(51, 0.5)[None], sampling=0.5, clip=False)
    whole = Renderer.through(PSF, 40).image(profile)
    assert np.abs(Renderer.through(fine, 40).image(profile) - whole).max() < 1e-4 * whole.max()


def test_a_psf_without_the_pixel_gets_it():
    """Gaussian light in square pixels is the mean of the Gaussian over each."""
    without = PSFModel(gaussian(75, 1 / 3)[None], sampling=1 / 3, clip=False, without_pixel=True)
    drawn = Renderer.through(without, 21).image(Profile(0.02, 1.0, 0.0, 0.5))
    fine = gaussian(21 * 15, 1 / 15)
    expected = fine.reshape(21, 15, 21, 15).sum((1, 3))
    assert np.abs(drawn - expected).max() < 2e-3 * expected.max()


@pytest.mark.parametrize(
    "profile", [Profile(12.0, 0.4, 20.0, 4.0), Profile(20.0, 0.8, 70.0, 7.0), Profile(9, 0.5, 0, 1)]
)
def test_light_of_the_copies_is_taken_out(profile):
    small, large = Renderer.through(PSF, 64), Renderer.through(PSF, 320)
    expected = large.draw(profile.coordinates(), derivatives=True)[:, 128:192, 128:192]
    found = small.draw(profile.coordinates(), derivatives=True)
    peaks = np.abs(expected).max((1, 2), keepdims=True)
    assert (np.abs(found - expected) / peaks).max() < 3e-3
    assert np.abs(found - expected)[0].max() < 2e-4 * peaks[0]


@pytest.mark.parametrize("k", range(6))
def test_derivatives_are_differences(k):
    renderer, step = Renderer.through(PSF, 64), 2e-3
    point = Profile(4.0, 0.6, 35.0, 2.2, 1.0, 0.3, -0.1).coordinates()
    up, down = point.copy(), point.copy()
    up[k] += step
    down[k] -= step
    numeric = (renderer.draw(up)[0].astype(float) - renderer.draw(down)[0]) / (2 * step)
    exact = renderer.draw(point, derivatives=True)[1 + k]
    assert np.abs(exact - numeric).max() < 2e-3 * np.abs(numeric).max()


@pytest.mark.parametrize("k", [0, 3])
def test_derivatives_hold_the_light_of_all_copies(k):
    """A galaxy with much light beyond the picture: a false slope of it would stop the steps short of the minimum."""
    renderer, step = Renderer.through(PSF, 64), 1e-3
    up, point, down = (Profile(14.0, 0.7, 35.0, 4.9, 1.0, 0.3, -0.1).coordinates() for _ in range(3))
    up[k] += step
    down[k] -= step
    numeric = (renderer.draw(up)[0] - renderer.draw(down)[0]) / (2 * step)
    exact = renderer.draw(point, derivatives=True)[1 + k]
    assert np.abs(exact - numeric).max() < 2e-5 * np.abs(numeric).max()


@pytest.mark.parametrize("box", [128, 121, 96])
@pytest.mark.parametrize("profile", [Profile(6.0, 0.5, 30.0, 4.0, 1.0, 0.4, -0.3), Profile(15.0, 0.7, 80.0, 1.5)])
def test_cells_hold_the_sums_of_the_picture(box, profile):
    label, area = cells(box)
    drawn = Renderer.through(PSF, box).draw(profile.coordinates(), derivatives=True)
    expected = cell_sums(drawn, label, len(area))
    found = CellRenderer.through(PSF, box).draw(profile.coordinates(), label, area, derivatives=True)
    peaks = np.abs(expected).max(1, keepdims=True)
    assert (np.abs(found - expected) / peaks).max(1) == pytest.approx(0, abs=6e-3)
    assert np.abs(found - expected)[0].max() < 1e-3 * peaks[0]


shapes = st.builds(Profile, st.floats(0.3, 50), st.floats(0.06, 0.98), st.floats(0, 179.9), st.floats(0.3, 8))


@given(shapes)
def test_coordinates_and_back(profile):
    assert Profile.at(profile.coordinates(), 1.0)[:4] == pytest.approx(profile[:4], rel=1e-9, abs=1e-6)


@given(shapes)
@settings(max_examples=30)
def test_shape_matrix_has_the_axes_of_the_ellipse(profile):
    (xx, xy, yy), _ = shape_matrix(*profile.coordinates()[:3])
    axes = np.sqrt(np.linalg.eigvalsh([[xx, xy], [xy, yy]]))
    assert axes == pytest.approx([profile.r_e * profile.q, profile.r_e], rel=1e-9)


def test_period_is_even_and_has_room():
    for box, reach in ((128, 25), (121, 43), (64, 5)):
        assert period(box, reach) % 2 == 0
        assert period(box, reach) >= box + box // 4 - 1


@pytest.mark.parametrize("derivatives", [False, True])
def test_cells_without_copies_are_pictures_without_copies_in_cells(derivatives):
    renderer, point = Renderer.through(PSF, 40), Profile(9.0, 0.5, 20.0, 4.0, 1.0, 0.4, -0.3).coordinates()
    drawn, nodes = renderer.periodic(Shape.of(point), 0.4, -0.3, derivatives=derivatives)
    label = cells(40)[0].copy()
    label[::7] = -1
    found = np.empty((len(drawn), label.max() + 1))
    bin_without_copies(drawn, nodes, label.reshape(40, 40), found)
    whole = drawn[:, :, :40].astype(float)
    subtract_copies(whole, nodes)
    assert np.abs(whole - drawn[:, :, :40]).max() > 1e-7
    assert found == pytest.approx(cell_sums(whole, label, found.shape[1]), rel=1e-9, abs=1e-12)


def test_copies_between_places_are_linear():
    side = 33
    y, x = np.mgrid[:side, :side] / (side - 1)
    row, column = np.mgrid[:9, :9] / 8
    picture = (1 + 2 * x - 3 * y)[None].copy()
    subtract_copies(picture, (1 + 2 * column - 3 * row).reshape(1, 81))
    assert picture == pytest.approx(0, abs=1e-12)
