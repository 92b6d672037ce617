"""The best place between the models of a grid against models made as the formula says."""

import numpy as np
import pytest
from scipy.optimize import least_squares

from dre.kernels.between import best_between
from dre.kernels.superpixels import cells, search_beside, search_cells

BOX = 64
AREA = search_cells(BOX)[1]


def picture(width, shift=(0.0, 0.0)):
    y, x = np.mgrid[:BOX, :BOX] - (BOX - 1) / 2
    light = np.exp(-((x - shift[0]) ** 2 + (y - shift[1]) ** 2) / (2 * width**2)) / width**2
    group = search_cells(BOX)[0][cells(BOX)[0]]
    return np.bincount(group, light.ravel(), len(AREA))


@pytest.fixture
def models():
    """A model in the middle and two on each side, in two directions; the fifth is the only one on its axis."""
    middle = picture(5.0)
    rng = np.random.default_rng(3)
    wave = [middle * np.sin(np.arange(len(AREA)) / k) * 0.1 for k in (9.0, 21.0)]
    bend = [middle * rng.uniform(0, 0.02, len(AREA)) for _ in range(2)]
    return np.array(
        [middle, *(middle + s * w + b for w, b in zip(wave, bend, strict=True) for s in (-1, 1))], np.float32
    )


def expected(models, lower, upper, place):
    """The formula."""
    out = models[0].astype(float)
    for low, high, t in zip(lower, upper, place, strict=True):
        if low != 0 and high != 0:
            out += t * (models[high] - models[low]) / 2 + t**2 * (models[high] - 2.0 * models[0] + models[low]) / 2
        else:
            out += t * (models[high].astype(float) - models[low])
    return out


@pytest.mark.parametrize(
    ("lower", "upper", "true"),
    [
        ([1, 3], [2, 4], [0.4, -0.7]),
        ([0, 3], [2, 4], [0.6, 0.2]),
        ([1, 3], [0, 4], [-0.5, 0.9]),
        ([0, 3], [0, 4], [0.0, 0.3]),
    ],
)
def test_the_place_of_a_model_in_between_is_found(models, lower, upper, true):
    data = 7.0 * expected(models, lower, upper, true) + 0.3 * AREA
    place = best_between(
        models, 0, np.array(lower), np.array(upper), data, 1 / AREA, AREA, *search_beside(BOX), 1.5
    )  # fmt: skip
    assert place == pytest.approx([*true, 0.0, 0.0], abs=2e-3)


def test_places_end_where_the_axes_do(models):
    data = expected(models, [1, 3], [2, 4], [2.5, -2.5])
    none = np.zeros(1, np.int64)
    beside = search_beside(BOX)
    assert best_between(models, 0, none + 1, none, data, 1 / AREA, AREA, *beside, 1.5)[0] <= 0
    both = best_between(models, 0, np.array([1, 3]), np.array([2, 4]), data, 1 / AREA, AREA, *beside, 1.5)
    assert both[:2] == pytest.approx([1.0, -1.0])


def test_a_shift_is_found_as_by_a_solver():
    """The brightness of cells beside each other stands for the slope of the model."""
    model, data = picture(5.0), 3.0 * picture(5.0, (0.7, -0.4))
    none = np.zeros(0, np.int64)
    models = model[None].astype(np.float32)
    found = best_between(models, 0, none, none, data, 1 / AREA, AREA, *search_beside(BOX), 1.5)
    solved = least_squares(lambda p: (p[2] * picture(5.0, p[:2]) - data) / np.sqrt(AREA), [0, 0, 2.0])
    assert found == pytest.approx(solved.x[:2], abs=0.05)


def test_without_light_nothing_moves(models):
    data = -expected(models, [1], [2], [0.0])
    assert (
        best_between(models, 0, np.array([1]), np.array([2]), data, 1 / AREA, AREA, *search_beside(BOX), 1.5) == 0
    ).all()
