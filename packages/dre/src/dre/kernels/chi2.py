r"""The compatible goodness of fit of one object against every model of a grid.

For model ``m_k``, data ``d``, noise ``rms`` and the pixels of a mask,

.. math:: s_k = \frac{\sum d}{\sum m_k}, \qquad
          \chi_k = \left\langle \frac{(d - s_k m_k)^2}{s_k m_k + rms^2} \right\rangle,

where sums and means over the data skip NaN pixels and the sum over the model does not. The variance is that
of an image in electrons (gain 1); the mean is over pixels, not degrees of freedom.

Models are stored as ``[K / 64][pixel][64]`` so that a masked pixel is one run of 256 bytes and a block's
mask stays in the cache. The scan works in single precision, kept exact where it matters: data and variance
are first divided by a power of two near the largest datum, so that nothing overflows whatever the unit of
the image; the scale is split into two numbers and the residual formed by fused multiply-adds, so that its
rounding is relative to the residual and not to the (much larger) datum; residuals are summed over 64 pixels
in single and the rest in double precision, models in double precision.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled

LANES = 64
PART = 16  # models stored at a time: one line of the cache of each pixel
_CHUNK = 64


def pack(models: NDArray) -> NDArray[np.float32]:
    """Store models in blocks of 64 for `chi_scan`.

    Parameters
    ----------
    models : ndarray, shape (K, box, box)

    Returns
    -------
    ndarray of float32, shape (ceil(K / 64), box * box, 64)
        The last block is filled up with zeros.
    """
    blocks = empty_blocks(len(models), models[0].size)
    for first in range(0, len(models), PART):
        pack_part(blocks, first, models[first : first + PART])
    return blocks


def empty_blocks(count: int, pixels: int) -> NDArray[np.float32]:
    """Room for `count` models, for `pack_part`; the lanes behind the last model are zero."""
    blocks = np.empty((-(-count // LANES), pixels, LANES), np.float32)
    blocks[-1:] = 0
    return blocks


def pack_part(blocks: NDArray[np.float32], first: int, models: NDArray) -> None:
    """Store models number `first`, `first` + 1, ..., shape (k, box, box), all of one block."""
    _store(blocks[first // LANES], first % LANES, models)


@compiled()
def _store(block: NDArray, first: int, models: NDArray) -> None:
    """Transpose models into consecutive lanes of a block."""
    count, rows, columns = models.shape
    for y in range(rows):
        for x in range(columns):
            pixel = block[y * columns + x]
            for k in range(count):
                pixel[first + k] = models[k, y, x]


def unpack(blocks: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """Model number `k`, flat, out of the blocks."""
    return np.ascontiguousarray(blocks[k // LANES, :, k % LANES])


def chi_scan(
    blocks: NDArray[np.float32], count: int, data: NDArray, mask: NDArray[np.bool_], rms: NDArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compatible chi of one object against all models.

    Parameters
    ----------
    blocks : ndarray of float32, shape (ceil(K / 64), pixels, 64)
        Models, from `pack`.
    count : int
        Number of models K.
    data, rms : ndarray, any shape with that number of pixels
        Image and noise; NaN pixels of either are skipped.
    mask : ndarray of bool
        Pixels that count.

    Returns
    -------
    chi, scale : ndarray of float64, shape (K,)
        NaN where the statistic has no meaning: nothing measured in the mask, a data sum that is not positive
        and finite, a model without light in the mask, or a variance that is not positive in some pixel.
    """
    return chi_scans(blocks, count, [(data, mask, rms)])[0]


