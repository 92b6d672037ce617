"""Pictures: right way up, whole files, the same bytes each time."""

import numpy as np
import pytest
from astropy.table import Table

from dre import figures
from dre.mosaic import mosaic_panels
from dre.stamp import Stamp


def panels():
    y, x = np.mgrid[:64, :64]
    model = 100 * np.exp(-((x - 40) ** 2 + (y - 20) ** 2) / 50)
    return mosaic_panels(model + 1, model > 5, model)


def test_mosaic_has_four_panels_none_transposed():
    mosaic = panels()
    obj, mask, model, residual = np.split(mosaic, 4, axis=1)
    assert mosaic.shape == (64, 256)
    assert mosaic.dtype == np.float64
    assert np.unravel_index(obj.argmax(), obj.shape) == (20, 40)
    assert np.unravel_index(model.argmax(), model.shape) == (20, 40)
    assert np.allclose(residual, 1)
    assert set(np.unique(mask)) == {0, model.max()}


def test_figures_are_written_and_reproducible(tmp_path):
    for name in ("a.png", "b.png"):
        figures.save(figures.fit_sheet([panels()] * 2, ["one", "two"], crop=32), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_sky_and_truth_plots_draw_what_they_are_given():
    catalogue = Table(
        {"X_IMAGE": [10.0, 20.0], "Y_IMAGE": [10.0, 30.0], "A_IMAGE": [2.0, 3.0], "B_IMAGE": [1.0, 2.0],
         "THETA_IMAGE": [30.0, 0.0], "KRON_RADIUS": [3.5, 3.5]}
    )  # fmt: skip
    sky = figures.sky_plot(
        np.random.default_rng(0).normal(size=(40, 50)), catalogue, chosen=np.array([True, False]), title="t"
    )
    ellipse = sky.axes[0].patches[0]
    assert tuple(ellipse.center) == (9.0, 9.0)
    assert ellipse.angle == 30
    pairs = Table({"LOGR_TRUE": [0.5, 0.7], "LOGR_FIT": [0.5, 0.8], "FLUX_TRUE": [1e4, 1e5]})
    plot = figures.truth_plot(pairs, [("LOGR", "log r", 0.12), ("LOGR", "log r", 0.12)], "t")
    assert plot.axes[0].collections[-1].get_offsets().tolist() == [[0.5, 0.5], [0.7, 0.8]]


@pytest.mark.parametrize("count", [0, 1, 7])
def test_each_cut_is_shown_with_its_name_and_outline(count):
    mask = np.zeros((32, 32), bool)
    mask[10:20, 12:22] = True
    stamps = [Stamp(f"00_{k:04d}", np.eye(32), mask, np.ones((32, 32)), 0, k) for k in range(count)]
    sheet = figures.cut_sheet(stamps)
    shown = [axis for axis in sheet.axes if axis.get_title()]
    assert [axis.get_title() for axis in shown] == [stamp.name for stamp in stamps]
    assert all(axis.collections for axis in shown)
