from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from slow import compatible_chi

from dre.compare import TOGETHER, FitFlag, Scan, fit_one, fit_stamps
from dre.grid import GridAxes, ModelGrid
from dre.stamp import Stamp


@pytest.fixture(scope="module")
def tiny():
    return ModelGrid.generate(GridAxes(log_r=(0, 0.3, 0.6), angle=(0, 90), q=(0.5, 1), box=8)).unconvolved()


def test_the_model_that_was_drawn_is_found(grid, make_stamp):
    index = (1, 1, 1, 3)
    found = fit_one(make_stamp(index, flux=1e6), grid)
    assert found.ok
    assert found.flag == 0
    assert found.best.model_idx == index
    assert found.chi.shape == grid.axes.shape
    assert found.chi.dtype == np.float32
    assert found.scale == pytest.approx(10.0, rel=0.02)
    assert found.best.chi == pytest.approx(1.0, abs=0.2)


def test_chi_cube_is_the_formula_in_the_order_of_the_axes(grid, make_stamp):
    stamp = make_stamp()
    found = fit_one(stamp, grid)
    pictures = np.stack([grid.image(index) for index in np.ndindex(grid.axes.shape)])
    slow, scale = compatible_chi(pictures, stamp.obj, stamp.mask, stamp.rms)
    np.testing.assert_allclose(found.chi.reshape(-1), slow, rtol=1e-5)
    assert found.scale == pytest.approx(scale[slow.argmin()], rel=1e-5)


def test_results_are_in_order_and_the_same_bytes_whatever_the_number_of_threads(grid, make_stamp):
    stamps = [make_stamp(seed=k, number=k, radius=3 + k % 7) for k in range(23)]
    one, three = (list(fit_stamps(iter(stamps), grid, workers=k)) for k in (1, 3))
    assert [found.number for found in three] == list(range(23))
    for a, b in zip(one, three, strict=True):
        assert a.chi.tobytes() == b.chi.tobytes()
        assert repr(a.best) == repr(b.best)
        assert a.scale == b.scale


def test_an_object_gets_the_same_bytes_alone_and_beside_broken_ones(grid, make_stamp):
    stamps = [make_stamp(seed=k, number=k, radius=3 + k % 7) for k in range(TOGETHER)]
    stamps[2] = replace(stamps[2], obj=stamps[2].obj[1:])
    stamps[5] = replace(stamps[5], mask=np.zeros_like(stamps[5].mask))
    for together, stamp in zip(fit_stamps(iter(stamps), grid), stamps, strict=True):
        alone = fit_one(stamp, grid)
        assert together.chi.tobytes() == alone.chi.tobytes()
        assert repr((together.number, together.best, together.scale, together.flag, together.reason)) == repr(
            (alone.number, alone.best, alone.scale, alone.flag, alone.reason)
        )


@pytest.mark.parametrize("workers", [1, 2])
def test_stamps_are_drawn_only_as_results_are_taken(grid, make_stamp, workers):
    drawn = []

    def stamps():
        for k in range(90):
            drawn.append(k)
            yield make_stamp(number=k)

    results = fit_stamps(stamps(), grid, workers=workers)
    for _ in range(10):
        next(results)
    assert len(drawn) <= 10 + 2 * workers * TOGETHER
    results.close()


def broken(stamp, case):
    nan = np.full_like(stamp.obj, np.nan)
    return {
        "shape": lambda: replace(stamp, obj=stamp.obj[1:]),
        "mask shape": lambda: replace(stamp, mask=stamp.mask[:, 1:]),
        "empty mask": lambda: replace(stamp, mask=np.zeros_like(stamp.mask)),
        "no data": lambda: replace(stamp, obj=nan),
        "no noise": lambda: replace(stamp, rms=nan),
        "negative": lambda: replace(stamp, obj=-stamp.obj),
        "infinite": lambda: replace(stamp, obj=np.where(stamp.mask, np.inf, 0)),
        "opposite infinities": lambda: replace(stamp, obj=np.copysign(np.full((48, 48), np.inf), np.arange(48) - 24)),
    }[case]()


@pytest.mark.parametrize(
    ("case", "flag"),
    [
        ("shape", FitFlag.SHAPE),
        ("mask shape", FitFlag.SHAPE),
        ("empty mask", FitFlag.EMPTY_MASK),
        ("no data", FitFlag.NO_DATA),
        ("no noise", FitFlag.NO_DATA),
        ("negative", FitFlag.NOT_POSITIVE),
        ("infinite", FitFlag.NOT_POSITIVE),
        ("opposite infinities", FitFlag.NOT_POSITIVE),
    ],
)
def test_an_object_that_cannot_be_fitted_is_flagged_alone(grid, make_stamp, case, flag):
    stamps = [make_stamp(number=1), broken(make_stamp(number=2), case), make_stamp(number=3)]
    first, second, third = fit_stamps(stamps, grid)
    assert first.ok
    assert third.ok
    assert second.flag == flag
    assert second.reason
    assert np.isnan(second.chi).all()
    assert np.isnan(second.best.chi)
    assert second.best.model_idx == (-1, -1, -1, -1)
    assert second.number == 2


def test_models_without_meaning_are_flagged(grid, make_stamp):
    stamp = make_stamp(flux=1e6)

    def some(stamp, grid):
        chi = np.full(grid.axes.count, 2.0)
        chi[5], chi[7] = np.nan, 1.0
        return Scan(chi, np.ones_like(chi))

    found = fit_one(stamp, grid, some)
    assert found.ok
    assert FitFlag.BAD_MODELS in found.flag
    nothing = fit_one(stamp, grid, lambda *_: Scan(np.full(grid.axes.count, np.nan), np.ones(grid.axes.count)))
    assert nothing.flag == FitFlag.NO_MODEL
    assert not nothing.ok


ODD = st.floats(-10, 100) | st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1e-300, 1e30, 1e300, -1e300])


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    obj=arrays(np.float64, (8, 8), elements=ODD),
    mask=arrays(bool, (8, 8)),
    rms=arrays(np.float64, (8, 8), elements=ODD),
)
def test_whatever_is_in_a_stamp_a_fit_has_numbers_or_a_reason(tiny, obj, mask, rms):
    found = fit_one(Stamp("00_0001", obj, mask, rms), tiny)
    if found.ok:
        assert found.best.chi >= 0
        assert np.isfinite([found.best.chi, found.scale]).all()
        assert found.scale > 0
        assert found.best.chi == found.chi[found.best.model_idx] == np.nanmin(found.chi)
    else:
        assert found.flag
        assert np.isnan(found.chi).all()


def test_the_end_of_the_grid_is_flagged(grid, make_stamp):
    assert FitFlag.GRID_EDGE in fit_one(make_stamp((1, 2, 0, 0), flux=1e7), grid).flag


def test_wrong_arguments_are_refused_before_anything_is_drawn(grid):
    with pytest.raises(ValueError, match="statistic 'best'"):
        fit_stamps([], grid, statistic="best")
    with pytest.raises(ValueError, match="workers = 0"):
        fit_stamps([], grid, workers=0)
