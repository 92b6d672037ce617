"""The table of the default statistic."""

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable, Table
from astropy.wcs import WCS
from test_profiles import AXES, TRUTH, make
from test_render import PSF

from dre import Fitter, SearchGrid, Stamp, profile_table
from dre.results import COLUMNS, read_profile


@pytest.fixture(scope="module")
def fits():
    fitter = Fitter(SearchGrid.build(AXES, PSF), PSF, gain=1.0)
    bad = Stamp("00_0003", np.zeros((96, 96)), np.zeros((96, 96), bool), np.ones((96, 96)), 0, 3, 50.0, 50.0)
    return [fitter.fit(make(x=70.3, y=81.6, number=5)), fitter.fit(bad)]


def test_columns_have_units_and_descriptions(fits):
    table = profile_table(fits)
    assert isinstance(table, QTable)
    assert table.colnames == [column.name for column in COLUMNS]
    assert table["R_E"].unit == u.pix
    assert table["ANGLE"].unit == u.deg
    assert table["MAG"].unit == u.mag
    assert all(table[name].info.description for name in table.colnames)
    assert list(table["NUMBER"]) == [3, 5]


def test_values_and_errors_are_those_of_the_fit(fits):
    row = profile_table(fits)[1]
    values, errors = fits[0].estimate.values, fits[0].estimate.errors
    assert row["R_E"].value == pytest.approx(10 ** values[0])
    assert row["R_E_ERR"].value == pytest.approx(10 ** (values[0] + errors[0]) - 10 ** values[0], rel=0.05)
    assert row["FLUX"].value == values[4]
    assert row["CORRELATIONS"].shape == (8, 8)


def test_the_centre_is_one_based_in_the_image(fits):
    row = profile_table(fits)[1]
    left = int(np.ceil(70.3 - 1 - 48))  # first column of the cut, zero-based
    assert row["X_FIT"].value == pytest.approx(left + 47.5 + TRUTH.x + 1, abs=0.2)


def test_magnitudes_need_a_zero_point(fits):
    assert np.isnan(profile_table(fits)["MAG"]).all()
    row = profile_table(fits, zero_points={0: 25.0})[1]
    assert row["MAG"].value == pytest.approx(25 - 2.5 * np.log10(row["FLUX"].value))
    assert row["MAG_ERR"].value == pytest.approx(1.0857 * float(row["FLUX_ERR"] / row["FLUX"]), rel=1e-3)


def test_an_object_without_a_fit_keeps_its_row(fits):
    row = profile_table(fits)[0]
    assert np.isnan(row["R_E"])
    assert row["FIT_FLAG"] != 0


def test_sky_coordinates(fits):
    system = WCS(naxis=2)
    system.wcs.ctype, system.wcs.crval = ["RA---TAN", "DEC--TAN"], [10.0, -30.0]
    system.wcs.crpix, system.wcs.cdelt = [70.0, 80.0], [-1e-4, 1e-4]
    row = profile_table(fits, systems={0: system})[1]
    assert row["DELTA_FIT"].value == pytest.approx(-30 + 1e-4 * (row["Y_FIT"].value - 80), abs=1e-8)


def test_the_catalogue_is_joined(fits):
    table = profile_table(fits, Table({"NUMBER": [5, 9], "FLAGS": [2, 0], "VIGNET": np.zeros((2, 3, 3))}))
    assert list(table["NUMBER"]) == [5]
    assert list(table["FLAGS"]) == [2]
    assert "VIGNET" not in table.colnames


def test_a_row_gives_its_profile_back(fits):
    profile, sky = read_profile(profile_table(fits)[1], make(x=70.3, y=81.6))
    expected = fits[0].estimate.values
    assert profile.r_e == pytest.approx(10 ** expected[0])
    assert (profile.x, profile.y) == pytest.approx(tuple(expected[6:]))
    assert sky == pytest.approx(expected[5])
    assert read_profile(profile_table(fits)[0], make())[0] is None
