from __future__ import annotations

import numpy as np
import pytest
import slow
from hypothesis import given, settings
from hypothesis import strategies as st

from otrain.kernels import pixels


@given(st.integers(1, 12), st.integers(1, 12))
def test_a_crop_keeps_the_source_in_its_middle(have: int, want: int) -> None:
    cube = np.zeros((1, have, have, 1))
    cube[0, have // 2, have // 2] = 1
    if want > have:
        with pytest.raises(ValueError, match="cannot be cut"):
            pixels.crop(cube, want)
    else:
        cut = pixels.crop(cube, want)
        assert cut.shape == (1, want, want, 1)
        assert cut[0, want // 2, want // 2, 0] == 1


def test_no_crop() -> None:
    cube = np.zeros((2, 5, 4, 1))
    assert pixels.crop(cube, -1) is cube
    with pytest.raises(ValueError, match="0 pixels"):
        pixels.crop(cube, 0)


@settings(max_examples=40)
@given(st.integers(2, 9), st.integers(1, 3), st.integers(0, 2**32 - 1), st.floats(-4, 20))
def test_robust_is_its_slow_twin(side: int, planes: int, seed: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    cube = (rng.normal(size=(3, side, side, planes)) * 10**size).astype("f4")
    cube[rng.random(cube.shape) < rng.choice([0, 0.1, 1])] = rng.choice([np.nan, np.inf, -np.inf])
    cube[1, ..., 0] = 7
    np.testing.assert_allclose(pixels.robust(cube), slow.robust(cube), atol=3e-6, rtol=3e-5)


def test_robust_does_not_know_units_or_offsets() -> None:
    cube = np.random.default_rng(0).normal(size=(4, 16, 16, 2)).astype("f4")
    np.testing.assert_allclose(pixels.robust(cube), pixels.robust(cube * 1000 + 5e4), atol=2e-2)


def test_braai_norms() -> None:
    cube = np.random.default_rng(0).normal(size=(2, 4, 5, 3))
    cube[0, 1, 2, 0] = np.nan
    filled = np.nan_to_num(cube)
    rows, stamps = pixels.l2_rows(cube), pixels.l2_stamps(cube)
    np.testing.assert_allclose(rows[0, 1, :, 0], filled[0, 1, :, 0] / np.linalg.norm(filled[0, 1, :, 0]), rtol=1e-6)
    np.testing.assert_allclose(stamps[1, ..., 2], filled[1, ..., 2] / np.linalg.norm(filled[1, ..., 2]), rtol=1e-6)
    assert not pixels.l2_rows(np.zeros((1, 3, 3, 1))).any()


def test_the_eight_views_are_all_there_are() -> None:
    cube = np.arange(9.0).reshape(1, 3, 3, 1)
    seen = {pixels.view(cube, k).tobytes() for k in range(8)}
    assert len(seen) == 8
    assert np.array_equal(pixels.view(cube, 0), cube)
    assert {np.rot90(pixels.view(cube, k), axes=(1, 2)).tobytes() for k in range(8)} == seen
