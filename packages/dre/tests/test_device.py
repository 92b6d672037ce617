"""What a GPU computes, in NumPy's arrays, against what the CPU computes; and what is said without a GPU."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from shared_io.errors import ExternalFailed

from dre.compare import compatible, fit_stamps
from dre.device import BATCH, Accelerator, open_device
from dre.flags import FitFlag
from dre.pixels import Pixels
from dre.profiles import Fitter, fit_profiles
from dre.psf import PSFModel
from dre.search import SearchGrid

HERE = Accelerator(np)


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


@pytest.mark.parametrize("unit", [1.0, 1e-12, 3e7])
def test_scans_are_those_of_the_kernel(grid, make_stamp, unit):
    stamps = [make_stamp(seed=k, radius=5 + k % 7, flux=10 ** (3.3 + k / 20)) for k in range(BATCH + 9)]
    stamps = [replace(one, obj=(one.obj * unit).astype(float), rms=(one.rms * unit).astype(float)) for one in stamps]
    for stamp, scan in HERE.scanned(stamps, grid):
        expected = compatible(stamp, grid)
        assert scan.chi == pytest.approx(expected.chi, rel=1e-4)
        assert scan.scale == pytest.approx(expected.scale, rel=1e-6)


def test_fits_are_those_of_the_cpu_whatever_is_wrong_with_a_stamp(grid, make_stamp):
    stamps = [*spoilt(make_stamp), *(make_stamp(seed=k) for k in range(5))]
    for mine, theirs in zip(fit_stamps(stamps, grid, accelerator=HERE), fit_stamps(stamps, grid), strict=True):
        assert mine.flag == theirs.flag
        assert mine.reason == theirs.reason
        assert mine.best.model_idx == theirs.best.model_idx
        assert mine.chi == pytest.approx(theirs.chi, rel=1e-4, nan_ok=True)


def test_starts_are_the_best_of_all_models(search, make_stamp):
    stamps = [make_stamp(seed=k, flux=10 ** (3.3 + k / 30)) for k in range(40)]
    for stamp, begun in HERE.begun(stamps, search, 1.0):
        assert begun == search.exhaustive(Pixels.of(stamp, 1.0))


def test_profiles_are_those_of_the_cpu(search, make_stamp):
    psf = PSFModel(np.pad([[1.0]], 3)[None], clip=False)
    fitter = Fitter(search, psf, 1.0)
    stamps = [*spoilt(make_stamp), *(make_stamp(seed=k) for k in range(5))]
    pairs = list(zip(fit_profiles(stamps, fitter, accelerator=HERE), fit_profiles(stamps, fitter), strict=True))
    assert any(mine.flag & FitFlag.SHAPE for mine, _ in pairs)
    for mine, theirs in pairs:
        assert (mine.flag, mine.reason) == (theirs.flag, theirs.reason)
        if mine.ok:
            assert mine.estimate.values == pytest.approx(theirs.estimate.values, rel=1e-4, abs=1e-4)


def test_without_a_gpu_it_is_one_line_and_exit_5(run, survey):
    for line in ("dre fit --device cuda", "dre run Tiles --device cuda", "dre fit --statistic dre --device cuda"):
        code, out = run(survey, line)
        assert code == 5
        said = (out + run.errors).strip().splitlines()
        assert len(said) == 1
        assert "--device cpu" in said[0]


def test_auto_is_the_cpu_where_there_is_no_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert open_device("auto") is None
    with pytest.raises(ExternalFailed, match="no CuPy"):
        open_device("cuda")
    with pytest.raises(ValueError, match="device must be"):
        open_device("tpu")


def test_the_gpu_is_taken_where_cupy_finds_one(monkeypatch):
    def count():
        if not found:
            raise RuntimeError("no device")
        return len(found)

    found = ["a GPU"]
    runtime = SimpleNamespace(CUDARuntimeError=RuntimeError, getDeviceCount=count)
    stand = SimpleNamespace(cuda=SimpleNamespace(runtime=runtime))
    monkeypatch.setitem(sys.modules, "cupy", stand)
    assert open_device("auto").library is stand
    assert open_device("cpu") is None
    found.clear()
    assert open_device("auto") is None
    with pytest.raises(ExternalFailed, match="no GPU"):
        open_device("cuda")
