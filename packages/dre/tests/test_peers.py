"""A fit in the words of GALFIT and imfit."""

import numpy as np
import pytest

from dre import Profile
from dre.kernels.sersic import sersic_b
from dre.peers import galfit_feedme, imfit_config

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
