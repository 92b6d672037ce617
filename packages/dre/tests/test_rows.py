"""What a row of a Summary table says, and the model that it means."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dre import FitFlag, GridAxes, ModelGrid, PSFModel, Stamp, fit, fit_stamps, summary_table
from dre.rows import describe, picture_of, profile_of

BOX = 48
AXES = GridAxes(log_r=(0.3, 0.6), angle=(0.0, 45.0, 90.0), q=(0.4, 0.8), n=(2.0,), box=BOX)


@pytest.fixture(scope="module")
def psf():
    y, x = np.mgrid[-6:7, -6:7]
    table = np.exp(-((x - 0.0) ** 2 + y**2) / 2 / 1.3**2)
    return PSFModel((table / table.sum())[None], clip=False)


@pytest.fixture(scope="module")
def grid(psf):
    return ModelGrid.generate(AXES).convolve(psf.pixels())


@pytest.fixture(scope="module")
def stamp(grid):
    image = 0.3 * grid.image((0, 1, 1, 1)) + np.random.default_rng(1).normal(size=(BOX, BOX)) * 4
    y, x = np.mgrid[:BOX, :BOX] - (BOX - 1) / 2
    mask = np.hypot(x, y) < 9
    rms, others = np.full((BOX, BOX), 4.0), np.zeros((BOX, BOX), int)
    return Stamp("02_0007", image.astype(np.float32), mask, rms, 2, 7, 60.0, 70.0, others)


def test_the_predecessors_model_is_drawn_as_it_was_compared(stamp, grid, psf):
    found = next(fit_stamps([stamp], grid))
    row = summary_table([found], AXES)[0]
    picture, noise = picture_of(row, stamp, psf)
    compared = grid.image(found.best.model_idx) * found.scale
    assert np.abs(picture - compared).max() < 1e-5 * compared.max()
    np.testing.assert_allclose(noise**2, 16 + np.maximum(compared, 0), rtol=1e-4)
    said = describe(row)
    assert (said.name, said.flag, said.radius) == ("02_0007", FitFlag.GRID_EDGE, pytest.approx(10**0.6))
    assert said.chi2 == row["CHI"]
    assert "chi " in said.lines[1]
    assert "grid edge" in said.lines[1]
    assert profile_of(row, stamp)[0].flux == pytest.approx(0.3e5, rel=0.05)


def test_the_default_model_is_drawn_with_its_sky_and_photons(stamp, psf):
    row = fit(replace(stamp, obj=stamp.obj + 2), psf, grid=AXES, gain=1.0)[0]
    picture, noise = picture_of(row, stamp, psf)
    rest = (stamp.obj + 2 - picture) / noise
    assert 0.8 < rest.std() < 1.2
    assert abs(rest.mean()) < 0.1
    assert f"± {row['R_E_ERR'].value:.2f}" in describe(row).values["r_e [px]"]


def test_no_fit_is_no_picture(stamp, grid, psf):
    empty = replace(stamp, mask=np.zeros((BOX, BOX), bool))
    row = summary_table(fit_stamps([empty], grid), AXES)[0]
    picture, noise = picture_of(row, empty, psf)
    assert np.isnan(picture).all()
    assert (noise == 4).all()
    assert not np.isfinite(describe(row).radius)
