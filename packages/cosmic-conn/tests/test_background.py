from __future__ import annotations

import numpy as np
import pytest

from cosmic_conn.kernels.background import interpolate_grid, mesh_edges, mesh_row, smooth_grid
from cosmic_conn.sky import Plane, Sky


def slow_level(values: np.ndarray) -> float:
    """The level of one mesh, step by step; for pixels that are not digitised."""
    kept = np.sort(values)
    for _ in range(3):
        middle = kept[(len(kept) - 1) // 2]
        sigma = middle - kept[int((len(kept) - 1) * 0.15866)]
        kept = kept[kept <= middle + 2.5 * sigma]
    return float(kept[(len(kept) - 1) // 2])


def slow_noise(rows: np.ndarray, bad: np.ndarray) -> float:
    steps = [
        abs(rows[y, x + 1] - rows[y, x])
        for y in range(rows.shape[0])
        for x in range(rows.shape[1] - 1)
        if not (bad[y, x] or bad[y, x + 1])
    ]
    return float(np.sort(steps)[(len(steps) - 1) // 2] / (0.67449 * np.sqrt(2)))


def test_a_mesh_is_what_the_slow_way_says() -> None:
    random = np.random.default_rng(1)
    rows = random.normal(100, 5, (32, 32)).astype(np.float32)
    rows[4:9, 10:20] += 300
    bad = random.random(rows.shape) < 0.1
    level, noise = mesh_row(rows, bad, 32)
    assert level[0] == pytest.approx(slow_level(rows[~bad]), abs=0.02)
    assert noise[0] == pytest.approx(slow_noise(rows, bad), abs=0.02)


def test_meshes_along_a_strip_do_not_know_each_other() -> None:
    rows = np.random.default_rng(2).normal(0, 1, (16, 40)).astype(np.float32)
    bad = np.zeros(rows.shape, dtype=bool)
    together = mesh_row(rows, bad, 16)[0]
    for start, level in zip(mesh_edges(40, 16), together, strict=True):
        assert level == mesh_row(np.ascontiguousarray(rows[:, start : start + 16]), bad[:, :16], 16)[0][0]


@pytest.mark.parametrize("sigma", [0.4, 0.8, 2.0, 10.0])
def test_the_noise_of_digitised_pixels_is_not_digitised(sigma: float) -> None:
    pixels = np.round(np.random.default_rng(3).normal(1000.3, sigma, (256, 256)))
    sky = Sky.measure(Plane(pixels))
    assert np.median(sky.noise) == pytest.approx(np.hypot(sigma, 12**-0.5), rel=0.25 if sigma < 1 else 0.05)
    assert np.median(sky.level) == pytest.approx(1000.3, abs=0.2)


def test_gradients_and_bright_sources_do_not_raise_the_noise() -> None:
    random = np.random.default_rng(4)
    y, x = np.mgrid[:256, :256]
    pixels = random.normal(200, 12, (256, 256)) + 8 * x
    pixels += 1e6 * np.exp(-((y - 100) ** 2 + (x - 90) ** 2) / 8)
    sky = Sky.measure(Plane(pixels))
    assert np.median(sky.noise) == pytest.approx(12, rel=0.12)  # the slope adds a little to each step
    level, _ = sky.rows(0, 256)
    assert np.abs(level[:, 30:-30] - (200 + 8 * x[:, 30:-30])).max() < 30


def test_a_mesh_without_pixels_takes_from_its_neighbours() -> None:
    grid = np.full((3, 3), 5.0, dtype=np.float32)
    grid[1, 1] = np.nan
    assert (smooth_grid(grid) == 5).all()
    assert (smooth_grid(np.full((2, 2), np.nan, dtype=np.float32)) == 0).all()


def test_interpolation_is_linear_between_centres_and_constant_beyond() -> None:
    starts = mesh_edges(32, 8)
    grid = np.arange(4, dtype=np.float32)
    found = interpolate_grid(grid, starts, 8, np.arange(32))
    assert found[:4].tolist() == [0, 0, 0, pytest.approx(0)]
    assert np.allclose(np.diff(found[4:28]), 1 / 8, atol=1e-6)
    assert found[-3:].tolist() == [3, 3, 3]


def test_an_image_without_any_value_has_a_sky() -> None:
    sky = Sky.measure(Plane(np.full((16, 16), np.nan)))
    assert (sky.noise == 1).all()
    assert (sky.level == 0).all()


def test_normalised_pixels_of_empty_sky_have_unit_noise() -> None:
    plane = Plane(np.random.default_rng(5).normal(-40, 7, (200, 150)))
    shown = Sky.measure(plane).normalised(plane, 0, 200, 1e6)
    assert shown.std() == pytest.approx(1, abs=0.02)
    assert shown.mean() == pytest.approx(0, abs=0.02)


def test_strips_are_parts_of_the_whole() -> None:
    image = np.random.default_rng(6).normal(10, 1, (70, 50))
    image[20:30, 4] = np.nan
    plane = Plane(image)
    sky = Sky.measure(plane)
    whole = sky.normalised(plane, 0, 70, 4.0)
    for start, stop in ((0, 21), (21, 29), (29, 70)):
        assert np.array_equal(sky.normalised(plane, start, stop, 4.0), whole[start:stop])
