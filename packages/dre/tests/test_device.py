"""What a GPU computes, in a stand-in for CuPy, against what the CPU computes; and what is said without a GPU.

Nothing here has met a card: ``benchmarks/bench_gpu.py`` is for that.
"""

import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_io import table
from shared_io.errors import ExternalFailed
from shared_io.testing import strict_cupy
from shared_io.testing.raw_kernel import compiler
from survey import MODELS

from dre.compare import compatible, fit_stamps
from dre.device import BATCH, Accelerator, open_device
from dre.flags import FitFlag
from dre.grid import ConvolvedGrid
from dre.kernels.minima import minima
from dre.kernels.minimum import minimum
from dre.pixels import Pixels
from dre.profiles import Fitter, fit_profiles
from dre.psf import PSFModel
from dre.search import SearchGrid

needs_compiler = pytest.mark.skipif(compiler() is None, reason="no C++ compiler to run the kernels' source with")


@pytest.fixture
def here():
    return Accelerator(strict_cupy.module())


@pytest.fixture
def card(monkeypatch):
    """A machine with CuPy and a card."""
    monkeypatch.setitem(sys.modules, "cupy", strict_cupy.module())
    open_device.cache_clear()
    yield
    open_device.cache_clear()


@pytest.fixture(scope="module")
def search(models):
    y, x = np.mgrid[-7:8, -7:8]
    psf = (1 + (x**2 + y**2) / 5.0) ** -3.5
    return SearchGrid.build(models.axes, PSFModel((psf / psf.sum())[None], clip=False))


def spoilt(make_stamp):
    """Stamps with everything that may be wrong with one."""
    good = make_stamp(seed=3)
    image = good.obj.copy()
    image[20:23, 18] = np.nan
    rms = good.rms.copy()
    rms[25, 25] = np.nan
    yield replace(good, obj=image, rms=rms)
    yield replace(good, obj=-good.obj)
    yield replace(good, mask=np.zeros_like(good.mask))
    yield replace(good, obj=np.full_like(good.obj, np.nan))
    yield replace(good, obj=good.obj[:40, :40], mask=good.mask[:40, :40], rms=good.rms[:40, :40])


@needs_compiler
@pytest.mark.parametrize("unit", [1.0, 1e-12, 3e7])
def test_comparisons_are_those_of_the_cpu(here, grid, make_stamp, unit):
    stamps = [make_stamp(seed=k, radius=5 + k % 7, flux=10 ** (3.3 + k / 3)) for k in range(20)]
    stamps = [replace(one, obj=(one.obj * unit).astype(float), rms=(one.rms * unit).astype(float)) for one in stamps]
    for stamp, found in here.compared(stamps, grid):
        expected = compatible(stamp, grid)
        assert found.chi.reshape(-1) == pytest.approx(expected.chi, rel=1e-5)
        assert found.scale == pytest.approx(expected.scale[expected.chi.argmin()], rel=1e-7)


@needs_compiler
def test_fits_are_those_of_the_cpu_whatever_is_wrong_with_a_stamp(here, grid, make_stamp):
    stamps = [*spoilt(make_stamp), *(make_stamp(seed=k) for k in range(5))]
    noise = stamps[-1].rms.copy()
    noise[22, 22] = np.inf
    stamps += [replace(stamps[-1], rms=noise), replace(stamps[-1], rms=np.zeros_like(noise))]
    for mine, theirs in zip(fit_stamps(stamps, grid, accelerator=here), fit_stamps(stamps, grid), strict=True):
        assert (mine.flag, mine.reason) == (theirs.flag, theirs.reason)
        assert mine.best.model_idx == theirs.best.model_idx
        assert mine.best[1:] == pytest.approx(theirs.best[1:], rel=1e-4, abs=1e-6, nan_ok=True)
        assert mine.chi == pytest.approx(theirs.chi, rel=1e-4, nan_ok=True)


@needs_compiler
def test_models_without_a_positive_variance_have_no_chi(here, grid, make_stamp):
    blocks = grid.blocks.copy()
    blocks[1, 24 * 48 + 24, ::3] *= -1  # every third model of the second block, in the middle
    spoilt_grid, stamp = ConvolvedGrid(grid.axes, blocks), make_stamp(noise=1e-3)
    ((_, found),) = here.compared([stamp], spoilt_grid)
    expected = compatible(stamp, spoilt_grid).chi
    assert 20 < np.isnan(expected).sum() < 40
    assert found.chi.reshape(-1) == pytest.approx(expected, rel=1e-5, nan_ok=True)


