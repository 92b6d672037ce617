"""A stand-in for CuPy that computes with NumPy and refuses what CuPy refuses.

Arrays are not converted to NumPy's unless asked with `get`, do not mix with them, and are not looped over; there are
only the functions named here, which CuPy 13 and 14 have; ``add.at`` takes the kinds of numbers that CuPy's takes; raw
kernels are in `raw_kernel`.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from .raw_kernel import compile_kernel

__all__ = ["DeviceArray", "module"]

FUNCTIONS = [
    "arange", "argsort", "clip", "concatenate", "cos", "cumsum", "empty", "floor", "full", "isfinite",
    "isnan", "log", "matmul", "maximum", "minimum", "ones", "rint", "sin", "sort", "sqrt", "stack", "take_along_axis",
    "where", "zeros",
]  # fmt: skip
_ADDABLE = tuple(map(np.dtype, ("i4", "f2", "f4", "f8", "u4", "u8")))
_SCALARS = (bool, int, float, np.generic)


class DeviceArray:
    """An array in the memory of a device that is not there.

    Parameters
    ----------
    values : ndarray
        What it holds.
    """

    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, values: np.ndarray) -> None:
        self._values = values

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    def __iter__(self) -> Any:
        raise TypeError("a loop over a device's numbers fetches them one by one")

    def __bool__(self) -> bool:
        raise TypeError("a device's number is fetched to be looked at")

    def __len__(self) -> int:
        return len(self._values)

    def get(self) -> np.ndarray:
        """Return a copy in the memory of the host."""
        return self._values.copy()

    def __getitem__(self, key: Any) -> DeviceArray:
        return DeviceArray(np.asarray(self._values[_index(key)]))

    def __setitem__(self, key: Any, value: Any) -> None:
        self._values[_index(key)] = _inner(value)

    def __getattr__(self, name: str) -> Any:
        if name in ("shape", "dtype", "ndim", "size", "nbytes"):
            return getattr(self._values, name)
        if name == "T":
            return DeviceArray(self._values.T)
        if name in ("astype", "view", "reshape", "sum", "max", "min", "argmax", "argmin", "mean", "copy"):
            return _wrapped(getattr(self._values, name))
        raise AttributeError(f"the stand-in for cupy.ndarray has no {name}")


def _index(key: Any) -> Any:
    parts = key if isinstance(key, tuple) else (key,)
    return tuple(p if p is None or isinstance(p, slice) else _inner(p) for p in parts)


def _inner(value: Any) -> Any:
    """What a function of CuPy takes, as NumPy takes it."""
    if isinstance(value, DeviceArray):
        return value._values
    if isinstance(value, list | tuple):
        return type(value)(_inner(v) for v in value)
    if (
        value is None
        or isinstance(value, (*_SCALARS, type, np.dtype))
        or (isinstance(value, str) and value == "stable")
    ):
        return value
    raise TypeError(f"Unsupported type {type(value)}")


def _wrapped(function: Any) -> Any:
    def call(*args: Any, **more: Any) -> Any:
        with np.errstate(all="ignore"):  # a device says nothing
            out = function(*map(_inner, args), **{k: _inner(v) for k, v in more.items()})
        return DeviceArray(np.asarray(out))

    return call


def _operator(name: str) -> Any:
    def operate(self: DeviceArray, *other: Any) -> Any:
        if any(not isinstance(o, (DeviceArray, *_SCALARS)) for o in other):
            raise TypeError(f"Unsupported type {type(other[0])}")
        with np.errstate(all="ignore"):
            out = getattr(self._values, name)(*map(_inner, other))
        return self if name.startswith("__i") and name != "__invert__" else DeviceArray(np.asarray(out))

    return operate


_BINARY = ["add", "sub", "mul", "truediv", "floordiv", "mod", "and", "or", "rshift", "lshift", "pow"]
for _name in [*_BINARY, *(f"r{b}" for b in _BINARY), *(f"i{b}" for b in _BINARY), "lt le gt ge eq ne neg invert"]:
    for _part in _name.split():
        setattr(DeviceArray, f"__{_part}__", _operator(f"__{_part}__"))


class _Add:
    @staticmethod
    def at(a: DeviceArray, indices: DeviceArray, b: DeviceArray) -> None:
        if a.dtype not in _ADDABLE or b.dtype != a.dtype:
            raise TypeError("cupy.add.at only supports int32, float16, float32, float64, uint32, uint64")
        np.add.at(a._values, indices._values, b._values)


class _RawKernel:
    """A kernel in CUDA C, run thread by thread on the processor."""

    def __init__(self, code: str, name: str) -> None:
        self._run = compile_kernel(code, name)

    def __call__(self, grid: tuple[int, ...], block: tuple[int, ...], args: tuple[Any, ...]) -> None:
        strange = [type(a).__name__ for a in args if not isinstance(a, DeviceArray | np.generic)]
        if strange:
            raise TypeError(f"a kernel takes arrays of the device and scalars of NumPy, not {strange[0]}")
        self._run(grid, block, tuple(_inner(a) for a in args))


class CUDARuntimeError(RuntimeError):
    """What CuPy raises without a driver."""


class _Runtime:
    CUDARuntimeError = CUDARuntimeError

    def __init__(self, devices: int) -> None:
        self._devices = devices

    def getDeviceCount(self) -> int:
        if self._devices < 0:
            raise CUDARuntimeError("cudaErrorNoDevice")
        return self._devices

    def memGetInfo(self) -> tuple[int, int]:
        return 2**29, 2**30


def module(devices: int = 1) -> Any:
    """Return the stand-in for the module ``cupy`` on a machine with some devices (-1: not even a driver)."""
    made: Any = ModuleType("cupy")
    for name in FUNCTIONS:
        setattr(made, name, _wrapped(getattr(np, name)))
    made.asarray = lambda values: values if isinstance(values, DeviceArray) else DeviceArray(np.array(values))
    made.add = _Add
    made.RawKernel = _RawKernel
    made.cuda = ModuleType("cupy.cuda")
    made.cuda.runtime = _Runtime(devices)
    return made
