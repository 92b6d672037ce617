from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import label

from cosmic_conn.clean import fill
from cosmic_conn.kernels.masks import EIGHT, SATURATED_REACH, around_saturated, from_bytes, grow, object_sizes, to_bytes
from cosmic_conn.kernels.scores import curves, recall_at_purity, score


def test_growing_by_pixels() -> None:
    mask = np.zeros((7, 7), dtype=bool)
    mask[3, 3] = True
    assert grow(mask, 0) is mask
    assert [grow(mask, n).sum() for n in (1, 2)] == [9, 25]


def test_objects_touch_at_corners() -> None:
    mask = np.array([[1, 0, 0, 0], [0, 1, 0, 1], [0, 0, 0, 1]], dtype=bool)
    assert sorted(object_sizes(mask)) == [2, 2]
    assert object_sizes(np.zeros((3, 3), dtype=bool)).tolist() == []


def test_objects_are_counted_the_same_in_strips() -> None:
    random = np.random.default_rng(12)
    for share in (0.0, 0.05, 0.3, 0.6, 1.0):
        mask = random.random((800, 40)) < share
        mask[250:520, 7] = True  # across two borders
        labels, _ = label(mask, EIGHT)
        assert sorted(object_sizes(mask)) == sorted(np.bincount(labels.ravel())[1:])


def test_probabilities_of_many_rows_are_packed_the_same() -> None:
    values = np.random.default_rng(13).random((600, 5), dtype=np.float32)
    assert np.array_equal(to_bytes(values), np.rint(values * 250).astype(np.uint8))


def test_saturated_stars_need_no_more_than_their_reach() -> None:
    random = np.random.default_rng(14)
    for share in (0.05, 0.15, 0.3):
        saturated = random.random((120, 40)) < share
        saturated[40:60, 5] = True
        whole = around_saturated(saturated)
        for start in range(0, 120, 7):
            first = max(start - SATURATED_REACH, 0)
            part = around_saturated(saturated[first : start + 7 + SATURATED_REACH])
            assert np.array_equal(part[start - first :][:7], whole[start : start + 7])


def test_probabilities_in_bytes_are_within_half_a_step() -> None:
    values = np.linspace(0, 1, 1001, dtype=np.float32)
    packed = to_bytes(values)
    assert packed.dtype == np.uint8
    assert np.abs(from_bytes(packed) - values).max() <= 0.002001
    assert from_bytes(packed)[[0, -1]].tolist() == [0, 1]


def test_a_saturated_star_is_kept_clear_of_and_a_saturated_hit_is_not() -> None:
    saturated = np.zeros((20, 20), dtype=bool)
    saturated[5:8, 5:8] = True
    saturated[15, 3:6] = True
    around = around_saturated(saturated)
    assert around.sum() == 7 * 7 + 3
    assert around[3:10, 3:10].all()


def test_filling_a_plane_gives_the_plane_back() -> None:
    y, x = np.mgrid[:40, :50]
    image = (3.0 * x - 2 * y + 100).astype(np.float32)
    mask = np.zeros(image.shape, dtype=bool)
    mask[10:13, 20:30] = True
    mask[30, 5] = True
    filled = fill(np.where(mask, np.float32(1e5), image), mask)
    assert np.array_equal(filled[~mask], image[~mask])
    assert np.abs(filled - image)[mask].max() < 4


def test_what_cannot_be_filled_is_nan_and_what_is_nan_stays() -> None:
    image = np.full((8, 8), 7.0)
    image[0, 0] = np.nan
    mask = np.zeros((8, 8), dtype=bool)
    mask[4, 4] = True
    filled = fill(image, mask)
    assert np.isnan(filled[0, 0])
    assert filled[4, 4] == 7
    assert np.isnan(fill(image, np.ones((8, 8), dtype=bool))).all()


def test_filling_reads_nothing_from_the_mask() -> None:
    random = np.random.default_rng(10)
    image = random.normal(size=(30, 30))
    mask = random.random((30, 30)) < 0.2
    other = np.where(mask, random.normal(1e6, 1e6, (30, 30)), image)
    assert np.array_equal(fill(image, mask), fill(other, mask))


@pytest.fixture
def truth() -> np.ndarray:
    charge = np.zeros((40, 40), dtype=np.float32)
    charge[5, 5:15] = 100  # an object of ten pixels
    charge[20, 20] = 100  # and one of one
    charge[30, 30] = 30  # faint: neither right nor wrong
    return charge


def test_score_counts_what_its_names_say(truth: np.ndarray) -> None:
    mask = np.zeros(truth.shape, dtype=bool)
    mask[5, 5:10] = True
    mask[30, 30] = True
    mask[0, 7] = True
    mask[25, 25] = True
    light = np.zeros_like(truth)
    light[25, 25] = 500
    found = score(mask, truth, 10.0, light, (np.array([24]), np.array([], dtype=int)))
    assert (found.recall, found.completeness, found.objects) == (5 / 11, 0.5, 2)
    assert found.by_size["5-20"] == 1
    assert found.by_size["1"] == 0
    assert np.isnan(found.by_size[">20"])
    assert (found.purity, found.wrong, found.in_cores, found.at_edges, found.at_seams) == (5 / 7, 2, 1, 1, 1)


def test_curves_are_the_scores_at_each_threshold(truth: np.ndarray) -> None:
    probability = np.random.default_rng(11).random(truth.shape).astype(np.float32)
    thresholds = np.array([0.1, 0.5, 0.9])
    recall, purity, rate = curves(probability, truth, 10.0, thresholds)
    for index, threshold in enumerate(thresholds):
        found = score(probability > threshold, truth, 10.0)
        assert (recall[index], purity[index]) == pytest.approx((found.recall, found.purity))
        assert rate[index] == pytest.approx(found.wrong / (truth < 10).sum())


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 0.9, 0.99, 1.0]), st.booleans())
def test_recall_at_a_purity_is_the_best_of_all_thresholds(seed: int, least: float, mask: bool) -> None:
    random = np.random.default_rng(seed)
    charge = random.choice([0, 3, 20], (9, 9), p=[0.6, 0.1, 0.3]).astype(np.float32)
    probability = np.round(np.clip(random.normal(charge / 20, 0.4), 0, 1), 1).astype(np.float32)
    if mask:
        probability = (probability > 0.5).astype(np.float32)
    best = 0.0
    for level in np.unique(probability[probability > 0]):
        flagged = probability >= level
        right, wrong = (flagged & (charge == 20)).sum(), (flagged & (charge == 0)).sum()
        if right + wrong and right / (right + wrong) >= least:
            best = max(best, right / max((charge == 20).sum(), 1))
    assert recall_at_purity(probability, charge, 1.0, least) == pytest.approx(best)
