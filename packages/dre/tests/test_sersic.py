from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from slow import sersic_pixel

from dre.kernels.sersic import sersic_b, sersic_cube, sersic_image


@pytest.mark.parametrize(("n", "b"), [(0.5, np.log(2)), (1, 1.6783469900166605), (4, 7.669249442500804)])
def test_half_of_the_light_is_within_the_half_light_radius(n, b):
    assert sersic_b(n) == pytest.approx(b, rel=1e-12)


def around(box, angle, centre):
    """Pixels at the centre and along both axes."""
    along = np.radians(angle)
    places = {(0, 0), (0, 1), (1, 0), (1, 1), (-1, 0)}
    for step in (2, 3, 5, 9, 14):
        places.add((round(step * np.sin(along)), round(step * np.cos(along))))
        places.add((round(step * np.cos(along)), round(-step * np.sin(along))))
    corner = int(centre[1]), int(centre[0])
    return [(corner[0] + j, corner[1] + i) for j, i in places]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    n=st.floats(0.5, 8),
    log_r=st.floats(np.log10(0.2), np.log10(20)),
    q=st.floats(0.1, 1),
    angle=st.floats(0, 180),
    dx=st.sampled_from([0.0, 0.5, 1e-7, 0.137]),
    dy=st.sampled_from([0.0, 0.5, -0.3]),
)
def test_pixels_agree_with_adaptive_quadrature(n, log_r, q, angle, dx, dy):
    r_e, centre = 10**log_r, (15.5 + dx, 15.5 + dy)
    image = sersic_image(32, r_e, q, angle, n, centre=centre)
    for y, x in around(32, angle, centre):
        slow = sersic_pixel(
            x - 0.5, x + 0.5, y - 0.5, y + 0.5, r_e=r_e, q=q, angle=angle, n=n, centre=centre, tolerance=1e-9
        )
        assert abs(image[y, x] - slow) < 1e-6 * image.max()


@pytest.mark.parametrize(("n", "r_e", "q"), [(0.3, 0.1, 0.05), (8, 0.1, 0.05), (0.3, 3, 0.05), (8, 300, 1)])
def test_extremes_of_the_range(n, r_e, q):
    image = sersic_image(32, r_e, q, 30.0, n)
    for y, x in around(32, 30.0, (15.5, 15.5)):
        slow = sersic_pixel(
            x - 0.5,
            x + 0.5,
            y - 0.5,
            y + 0.5,
            r_e=r_e,
            q=q,
            angle=30.0,
            n=n,
            centre=(15.5, 15.5),
            tolerance=1e-11,
        )
        assert abs(image[y, x] - slow) < 1e-6 * image.max()
    assert image.min() >= 0


@pytest.mark.parametrize("n", [0.5, 1.0, 4.0])
def test_no_light_is_lost_when_the_box_holds_it(n):
    assert sersic_image(128, 0.3, 0.4, 20.0, n, flux=1e5).sum() == pytest.approx(1e5, rel=2e-5)


def test_half_of_the_light_of_a_big_disk_is_within_its_ellipse():
    y, x = np.mgrid[:401, :401] - 200.0
    inside = np.hypot(x, y / 0.5) < 60
    assert sersic_image(401, 60.0, 0.5, 0.0, 1.0)[inside].sum() == pytest.approx(0.5, abs=2e-3)


def test_agrees_with_an_image_of_galsim():
    """GalSim's Sersic n = 3, half-light radius 5 px, flux 1, sampled (not integrated) at the pixel centres.

    Far from the cusp the mean over a pixel is the value at its centre plus a 24th of the Laplacian.
    """
    theirs = fits.getdata(Path(__file__).parent / "data" / "sersic_3_1.fits").astype(float) * 0.2**2
    ours = sersic_image(156, 5.0, 1.0, 0.0, 3.0, centre=(78, 78))
    y, x = np.mgrid[1:155, 1:155] - 78
    laplacian = sum(np.roll(theirs, step, axis) for step in (-1, 1) for axis in (0, 1)) - 4 * theirs
    ratio = (ours / (theirs + laplacian / 24))[1:-1, 1:-1]
    radius = np.hypot(x, y)
    assert np.abs(ratio[radius > 8] - 1).max() < 2e-4
    assert np.abs(ratio[radius > 20] - 1).max() < 2e-5


def test_angle_turns_counter_clockwise_from_x():
    image = sersic_image(64, 8.0, 0.3, 30.0, 1.0)
    y, x = np.mgrid[:64, :64] - 31.5
    xx, yy, xy = ((image * f).sum() for f in (x * x, y * y, x * y))
    assert np.degrees(0.5 * np.arctan2(2 * xy, xx - yy)) == pytest.approx(30.0, abs=0.5)


def test_cube_is_made_of_images():
    n, q, angle, r_e = [1, 4], [0.25, 1], [0, 20, 45, 60, 90, 110, 150, 180], [0.5, 6]
    cube = sersic_cube(n, q, angle, r_e, 24, flux=1e5)
    assert cube.shape == (2, 2, 8, 2, 24, 24)
    assert cube.dtype == np.float32
    for index in np.ndindex(cube.shape[:4]):
        i, j, k, m = index
        image = sersic_image(24, r_e[m], q[j], angle[k], n[i], flux=1e5)
        np.testing.assert_allclose(cube[index], image, rtol=3e-6, atol=1e-7 * image.max())


@pytest.mark.parametrize(
    "wrong",
    [{"r_e": 0.0}, {"r_e": 301.0}, {"q": 0.01}, {"q": 1.2}, {"n": 9.0}, {"n": float("nan")}, {"box": 0}],
)
def test_parameters_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        sersic_image(**{"box": 8, "r_e": 2.0, "q": 0.5, "angle": 0.0, "n": 1.0} | wrong)