def chi_scans(
    blocks: NDArray[np.float32], count: int, objects: Sequence[tuple[NDArray, NDArray[np.bool_], NDArray]]
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Compatible chi of some objects, to the same bits as one by one.

    A block of models is compared with all objects while it is in the cache: a few objects at a time are faster.

    Parameters
    ----------
    blocks, count
        As for `chi_scan`.
    objects : sequence of (data, mask, rms)
        As for `chi_scan`.

    Returns
    -------
    list of (chi, scale)
        As of `chi_scan`.
    """
    asked = [_asked(*one) for one in objects]
    sound = [one for one in asked if one is not None]
    if not sound:
        return [_nothing(count) for _ in objects]
    pixels, data, variance, totals, counted, units = zip(*sound, strict=True)
    ends = np.cumsum([[len(p), len(d)] for p, d in zip(pixels, data, strict=True)], axis=0)
    chi, scale = np.empty((2, len(sound), len(blocks) * LANES))
    joined = (np.concatenate(pixels), np.concatenate(data), np.concatenate(variance))
    with np.errstate(over="ignore"):
        _scan(blocks, *joined, ends, np.array(totals), np.array(counted), chi, scale)
        found = iter([(c[:count] * unit, s[:count] * unit) for c, s, unit in zip(chi, scale, units, strict=True)])
    return [_nothing(count) if one is None else next(found) for one in asked]


def _asked(
    data: NDArray, mask: NDArray[np.bool_], rms: NDArray
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32], float, int, float] | None:
    """Pixels, data and variance, sum of the data, number of pixels, unit of all these; None if there is no answer.

    Pixels that only the model sums use come last, without data.
    """
    pixels = np.flatnonzero(mask)
    scaled = np.empty((2, len(pixels)), np.float32)
    total, good, bounded, unit = _pick(data.reshape(-1), rms.reshape(-1), pixels, scaled[0], scaled[1])
    if bounded == 0:
        return None
    return pixels, scaled[0, :bounded], scaled[1, :bounded], total / unit, good, unit


@compiled()
def _pick(
    image: NDArray, rms: NDArray, pixels: NDArray[np.int64], data: NDArray[np.float32], variance: NDArray[np.float32]
) -> tuple[float, int, int, float]:
    """Put the pixels with datum and finite variance first, and fill these two; in no unit where there is no answer.

    Returns
    -------
    total : float
        Sum of all data.
    good, bounded : int
        Pixels with a datum and a noise, and those of them with a finite variance: an infinite one adds 0 to the sum
        and 1 to the count. No `bounded`: no answer.
    unit : float
        A power of two near the largest datum, so that divisions by it are exact.
    """
    total, brightest, good, bounded = 0.0, 0.0, 0, 0
    later = np.empty(len(pixels), np.int64)
    for k in range(len(pixels)):
        p = pixels[k]
        d, square = np.float64(image[p]), np.float64(rms[p]) ** 2
        total += 0.0 if np.isnan(d) else d
        there = not (np.isnan(d) or np.isnan(square))
        good += there
        if there and not np.isinf(square):
            brightest = max(brightest, abs(d))
            pixels[bounded] = p
            bounded += 1
        else:
            later[k - bounded] = p
    pixels[bounded:] = later[: len(pixels) - bounded]
    if not (0.0 < total < np.inf and brightest > 0.0):
        return total, good, 0, 1.0
    unit = math.ldexp(1.0, min(math.frexp(brightest)[1], 1023))
    for k in range(bounded):
        data[k], variance[k] = image[pixels[k]] / unit, np.float64(rms[pixels[k]]) ** 2 / unit
    return total, good, bounded, unit


def _nothing(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.full(count, np.nan), np.full(count, np.nan)


@compiled(fused=True)
def _scan(
    blocks: NDArray, pixels: NDArray, data: NDArray, variance: NDArray, ends: NDArray, totals: NDArray,
    counted: NDArray, chi: NDArray, scale: NDArray,
) -> None:  # fmt: skip
    """Fill chi and scale of objects whose pixels and data follow each other and end at `ends`, one (2,) an object."""
    for b in range(len(blocks)):
        lanes = slice(b * LANES, (b + 1) * LANES)
        first_pixel, first_datum = 0, 0
        for k in range(len(ends)):
            last_pixel, last_datum = ends[k]
            _scan_block(
                blocks[b], pixels[first_pixel:last_pixel], data[first_datum:last_datum],
                variance[first_datum:last_datum], totals[k], counted[k], chi[k, lanes], scale[k, lanes],
            )  # fmt: skip
            first_pixel, first_datum = last_pixel, last_datum


@compiled(fused=True)
def _scan_block(
    block: NDArray, pixels: NDArray, data: NDArray, variance: NDArray, total: float, counted: int,
    chi: NDArray, scale: NDArray,
) -> None:  # fmt: skip
    """Fill chi and scale of one object and the models of one block."""
    part = np.empty(LANES, np.float32)
    # The scale as a sum of two numbers; `same` repeats the first, so that the compiler does not share its
    # product between variance and residual and can fuse it into the latter.
    high, low, same = np.empty(LANES, np.float32), np.empty(LANES, np.float32), np.empty(LANES, np.float32)
    lowest = np.empty(LANES, np.float32)
    sums = np.empty(LANES, np.float64)
    sums[:] = 0.0
    fours = len(pixels) // 4 * 4
    for p in range(0, fours, 4):
        first, second, third, fourth = pixels[p], pixels[p + 1], pixels[p + 2], pixels[p + 3]
        for lane in range(LANES):
            one, two = np.float64(block[first, lane]), np.float64(block[second, lane])
            three, four = np.float64(block[third, lane]), np.float64(block[fourth, lane])
            sums[lane] += (one + two) + (three + four)
    for p in range(fours, len(pixels)):
        for lane in range(LANES):
            sums[lane] += block[pixels[p], lane]
    for lane in range(LANES):
        scale[lane] = total / sums[lane] if sums[lane] > 0 else np.nan
        high[lane] = scale[lane]
        low[lane] = scale[lane] - np.float64(high[lane])
        same[lane] = high[lane]
    sums[:] = 0.0
    lowest[:] = np.float32(np.inf)
    for start in range(0, len(data), _CHUNK):
        part[:] = np.float32(0)
        for p in range(start, min(start + _CHUNK, len(data))):
            row = block[pixels[p]]
            d, w = data[p], variance[p]
            for lane in range(LANES):
                v = same[lane] * row[lane] + w
                rest = (d - high[lane] * row[lane]) - low[lane] * row[lane]
                part[lane] += rest * rest / v
                lowest[lane] = v if v < lowest[lane] else lowest[lane]
        for lane in range(LANES):
            sums[lane] += part[lane]
    for lane in range(LANES):
        chi[lane] = sums[lane] / counted if lowest[lane] > 0 else np.nan
