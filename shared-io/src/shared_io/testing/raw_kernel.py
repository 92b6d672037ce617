"""Kernels in CUDA C without a card: the same source through the system's C++ compiler, thread after thread.

Only kernels whose threads are independent of each other can be run so: no shared memory, no barriers, no atomics.
"""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

__all__ = ["compile_kernel", "compiler"]

_HEAD = """
#include <cmath>
using namespace std;
struct dim3_ { int x, y, z; };
static dim3_ gridDim, blockDim, blockIdx, threadIdx;
#define __global__
#define __device__ static
"""
_LOOP = """
extern "C" void run_NAME(const int* sizes, PARAMETERS) {
    gridDim = {sizes[0], sizes[1], sizes[2]};
    blockDim = {sizes[3], sizes[4], sizes[5]};
    for (blockIdx.z = 0; blockIdx.z < gridDim.z; ++blockIdx.z)
    for (blockIdx.y = 0; blockIdx.y < gridDim.y; ++blockIdx.y)
    for (blockIdx.x = 0; blockIdx.x < gridDim.x; ++blockIdx.x)
    for (threadIdx.z = 0; threadIdx.z < blockDim.z; ++threadIdx.z)
    for (threadIdx.y = 0; threadIdx.y < blockDim.y; ++threadIdx.y)
    for (threadIdx.x = 0; threadIdx.x < blockDim.x; ++threadIdx.x)
        NAME(ARGUMENTS);
}
"""
_TYPES = {
    "float": np.float32, "double": np.float64, "int": np.int32, "long long": np.int64, "unsigned char": np.uint8,
    "bool": np.bool_,
}  # fmt: skip

Launch = Callable[[tuple[int, ...], tuple[int, ...], tuple[object, ...]], None]


def compiler() -> str | None:
    """Path of the system's C++ compiler; None where there is none."""
    return shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")


@cache
def compile_kernel(code: str, name: str) -> Launch:
    """Compile a kernel.

    Parameters
    ----------
    code : str
        CUDA C.
    name : str
        The kernel, ``extern "C" __global__ void NAME(...)``.

    Returns
    -------
    callable
        Takes the sizes of grid and block and the arguments: arrays of NumPy, contiguous and of the pointers' types,
        and scalars of NumPy of the parameters' types. A real launch checks none of this; here it is a TypeError.
    """
    found = re.search(rf"\bvoid\s+{name}\s*\(([^)]*)\)", code)
    if found is None:
        raise ValueError(f"the source has no kernel {name}")
    parameters = [" ".join(part.split()) for part in found[1].split(",")]
    loop = _LOOP.replace("PARAMETERS", found[1]).replace("NAME", name)
    loop = loop.replace("ARGUMENTS", ", ".join(re.findall(r"\w+$", part)[0] for part in parameters))
    run = _built(_HEAD + code + loop, f"run_{name}")
    forms = [_form(part) for part in parameters]

    def launch(grid: tuple[int, ...], block: tuple[int, ...], args: tuple[object, ...]) -> None:
        if len(args) != len(forms):
            raise TypeError(f"{name} takes {len(forms)} arguments, not {len(args)}")
        passed = [_passed(*one) for one in zip(args, forms, parameters, strict=True)]
        sizes = [*grid, 1, 1][:3] + [*block, 1, 1][:3]
        run((ctypes.c_int * 6)(*sizes), *passed)

    return launch


def _built(source: str, name: str) -> Callable[..., None]:
    path = compiler()
    if path is None:
        raise RuntimeError("there is no C++ compiler")
    with tempfile.TemporaryDirectory() as folder:
        text, library = Path(folder) / "kernel.cpp", Path(folder) / "kernel.so"
        text.write_text(source)
        line = [path, "-std=c++17", "-O2", "-ffp-contract=off", "-shared", "-fPIC", "-o", str(library), str(text)]
        done = subprocess.run(line, capture_output=True, text=True)
        if done.returncode:
            raise ValueError(f"the kernel does not compile: {done.stderr}")
        run: Callable[..., None] = ctypes.CDLL(str(library))[name]
    return run


def _form(parameter: str) -> tuple[np.dtype, bool]:
    """Type of a parameter, and whether it is a pointer."""
    words = re.sub(r"\b(const|__restrict__)\b|\*|\w+$", " ", parameter).split()
    return np.dtype(_TYPES[" ".join(words)]), "*" in parameter


def _passed(value: object, form: tuple[np.dtype, bool], parameter: str) -> object:
    dtype, pointer = form
    if pointer:
        if not isinstance(value, np.ndarray) or value.dtype != dtype or not value.flags.c_contiguous:
            raise TypeError(f"{parameter}: needs a contiguous array of {dtype}")
        return ctypes.c_void_p(value.ctypes.data)
    if not isinstance(value, np.generic) or value.dtype != dtype:
        raise TypeError(f"{parameter}: needs a scalar of {dtype}")
    return np.ctypeslib.as_ctypes_type(dtype)(value.item())
