"""The fast sums of the default statistic against plain least squares."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dre.kernels.correlated import REACH, correlated_information, lag_sums
from dre.kernels.elementary import exp_of, log_of
from dre.kernels.linear import coarse_to_fine, linear_scan, untried_around
from dre.kernels.normal import add_normal_equations, flux_and_sky, quality, reweigh, weigh
from dre.kernels.superpixels import (
    cells,
    complete,
    core_of,
    fill_pixels,
    outer_cells,
    search_beside,
    search_cells,
    sum_cells,
)


@given(st.integers(8, 140))
def test_cells_divide_the_box(box):
    label, area = cells(box)
    assert len(label) == box * box
    assert area.sum() == box * box
    assert (np.bincount(label) == area).all()
    _, side = core_of(box)
    place, x, y = outer_cells(box)
    assert (area[np.setdiff1d(np.arange(len(area)), place)] <= 4).all()
    assert area[place].sum() == box * box - side * side
    assert (np.maximum(np.abs(x), np.abs(y)) > side / 2 - 3).all()


def test_the_classic_box_has_2560_cells():
    assert len(cells(128)[1]) == 2560


def test_pixels_are_filled_with_their_cells():
    label = cells(40)[0].copy()
    label[::3] = -1
    values = np.random.default_rng(1).normal(size=(2, label.max() + 1))
    out = np.full((2, 40, 40), 7.0)
    fill_pixels(values, label, out)
    assert (out.reshape(2, -1) == np.where(label < 0, 0.0, values[:, label])).all()


@given(st.integers(8, 140))
def test_cells_of_the_search_are_made_of_whole_cells(box):
    fine = cells(box)[1]
    group, area = search_cells(box)
    assert np.bincount(group, fine) == pytest.approx(area)
    assert len(area) < len(fine) or box <= 16


def test_the_classic_box_has_832_cells_to_search():
    assert len(search_cells(128)[1]) == 832


def test_sums_of_an_object_are_those_of_plain_numpy():
    rng = np.random.default_rng(4)
    image, rms, mask = rng.normal(2, 3, (40, 40)), rng.uniform(1, 2, (40, 40)), rng.random((40, 40)) < 0.4
    label, area = cells(40)
    used = rng.random(1600) < 0.9
    image[~used.reshape(40, 40)] = np.nan
    data = np.where(used.reshape(40, 40), image, 0.0) / 0.7
    padded = np.pad(data, 1)
    smooth = sum(padded[y : y + 40, x : x + 40] for y in range(3) for x in range(3)) / 9
    planes = data, (rms / 0.7) ** 2, np.maximum(smooth, 0), np.ones((40, 40)), mask
    expected = [np.bincount(label[used], plane.ravel()[used], len(area)) for plane in planes]
    sums, found = np.zeros((len(area), 5)), np.empty(1600, np.int32)
    sum_cells(image, rms, mask, used.reshape(40, 40), label, 0.7, found, sums)
    assert pytest.approx(np.array(expected)) == sums.T
    assert (found == np.where(used, label, -1)).all()


def test_coarser_cells_are_completed_where_half_of_them_is_there():
    group, whole = np.array([0, 0, 0, 0, 1, 1, 1, 1], np.int32), np.array([8.0, 8.0])
    area = np.array([2.0, 2.0, 2.0, 0.0, 2.0, 2.0, 0.0, 0.0])
    data, variance = 3.0 * area + [0, 1, 2, 9, 0, 0, 9, 9], np.where(area > 0, 4.0, np.inf)
    out, weight = np.empty((2, 2))
    complete(group, whole, data, variance, area, out, weight)
    assert out == pytest.approx([21.0 * 8 / 6, 0.0])
    assert weight == pytest.approx([1 / (12.0 * (8 / 6) ** 2), 0.0])


def test_untried_models_are_those_within_a_step():
    shape = np.array([4, 4, 6, 6])
    gains = np.full(4 * 4 * 6 * 6, np.nan)
    near = np.column_stack(np.unravel_index(untried_around(np.array([0]), shape, gains), shape))
    assert len(near) == 2 * 2 * 3 * 2
    assert set(near[:, 2]) == {5, 0, 1}
    gains[1] = 0.5
    assert untried_around(np.array([0, 0]), shape, gains).tolist() == [
        k for k in np.ravel_multi_index(near.T, shape).tolist() if k != 1
    ]


def climbed(models, coarse, shape, data, weight, area, firsts, leaders):
    """Coarse to fine, one list after another."""

    def best_of(values, count):
        known = np.flatnonzero(values > -np.inf)
        return known[np.argsort(-values[known], kind="stable")[:count]].tolist()

    gains, walked, which = np.full(len(models), np.nan), set(), coarse
    while True:
        gains[which] = linear_scan(models, which, data, weight, area)[0]
        plane = len(models) // shape[0]
        wanted = best_of(gains, leaders)
        if not walked:
            wanted = [k * plane + top for k in range(shape[0]) for top in best_of(gains[k * plane :][:plane], firsts)]
        wanted = [k for k in wanted if k not in walked]
        if not wanted:
            return gains
        walked.update(wanted)
        which = untried_around(np.array(wanted), np.array(shape), gains)


@pytest.mark.parametrize("seed", range(8))
def test_the_search_goes_from_coarse_to_fine(seed):
    rng = np.random.default_rng(seed)
    shape, bumps = (5, 4, 6, 7), np.indices((5, 4, 6, 7)).reshape(4, -1).T @ rng.normal(size=(4, 30))
    models = (np.sin(bumps / 3) + 0.3 * rng.normal(size=bumps.shape)).astype(np.float32)
    data, weight, area = models[rng.integers(len(models))] + rng.normal(size=30), rng.uniform(1, 2, 30), np.ones(30)
    coarse = np.arange(0, len(models), 5)
    top, found = coarse_to_fine(models, coarse, np.array(shape), data, weight, area, 2, 3)
    assert top == np.nanargmax(found)
    assert found == pytest.approx(climbed(models, coarse, shape, data, weight, area, 2, 3), nan_ok=True)
    assert 0 < np.isnan(found).sum() < len(found)


def test_cells_beside_those_of_the_search():
    label = search_cells(128)[0][cells(128)[0]].reshape(128, 128)
    (right, left, above, below), apart = search_beside(128)
    centre, edge = label[64, 64], label[3, 125]
    assert (right[centre], left[centre]) == (label[64, 65], label[64, 63])
    assert (above[centre], below[centre]) == (label[65, 64], label[63, 64])
    assert (apart[:, centre] == 2).all()
    assert (right[edge], below[edge]) == (edge, edge)
    assert apart[0, label[64, 60:67]].tolist() == [2.0] * 7
    assert (apart[0, [label[100, 60], label[3, 60]]] >= 8).all()


@given(st.floats(1e-300, 1e300))
def test_logarithm(x):
    assert log_of(x) == pytest.approx(np.log(x), rel=1e-12, abs=1e-9)


@given(st.floats(-690, 690))
def test_exponential(x):
    assert exp_of(x) == pytest.approx(np.exp(x), rel=1e-9)


@pytest.fixture
def problem():
    rng = np.random.default_rng(5)
    models = np.abs(rng.normal(size=(20, 300))).astype(np.float32)
    area = rng.integers(1, 17, 300).astype(float)
    weight = rng.uniform(0.1, 2, 300)
    weight[:20] = 0
    data = 3 * models[7] + 0.5 * area + rng.normal(size=300) * 0.1
    return models, data, weight, area


def least_squares(model, data, weight, area):
    rows = np.sqrt(weight)[:, None] * np.column_stack([model, area])
    solution, *_ = np.linalg.lstsq(rows, np.sqrt(weight) * data, rcond=None)
    return solution, float(((np.sqrt(weight) * data - rows @ solution) ** 2).sum())


def test_scan_is_least_squares_model_by_model(problem):
    models, data, weight, area = problem
    gain, flux = linear_scan(models, np.arange(20), data, weight, area)
    sky_only = least_squares(np.zeros(300), data, weight, area)[1]
    for k, model in enumerate(models.astype(float)):
        (expected, _), chi2 = least_squares(model, data, weight, area)
        assert flux[k] == pytest.approx(expected, rel=1e-4, abs=1e-4)
        assert gain[k] == pytest.approx(sky_only - chi2 if expected > 0 else -np.inf, rel=1e-3, abs=0.1)
    assert np.argmax(gain) == 7


def test_flux_and_sky_of_one_model(problem):
    models, data, weight, area = problem
    (flux, sky), chi2 = least_squares(models[7].astype(float), data, weight, area)
    assert flux_and_sky(models[7].astype(float), data, weight, area) == pytest.approx((flux, sky, chi2))
    assert flux_and_sky(models[7].astype(float), -data, weight, area)[2] == np.inf


@pytest.mark.parametrize("band", [0, 1])
def test_normal_equations(problem, band):
    models, data, weight, area = problem
    pictures, flux, sky = models[:7].astype(float), 2.5, -0.3
    matrix, vector = np.ones((10, 10)), np.ones(10)
    add_normal_equations(pictures, flux, sky, data, weight, area, band, matrix, vector)
    rows = np.vstack([flux * pictures[1:], pictures[:1], area])
    place = [0, 1, 2, 3, 4, 5, 6 + 2 * band, 7 + 2 * band]
    expected, right = np.ones((10, 10)), np.ones(10)
    expected[np.ix_(place, place)] += (rows * weight) @ rows.T
    right[place] += (rows * weight) @ (data - flux * pictures[0] - sky * area)
    assert matrix == pytest.approx(expected)
    assert vector == pytest.approx(right)


def test_weights_grow_with_the_light_of_the_model():
    weight = np.empty(4)
    weigh(np.array([0.0, 1.0, -1.0, 1.0]), 10.0, 2.0, np.array([4.0, 4.0, 4.0, np.inf]), weight)
    assert weight == pytest.approx([0.25, 1 / 9, 0.25, 0.0])


def test_quality_is_that_of_the_cells_inside(problem):
    models, data, weight, area = problem
    picture, inside = models[7].astype(float), np.arange(300) % 3 == 0
    own = inside & (weight > 0)
    light = (data - 0.5 * area)[own]
    rest = light - 3.0 * picture[own]
    expected = light.sum(), (1 / weight[own]).sum(), (weight[own] * rest**2).sum(), own.sum()
    assert quality(inside, picture, 3.0, 0.5, data, weight, area) == pytest.approx(expected)


def test_flux_and_sky_under_new_weights(problem):
    models, data, weight, area = problem
    variance, own, expected = 1 / np.maximum(weight, 0.1), np.empty(300), np.empty(300)
    picture = models[7].astype(float)
    found = reweigh(picture, 4.0, 2.0, variance, data, area, own)
    weigh(picture, 4.0, 2.0, variance, expected)
    assert own == pytest.approx(expected)
    assert found == pytest.approx(flux_and_sky(picture, data, expected, area))


def test_correlated_information_is_the_double_sum():
    rng = np.random.default_rng(2)
    rows, values = rng.normal(size=(3, 7, 6 + 1)), rng.normal(size=(5, 5))
    values = values + values[::-1, ::-1]
    expected = np.zeros((3, 3))
    for y, x, v, u in np.ndindex(7, 7, 7, 7):
        if max(abs(y - v), abs(x - u)) <= 2:
            expected += values[v - y + 2, u - x + 2] * np.outer(rows[:, y, x], rows[:, v, u])
    assert correlated_information(rows, values) == pytest.approx(expected)


def test_lag_sums_are_loops_over_pairs():
    rng = np.random.default_rng(3)
    noise, good = rng.normal(size=(9, 9)), rng.random((9, 9)) > 0.3
    products, pairs = lag_sums(noise, good)
    for dy, dx in ((0, 0), (1, -2), (-4, 3)):
        total, count = 0.0, 0
        for y, x in np.ndindex(9, 9):
            if 0 <= y + dy < 9 and 0 <= x + dx < 9 and good[y, x] and good[y + dy, x + dx]:
                total, count = total + noise[y, x] * noise[y + dy, x + dx], count + 1
        assert products[dy + REACH, dx + REACH] == pytest.approx(total)
        assert pairs[dy + REACH, dx + REACH] == count
