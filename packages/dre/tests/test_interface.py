"""``dre.fit``: stamps in, a table with units out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from astropy import units
from astropy.table import QTable, Table
from astropy.wcs import WCS
from shared_io.errors import SchemaMismatch

from dre import GridAxes, ModelGrid, Profile, PSFModel, Renderer, Stamp, fit, fit_stamps, summary_table

BOX = 48
AXES = GridAxes(log_r=(0.2, 0.4, 0.6, 0.8), angle=(0.0, 45.0, 90.0, 135.0), q=(0.3, 0.6, 0.9), n=(1.0, 2.5), box=BOX)
TRUTH = ((2.5, 0.7, 30.0, 1.2), (4.0, 0.5, 100.0, 2.0))


def gaussian():
    y, x = np.mgrid[-8:9, -8:9]
    psf = np.exp(-(x**2 + y**2) / 2 / 1.4**2)
    return psf / psf.sum()


@pytest.fixture(scope="module")
def stamps():
    rng, renderer = np.random.default_rng(4), Renderer.through(PSFModel(gaussian()[None], clip=False), BOX)
    y, x = np.mgrid[:BOX, :BOX] - (BOX - 1) / 2
    found = []
    for k, shape in enumerate(TRUTH, 1):
        image = renderer.image(Profile(*shape, 5e4)) + rng.normal(size=(BOX, BOX)) * 5
        rms = np.full((BOX, BOX), 5.0)
        mask = np.hypot(x, y) < 10
        found.append(Stamp(f"00_{k:04d}", image, mask, rms, 0, k, 100.0 * k, 50.0, np.zeros((BOX, BOX), int)))
    return found


def test_the_truth_comes_out_with_units_and_coordinates(stamps):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = (
        ["RA---TAN", "DEC--TAN"],
        [10, 20],
        [1, 1],
        [-1e-4, 1e-4],
    )
    extra = Table({"NUMBER": [2, 1], "FIELD": [20, 10]})
    rows = fit(stamps, gaussian(), grid=AXES, zero_point=25.0, wcs=wcs, catalogue=extra)
    assert isinstance(rows, QTable)
    assert rows["R_E"].unit == units.pix
    assert rows["ANGLE"].unit == units.deg
    assert list(rows["FIELD"]) == [10, 20]
    for row, (r_e, q, angle, n) in zip(rows, TRUTH, strict=True):
        assert abs(row["R_E"].value - r_e) < 4 * row["R_E_ERR"].value
        assert abs(row["AX_RATIO"] - q) < 4 * row["AX_RATIO_ERR"]
        assert abs(row["ANGLE"].value - angle) < 4 * row["ANGLE_ERR"].value
        assert abs(row["INDEX"] - n) < 4 * row["INDEX_ERR"]
        assert row["MAG"].value == pytest.approx(25 - 2.5 * np.log10(row["FLUX"].value))
        sky = wcs.pixel_to_world(row["X_FIT"].value - 1, row["Y_FIT"].value - 1)
        assert abs(row["ALPHA_FIT"].to_value(units.deg) - sky.ra.deg) < 1e-9
        assert abs(row["DELTA_FIT"].to_value(units.deg) - sky.dec.deg) < 1e-9


def test_one_object_and_none(stamps):
    alone = fit(stamps[1], gaussian(), grid=AXES)
    assert list(alone["NUMBER"]) == [2]
    assert len(fit([], gaussian(), grid=AXES)) == 0


def test_the_predecessors_statistic_is_that_of_its_parts(stamps):
    axes = replace(AXES, n=(1.0,))
    models = ModelGrid.generate(axes)
    rows = fit(stamps, gaussian(), grid=models, statistic="dre")
    expected = summary_table(fit_stamps(stamps, models.convolve(PSFModel(gaussian()[None], clip=False).pixels())), axes)
    assert rows.colnames == expected.colnames
    for name in rows.colnames:
        np.testing.assert_array_equal(np.asarray(rows[name]), np.asarray(expected[name]))


def test_what_cannot_be_told_apart_or_read_is_refused(stamps):
    with pytest.raises(ValueError, match="number"):
        fit([stamps[0], replace(stamps[1], number=1)], gaussian(), grid=AXES)
    with pytest.raises(SchemaMismatch, match="lacks rms"):
        fit([stamps[0], SchemaMismatch("the cut lacks rms", path="a.h5")], gaussian(), grid=AXES)
    with pytest.raises(ValueError, match="chi2, dre"):
        fit(stamps, gaussian(), grid=AXES, statistic="other")