@needs_compiler
@pytest.mark.parametrize("at_a_time", [1, 3, 4])
def test_batches_keep_the_order_and_nothing_is_read_ahead_of_need(grid, make_stamp, at_a_time):
    taken = []

    def stamps():
        for k in range(11):
            taken.append(k)
            yield make_stamp(seed=k, number=k)

    card = Accelerator(strict_cupy.module(), room=grid.axes.count * at_a_time)
    found = fit_stamps(stamps(), grid, accelerator=card)
    assert next(found).number == 0
    assert len(taken) == 2 * at_a_time  # one batch is on the card, one being picked
    assert [one.number for one in found] == list(range(1, 11))
    assert list(fit_stamps([], grid, accelerator=card)) == []


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_minima_are_those_of_the_cubes_one_by_one(seed, radii):
    rng = np.random.default_rng(seed)
    shape, log_r = (2, 1, 3, radii), np.sort(rng.normal(size=radii))
    cubes = rng.lognormal(0, rng.choice([0.1, 3.0]), (6, *shape)).astype(np.float32)
    cubes[rng.random(cubes.shape) < rng.choice([0, 0.3])] = np.nan
    cubes[rng.random(cubes.shape) < rng.choice([0, 0.1])] = np.inf
    cubes[4] = np.nan
    cupy = strict_cupy.module()
    found, where = minima(cupy, cupy.asarray(cubes.reshape(6, -1)), shape, log_r)
    for cube, own, place in zip(cubes, found, where, strict=True):
        expected = minimum(cube, log_r)
        assert own.model_idx == expected.model_idx
        assert own[1:] == pytest.approx(expected[1:], rel=1e-9, abs=1e-9, nan_ok=True)
        assert own.model_idx[0] < 0 or np.ravel_multi_index(own.model_idx, shape) == place


def test_starts_are_the_best_of_all_models(here, search, make_stamp):
    stamps = [make_stamp(seed=k, flux=10 ** (3.3 + k / 30)) for k in range(40)]
    for stamp, begun in here.begun(stamps, search, 1.0):
        assert begun == search.exhaustive(Pixels.of(stamp, 1.0))


@pytest.mark.parametrize("threads", [1, 3])
def test_profiles_are_those_of_the_cpu(search, make_stamp, threads):
    here = Accelerator(strict_cupy.module(), threads=threads)
    psf = PSFModel(np.pad([[1.0]], 3)[None], clip=False)
    fitter = Fitter(search, psf, 1.0)
    stamps = [*spoilt(make_stamp), *(make_stamp(seed=k) for k in range(5))]
    pairs = list(zip(fit_profiles(stamps, fitter, accelerator=here), fit_profiles(stamps, fitter), strict=True))
    assert any(mine.flag & FitFlag.SHAPE for mine, _ in pairs)
    for mine, theirs in pairs:
        assert (mine.flag, mine.reason) == (theirs.flag, theirs.reason)
        if mine.ok:
            assert mine.estimate.values == pytest.approx(theirs.estimate.values, rel=1e-4, abs=1e-4)


@needs_compiler
@pytest.mark.usefixtures("card")
@pytest.mark.parametrize("statistic", ["dre", "chi2"])
def test_the_tables_are_those_of_the_cpu(run, survey, statistic):
    lines = ["sex_dre --engine sep --gain counts", "psfex_dre --engine stars", "make_cuts", f"dre {MODELS}"]
    fits = [f"dre small.fits --statistic {statistic} --summary {d} -o {d} --device {d}" for d in ("cuda", "cpu")]
    for line in (*lines, *fits):
        code, out = run(survey, line)
        assert code == 0, (line, out, run.errors)
    mine, theirs = (table.read(survey / device / "image1_tab.fits") for device in ("cuda", "cpu"))
    assert len(mine) > 5
    assert mine.colnames == theirs.colnames
    for name in mine.colnames:
        one, other = np.asarray(mine[name]), np.asarray(theirs[name])
        if one.dtype.kind == "f":
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6, err_msg=name)
        else:
            assert np.array_equal(one, other), name


@pytest.mark.usefixtures("card")
def test_the_models_are_moved_once_for_all_images():
    assert open_device("cuda") is open_device("cuda")
    card, moves = open_device("cuda"), []
    models = object(), object()
    for one in (models[0], models[0], models[1], models[0]):
        card._moved(one, lambda: (moves.append(1),))
    assert len(moves) == 3


def test_a_small_card_takes_few_objects_at_a_time():
    assert Accelerator(None, room=2730 * 5)._count(2730) == 5
    assert Accelerator(None, room=100)._count(2730) == 1
    assert Accelerator(None)._count(2730) == BATCH


def test_without_a_gpu_it_is_one_line_and_exit_5(run, survey):
    open_device.cache_clear()
    for line in ("dre fit --device cuda", "dre run Tiles --device cuda", "dre fit --statistic dre --device cuda"):
        code, out = run(survey, line)
        assert code == 5
        said = (out + run.errors).strip().splitlines()
        assert len(said) == 1
        assert "--device cpu" in said[0]


@pytest.mark.parametrize("devices", [None, 0, -1], ids=["no CuPy", "no card", "no driver"])
def test_auto_is_the_cpu_where_there_is_no_card(devices, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None if devices is None else strict_cupy.module(devices))
    open_device.cache_clear()
    assert open_device("auto") is None
    assert open_device("cpu") is None
    with pytest.raises(ExternalFailed, match="no CuPy" if devices is None else "no GPU"):
        open_device("cuda")
    with pytest.raises(ValueError, match="device must be"):
        open_device("tpu")
    open_device.cache_clear()


@pytest.mark.usefixtures("card")
def test_the_gpu_is_taken_where_cupy_finds_one():
    assert open_device("auto").library is sys.modules["cupy"]
    assert open_device("cpu") is None
