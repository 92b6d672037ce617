from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cosmic_conn.kernels.front import fill_bad, soft_clip, to_float32


def slow_fill(values: np.ndarray, bad: np.ndarray) -> np.ndarray:
    result = values.copy()
    for y, x in np.argwhere(bad):
        near = [
            values[i, j]
            for i in range(max(y - 2, 0), min(y + 3, values.shape[0]))
            for j in range(max(x - 2, 0), min(x + 3, values.shape[1]))
            if not bad[i, j]
        ]
        result[y, x] = np.mean(near) if near else 0
    return result


@settings(deadline=None, max_examples=40)
@given(hnp.arrays(np.float32, (7, 9), elements=st.floats(-50, 50, width=32)), hnp.arrays(bool, (7, 9)))
def test_filling_is_the_mean_of_the_good_neighbours(values: np.ndarray, bad: np.ndarray) -> None:
    np.testing.assert_allclose(fill_bad(values.copy(), bad), slow_fill(values, bad), atol=1e-4)


def test_many_bad_pixels_are_filled_in_parts() -> None:
    values = np.ones((600, 600), dtype=np.float32)
    bad = np.ones((600, 600), dtype=bool)
    bad[::3, ::3] = False
    assert (fill_bad(np.where(bad, np.float32(9), values), bad) == 1).all()


@given(st.floats(-1e20, 1e20), st.floats(0.1, 100))
def test_soft_clip_is_odd_and_grows_and_is_linear_at_zero(value: float, knee: float) -> None:
    low, high, none = soft_clip(np.array([-value, value, knee * 1e-3], dtype=np.float32), knee)
    assert low == -high
    assert abs(none - knee * 1e-3) < knee * 1e-6
    assert abs(high) <= abs(value) * (1 + 1e-6) + 1e-30


def test_any_type_and_byte_order_becomes_float32() -> None:
    for kind in ("?", "u1", ">i2", "<u2", ">i4", "i8", ">f4", "f8", "f2"):
        values, bad = to_float32(np.array([[0, 1]], dtype=kind))
        assert values.dtype == np.float32
        assert values.tolist() == [[0, 1]]
        assert not bad.any()


def test_what_is_no_number_is_bad() -> None:
    values, bad = to_float32(np.array([np.nan, np.inf, -np.inf, 1e35, 1e300, 5.0]))
    assert bad.tolist() == [True, True, True, True, True, False]
    assert values.tolist() == [0, 0, 0, 0, 0, 5]
