"""Both statistics for many objects at once, on a GPU: in CUDA C, and in the arrays of CuPy.

The formulas are those of `dre.kernels.chi2`, `dre.kernels.minimum` and `dre.kernels.linear`, which take one object at a
time on the CPU. Only the pixels in the masks go to the card; a model is divided by in no array that is as long as
models times pixels times objects: each thread keeps its sums.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .chi2 import LANES
from .compiled import compiled

CHI_SOURCE = r"""
extern "C" __global__ void chi_of_one_model(
    const float* __restrict__ blocks, const int* __restrict__ pixels, const float* __restrict__ data,
    const float* __restrict__ variance, const long long* __restrict__ ends, const double* __restrict__ totals,
    const int* __restrict__ counted, const double* __restrict__ units, int models, int size, float* chi, double* scale)
{
    // The 64 threads of a block take the 64 models of a block of the cube: a pixel of them is one run of memory.
    const int object = blockIdx.x, model = blockIdx.y * blockDim.x + threadIdx.x;
    if (model >= models) return;
    const float* own = blocks + (long long)blockIdx.y * size * blockDim.x + threadIdx.x;
    const long long first = object ? ends[object - 1] : 0, last = ends[object];
    double sum = 0;
    for (long long p = first; p < last; ++p) sum += own[(long long)pixels[p] * blockDim.x];
    const double factor = sum > 0 ? totals[object] / sum : nan("");
    const float high = (float)factor, low = (float)(factor - (double)high);
    float lowest = 1;
    sum = 0;
    for (long long start = first; start < last; start += 64) {
        const long long end = start + 64 < last ? start + 64 : last;
        float part = 0;
        for (long long p = start; p < end; ++p) {
            const float m = own[(long long)pixels[p] * blockDim.x];
            const float v = fmaf(high, m, variance[p]);
            const float rest = fmaf(-low, m, fmaf(-high, m, data[p]));
            part += rest * rest / v;
            lowest = v < lowest ? v : lowest;
        }
        sum += part;
    }
    const long long place = (long long)object * models + model;
    chi[place] = (float)(lowest > 0 && factor > 0 ? sum / counted[object] * units[object] : nan(""));
    scale[place] = factor * units[object];
}
"""
"""One thread compares one object with one model."""


class Packed(NamedTuple):
    """Pixels in the masks of some objects, one after the other.

    Attributes
    ----------
    pixels : ndarray of int32, shape (p,)
        Where each is in the picture.
    data, variance : ndarray of float32, shape (p,)
        Image and squared noise in the object's `units`; 0 and infinite where a pixel has no datum.
    ends : ndarray of int64, shape (objects,)
        Where the pixels of each end.
    totals : ndarray of float64, shape (objects,)
        Sum of the data, in the object's unit; NaN where the statistic has no meaning.
    counted : ndarray of int32, shape (objects,)
        Pixels with a datum and a noise.
    units : ndarray of float64, shape (objects,)
        A power of two near the largest datum.
    """

    pixels: NDArray[np.int32]
    data: NDArray[np.float32]
    variance: NDArray[np.float32]
    ends: NDArray[np.int64]
    totals: NDArray[np.float64]
    counted: NDArray[np.int32]
    units: NDArray[np.float64]


def pack_objects(objects: list[tuple[NDArray, NDArray[np.bool_], NDArray]]) -> Packed:
    """Pick the pixels in the masks of objects.

    Parameters
    ----------
    objects : list of (data, mask, rms)
        As for `dre.kernels.chi2.chi_scans`; all of one size.
    """
    room = sum(mask.size for _, mask, _ in objects)
    pixels, data, variance = np.empty(room, np.int32), np.empty(room, np.float32), np.empty(room, np.float32)
    ends, counted = np.empty(len(objects), np.int64), np.empty(len(objects), np.int32)
    totals, units = np.empty((2, len(objects)))
    end = 0
    for k, (image, mask, rms) in enumerate(objects):
        own = np.flatnonzero(mask)
        first, end = end, end + len(own)
        pixels[first:end], ends[k] = own, end
        totals[k], counted[k], units[k] = _take(
            image.reshape(-1), rms.reshape(-1), own, data[first:end], variance[first:end]
        )
    return Packed(pixels[:end], data[:end], variance[:end], ends, totals, counted, units)


@compiled()
def _take(image: NDArray, rms: NDArray, pixels: NDArray, data: NDArray, variance: NDArray) -> tuple[float, int, float]:
    """Fill the data and variance of one object in a unit of their own; return their sum, number and unit."""
    total, brightest, good = 0.0, 0.0, 0
    for p in pixels:
        d, noise = np.float64(image[p]), np.float64(rms[p])
        if np.isnan(d):
            continue
        total += d
        if not np.isnan(noise):
            good += 1
            if not np.isinf(noise * noise):
                brightest = max(brightest, abs(d))
    if not (0.0 < total < np.inf and 0.0 < brightest < np.inf):
        data[:], variance[:] = np.float32(0), np.float32(1)
        return np.nan, 1, 1.0
    unit = math.ldexp(1.0, min(math.frexp(brightest)[1], 1023))  # a power of two: all products are exact
    for k in range(len(pixels)):
        d, noise = np.float64(image[pixels[k]]), np.float64(rms[pixels[k]])
        there = not (np.isnan(d) or np.isnan(noise) or np.isinf(noise * noise))
        data[k] = d / unit if there else 0.0
        variance[k] = noise * noise / unit if there else np.inf
    return total / unit, good, unit


def chi_batch(library: Any, blocks: Any, models: int, packed: Packed) -> tuple[Any, Any]:
    """Compatible chi of some objects against all models.

    Parameters
    ----------
    library : module
        ``cupy``.
    blocks : array of float32 of that library, shape (ceil(K / 64), pixels, 64)
        Models, from `dre.kernels.chi2.pack`.
    models : int
        Number of models K.
    packed : Packed
        The objects.

    Returns
    -------
    chi, scale : array of float32, of float64, of that library, shape (objects, K)
        NaN where the statistic has no meaning, as in `dre.kernels.chi2.chi_scan`.
    """
    xp, objects = library, len(packed.ends)
    chi, scale = xp.empty((objects, models), np.float32), xp.empty((objects, models), np.float64)
    p = packed
    lists = [xp.asarray(part) for part in (p.pixels, p.data, p.variance, p.ends, p.totals, p.counted, p.units)]
    kernel = xp.RawKernel(CHI_SOURCE, "chi_of_one_model")
    sizes = np.int32(models), np.int32(blocks.shape[1])
    kernel((objects, blocks.shape[0]), (LANES,), (blocks, *lists, *sizes, chi, scale))
    return chi, scale


def linear_batch(
    library: Any, models: Any, squares: Any, data: NDArray[np.float64], weight: NDArray[np.float64],
    area: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:  # fmt: skip
    """Model that lowers the chi-square of each object most below that of sky alone, with flux and sky solved.

    The weights are the same for all models, so that all sums are three products of matrices, in float32 (CuPy takes
    TF32 only where CUPY_TF32 is set).

    Parameters
    ----------
    library : module
        ``cupy``; ``numpy`` gives the same numbers.
    models, squares : array of float32 of that library, shape (K, cells)
        Models, and their squares.
    data, weight : ndarray of float64, shape (objects, cells)
        Data and inverse variance (0: not used).
    area : ndarray of float64, shape (cells,)
        Image pixels in each cell.

    Returns
    -------
    best : ndarray of int64, shape (objects,)
    gain : ndarray of float64, shape (objects,)
        -inf where no model has a positive flux.
    """
    xp = library
    square = (weight * area**2).sum(1, keepdims=True)
    square = np.where(square > 0, square, 1)
    sky = (weight * area * data).sum(1, keepdims=True) / square
    cross, power, level = (
        xp.matmul(xp.asarray(values.astype(np.float32)), own.T).astype(np.float64)
        for values, own in ((weight * (data - sky * area), models), (weight, squares), (weight * area, models))
    )
    power -= level**2 / xp.asarray(square)
    good = (power > 0) & (cross > 0)
    gains = xp.where(good, cross**2 / xp.where(good, power, 1), -np.inf)
    return host(gains.argmax(1)), host(gains.max(1))


def host(values: Any) -> NDArray:
    """Return an array of NumPy, wherever it was."""
    found: NDArray = values.get() if hasattr(values, "get") else values
    return found
