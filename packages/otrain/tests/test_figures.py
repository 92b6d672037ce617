"""Pictures of single cut-outs: what stands where."""

import io

import numpy as np
import pytest

from otrain.figures.pictures import enlarged, titled


def decoded(data: bytes) -> np.ndarray:
    from matplotlib.image import imread

    return imread(io.BytesIO(data))[..., :3]


def test_planes_stand_side_by_side_with_row_0_at_the_bottom() -> None:
    stamp = np.zeros((1, 40, 40, 2))
    stamp[0, 5, 30, 0] = stamp[0, 35, 10, 1] = 100.0  # below right in the first, above left in the second
    (picture,) = map(decoded, titled(stamp, ["a title"], ("science", "difference")))
    assert picture.shape[1] % 2 == 0
    half = picture.shape[1] // 2
    for plane, (row, column) in enumerate(((5, 30), (35, 10))):
        panel = picture[-152:-4, plane * half + 4 : plane * half + 152].mean(axis=2)
        y, x = (int(np.median(where)) for where in np.nonzero(panel > 0.9))
        assert (147 - y) * 40 / 148 == pytest.approx(row + 0.5, abs=0.6)
        assert x * 40 / 148 == pytest.approx(column + 0.5, abs=0.6)


def test_titles_and_maps_change_the_picture() -> None:
    stamp = np.random.default_rng(0).normal(size=(2, 21, 21, 1))
    maps = np.zeros((2, 21, 21))
    maps[1, 10, 10] = 1.0
    first, second = map(decoded, titled(stamp[[0, 0]], ["one", "another title"], ("difference",), maps))
    assert (first[:40] != second[:40]).any()
    half = first.shape[1] // 2
    assert (first[45:, :half] == second[45:, :half]).all()
    changed = np.nonzero((first[45:, half:] != second[45:, half:]).any(axis=2))
    assert len(changed[0]) == pytest.approx((148 / 21) ** 2, rel=0.2)


def test_enlarged_keeps_the_ratio_of_the_sides() -> None:
    picture = np.arange(30 * 50 * 3).reshape(30, 50, 3)
    big = enlarged(picture, 148)
    assert big.shape == (88, 148, 3)
    assert (big[0, 0] == picture[0, 0]).all()
    assert (big[-1, -1] == picture[-1, -1]).all()
