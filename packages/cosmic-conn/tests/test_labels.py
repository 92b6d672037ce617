from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosmic_conn.kernels.labels import border_mask, connected, outliers, reached, split_small, supported, unusual

NEAR = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if (a, b) != (0, 0)]


def neighbours(y: int, x: int, shape: tuple[int, int]) -> list[tuple[int, int]]:
    return [(y + a, x + b) for a, b in NEAR if 0 <= y + a < shape[0] and 0 <= x + b < shape[1]]


def walked(high: np.ndarray, low: np.ndarray, firm: np.ndarray, steps: int | None) -> np.ndarray:
    """What is reached from one pixel to the next, a set of pixels at a time."""
    found = {(int(y), int(x)) for y, x in np.argwhere(high & low)}
    edge, step = set(found), 0
    while edge and (steps is None or step < steps):
        allowed = low if step == 0 else firm
        edge = {p for q in edge for p in neighbours(*q, high.shape) if allowed[p]} - found
        # Pixels that were left out in the first step may be reached from others later, if they are firm.
        found |= edge
        step += 1
        edge = found if step == 1 else edge
    mask = np.zeros(high.shape, dtype=bool)
    for p in found:
        mask[p] = True
    return mask


masks = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).random((3, 9, 11)))


@given(masks, st.integers(0, 4))
@settings(max_examples=60, deadline=None)
def test_edges_are_reached_step_by_step(values: np.ndarray, steps: int) -> None:
    low, firm = values[0] < 0.5, (values[0] < 0.5) & (values[1] < 0.6)
    high = low & (values[2] < 0.1)
    assert np.array_equal(reached(high, low, firm, steps), walked(high, low, firm, steps))
    assert np.array_equal(connected(high, low), walked(high, low, low, None))


@given(masks, st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_small_objects_are_split_off(values: np.ndarray, size: int) -> None:
    mask = values[0] < 0.3
    kept, small = split_small(mask, size)
    assert np.array_equal(kept | small, mask)
    assert not (kept & small).any()
    for y, x in np.argwhere(mask):
        seed = np.zeros(mask.shape, dtype=bool)
        seed[y, x] = True
        assert kept[y, x] == (walked(seed, mask, mask, None).sum() >= size)


@given(masks, st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_faint_neighbours_of_several_pixels_add_to_a_size(values: np.ndarray, size: int) -> None:
    mask, counted = values[0] < 0.15, values[1] < 0.2
    several, _ = split_small(mask, 2)
    whole = mask.copy()
    for y, x in np.argwhere(several):
        for place in neighbours(y, x, mask.shape):
            whole[place] |= counted[place]
    kept, small = split_small(mask, size, counted)
    assert np.array_equal(kept | small, mask)
    assert np.array_equal(kept, split_small(whole, size)[0] & mask)
    alone = mask & ~several
    touched = np.zeros_like(mask)
    for y, x in np.argwhere(whole & ~alone):
        for place in neighbours(y, x, mask.shape):
            touched[place] = True
    assert not (kept & alone & ~touched).any() or size == 1


def test_support_is_the_sum_of_nine_without_cores() -> None:
    ratio = np.ones((5, 5), dtype=np.float32)
    core = np.zeros((5, 5), dtype=bool)
    core[2, 2] = True
    ratio[2, 2] = 100
    found = supported(ratio, core)
    assert found[2, 1] == pytest.approx(8 / np.sqrt(8), rel=1e-5)
    assert found[2, 2] == pytest.approx(8 / np.sqrt(8), rel=1e-5)


def test_borders() -> None:
    assert border_mask((7, 9), 2).sum() == 63 - 3 * 5
    assert border_mask((7, 9), 0).sum() == 0
    assert border_mask((7, 9), 4).all()


@pytest.mark.parametrize(
    ("counts", "out"),
    [
        ([10, 10, 10], []),
        ([21, 5, 4], [0]),  # 0.7 of all, more than two thirds
        ([19, 5, 6], []),
        ([100, 0], []),
        ([0, 0, 0], []),
        ([10, 10, 10, 90, 10], [3]),
    ],
)
def test_frames_with_far_more_pixels_are_outliers(counts: list[int], out: list[int]) -> None:
    assert np.flatnonzero(outliers(counts)).tolist() == out


def test_a_trail_is_straight_and_long_and_may_be_cut_by_sources() -> None:
    masks = np.zeros((4, 120, 120), dtype=bool)
    sources = np.zeros((4, 120, 120), dtype=bool)
    along = np.arange(80)
    masks[0, along + 10, along + 20] = True
    masks[1, along + 10, along + 20] = True
    masks[1, 40:60, 40:80] = False
    sources[1, 40:60, 40:80] = True
    masks[2, 10:12, 10:40] = True  # too short
    masks[3, 5, 5] = masks[3, 110, 110] = True  # two hits that a source joins
    sources[3, 4:112, 4:112] = True
    many, trail = unusual(masks, sources)
    assert trail.tolist() == [True, True, False, False]
    assert not many.any()


def test_a_frame_full_of_objects_is_unusual() -> None:
    masks = np.zeros((3, 60, 60), dtype=bool)
    masks[:, 5, 5] = True
    masks[1, ::3, ::3] = True
    assert unusual(masks, np.zeros_like(masks))[0].tolist() == [False, True, False]
