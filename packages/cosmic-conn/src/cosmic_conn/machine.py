"""What the machine has, asked without torch, which takes a second and 200 MB to load."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

__all__ = ["cores", "maybe_gpu", "maybe_matrices"]


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def maybe_gpu() -> bool:
    """Tell whether the driver of a GPU is installed; where none is, torch has none either."""
    if Path("/dev/kfd").exists():
        return True
    try:
        ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return False
    return True


def maybe_matrices() -> bool:
    """Tell whether the CPU may multiply matrices of bfloat16 (AMX)."""
    from llvmlite import binding

    return bool(binding.get_host_cpu_features().get("amx-bf16"))
