"""A fit in the words of GALFIT and imfit."""

import numpy as np
import pytest
from scipy.special import ndtr

from dre import Profile
from dre.kernels.sersic import sersic_b
from dre.peers import galfit_feedme, imfit_config
from dre.psf import before_pixel

FIT = Profile(6.0, 0.5, 30.0, 2.5, 5e3, 0.25, -0.5)


def words(text, label):
    return next(line.split() for line in text.splitlines() if line.split()[:1] == [label])


def test_galfit():
    text = galfit_feedme("a_00_0001", FIT, 1.5, 128, 25.0, psf_side=25)
    assert words(text, "A)")[1] == "a_00_0001.fits"
    assert [float(v) for v in words(text, "1)")[1:3]] == [64.75, 64.0]
    assert float(words(text, "3)")[1]) == pytest.approx(25 - 2.5 * np.log10(5e3))
    assert float(words(text, "4)")[1]) == 6.0
    assert float(words(text, "10)")[1]) == 120.0  # 30 degrees from +x, counted from +y


def test_galfit_lines_are_those_of_its_manual():
    """Labels in their order; every value is followed by as many toggles as it has numbers; the rest is a comment."""
    lines = [line.split("#")[0].split() for line in galfit_feedme("a", FIT, 1.5, 128, 25.0, psf_side=25).splitlines()]
    lines = [line for line in lines if line]
    assert [line[0] for line in lines[:13]] == [f"{letter})" for letter in "ABCDEFGHIJKOP"]
    assert [line[0] for line in lines[13:]] == [
        f"{k})" for k in ["0", "1", "3", "4", "5", "9", "10", "Z", "0", "1", "2", "3", "Z"]
    ]
    counts = {"A)": 2, "E)": 2, "H)": 5, "I)": 3, "J)": 2, "K)": 3, "P)": 2}
    assert all(len(line) == counts.get(line[0], len(line)) for line in lines[:13])
    assert [len(line) for line in lines[13:]] == [2, 5, 3, 3, 3, 3, 3, 2, 2, 3, 3, 3, 2]
    assert (lines[13][1], lines[21][1]) == ("sersic", "sky")


def test_a_psf_without_the_pixel_is_the_light_before_it():
    """A Gaussian integrated over the pixels, and the same at their centres."""
    edges, centres = np.arange(-12, 14) - 0.5, np.arange(-12, 13)
    across = np.diff(ndtr(edges / 1.4))
    plain = np.exp(-0.5 * (centres / 1.4) ** 2)
    before = before_pixel(np.outer(across, across))
    expected = np.outer(plain, plain) / plain.sum() ** 2
    assert np.abs(before - expected).max() < 2e-4 * expected.max()
    assert np.abs(np.outer(across, across) - expected).max() > 0.03 * expected.max()


def test_imfit_brightness_holds_the_flux():
    text = imfit_config("a", FIT, 1.5, 128)
    bright = float(words(text, "I_e")[1])
    r = np.geomspace(1e-4, 3e3, 200_000)
    profile = bright * np.exp(-sersic_b(2.5) * ((r / 6.0) ** 0.4 - 1))
    assert np.trapezoid(2 * np.pi * r * 0.5 * profile, r) == pytest.approx(5e3, rel=1e-3)
    assert float(words(text, "ell")[1]) == 0.5
    assert float(words(text, "PA")[1]) == 120.0
    for line in text.splitlines():
        if len(line.split()) == 3 and not line.startswith("#"):
            low, high = (float(v) for v in line.split()[2].split(","))
            assert low <= float(line.split()[1]) <= high
