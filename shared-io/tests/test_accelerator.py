"""The search for a GPU, and the stand-ins for one."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from shared_io.accelerator import find_card
from shared_io.errors import ExternalFailed
from shared_io.testing import strict_cupy
from shared_io.testing.raw_kernel import compile_kernel, compiler

SAXPY = """
extern "C" __global__ void saxpy(const float* __restrict__ x, float* y, float a, int size) {
    const int k = blockIdx.x * blockDim.x + threadIdx.x;
    if (k < size) y[k] = fmaf(a, x[k], y[k]);
}
"""
HOW = {"extra": "tool[cuda]", "instead": "run with --device cpu"}

needs_compiler = pytest.mark.skipif(compiler() is None, reason="no C++ compiler to run the kernels' source with")


@pytest.fixture
def cupy(request, monkeypatch):
    devices = getattr(request, "param", 1)
    module = None if devices is None else strict_cupy.module(devices)
    monkeypatch.setitem(sys.modules, "cupy", module)
    return module


def test_a_card_is_taken_unless_the_cpu_is_asked_for(cupy):
    for device in ("auto", "cuda"):
        card = find_card(device, **HOW)
        assert (card.library, card.free) == (cupy, 2**29)
    assert find_card("cpu", **HOW) is None
    with pytest.raises(ValueError, match="one of auto, cpu, cuda, not 'tpu'"):
        find_card("tpu", **HOW)


@pytest.mark.parametrize(
    ("cupy", "message"),
    [
        (None, "no CuPy to use a GPU with; install tool[cuda], or run with --device cpu"),
        (0, "no GPU that CuPy can use; run with --device cpu"),
        (-1, "no GPU that CuPy can use; run with --device cpu"),
    ],
    indirect=["cupy"],
    ids=["no CuPy", "no card", "no driver"],
)
def test_without_a_card_auto_is_the_cpu_and_cuda_an_error_of_one_line(cupy, message):
    assert find_card("auto", **HOW) is None
    with pytest.raises(ExternalFailed) as caught:
        find_card("cuda", **HOW)
    assert str(caught.value) == message


def test_cupy_is_not_loaded_before_it_is_wanted():
    code = "import sys, shared_io.accelerator as a; a.find_card('cpu', extra='', instead=''); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"cupy", "numpy"} & {name.partition(".")[0] for name in done.stdout.split()}


def test_the_stand_in_refuses_what_cupy_refuses(cupy):
    there = cupy.asarray(np.arange(4.0))
    for wrong in (
        lambda: np.asarray(there), lambda: np.ones(4) + there, lambda: there * np.ones(4), lambda: list(there),
        lambda: bool(there[0]), lambda: cupy.sqrt(np.ones(4)), lambda: there[np.arange(2)],
    ):  # fmt: skip
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(AttributeError):
        cupy.einsum("i,i", there, there)
    assert (cupy.sqrt(there * there) + np.float64(1)).get().tolist() == [1, 2, 3, 4]


@needs_compiler
def test_kernels_run_thread_by_thread(cupy):
    x, y = (cupy.asarray(np.arange(10, dtype=np.float32)) for _ in range(2))
    cupy.RawKernel(SAXPY, "saxpy")((3,), (4,), (x, y, np.float32(2), np.int32(9)))
    assert y.get().tolist() == [0, 3, 6, 9, 12, 15, 18, 21, 24, 9]


@needs_compiler
def test_a_kernel_is_not_launched_with_arguments_that_are_not_its_own(cupy):
    x, a, size = cupy.asarray(np.ones(10, np.float32)), np.float32(2), np.int32(9)
    double, strided = cupy.asarray(np.ones(10)), cupy.asarray(np.ones(20, np.float32))[::2]
    for wrong in ((double, x, a, size), (x, strided, a, size), (x, x, 2.0, size), (x, x, a, 9), (x, x, a),
                  (x, x, a, np.int64(9)), (np.ones(10, np.float32), x, a, size)):  # fmt: skip
        with pytest.raises(TypeError):
            cupy.RawKernel(SAXPY, "saxpy")((3,), (4,), wrong)
    for source in (SAXPY.replace("fmaf", "nothing"), "int x;"):
        with pytest.raises(ValueError, match="kernel"):
            compile_kernel(source, "saxpy")
