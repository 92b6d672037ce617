from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from dre.kernels import compiled as module
from dre.kernels.compiled import compiled

PROGRAM = "from dre.kernels.sersic import sersic_image; print(repr(float(sersic_image(8, 2, 0.5, 30, 4).sum())))"


def run(**environment):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_machine_code_is_cached_where_the_environment_says(tmp_path):
    first = run(NUMBA_CACHE_DIR=str(tmp_path))
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nbi")}
    assert any("_render" in path.name for path in files)
    assert run(NUMBA_CACHE_DIR=str(tmp_path)) == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nbi")} == files


def test_kernels_work_where_nothing_can_be_cached(monkeypatch):
    real = module.njit

    def njit(cache, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return real(cache=False, **options)

    monkeypatch.setattr(module, "njit", njit)

    @compiled()
    def half(x):
        return x / 2

    assert half(3.0) == 1.5


@pytest.mark.parametrize("fused", [False, True])
def test_nan_and_infinity_keep_their_meaning(fused):
    @compiled(fused=fused)
    def ratio(x, y):
        return x / y

    assert np.isnan(ratio(0.0, 0.0))
    assert ratio(1.0, 0.0) == np.inf
