"""Work of many objects at once on a GPU: the scans of all models, which is what a grid costs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shared_io.errors import ExternalFailed

from .compare import Scan
from .grid import ConvolvedGrid
from .kernels.batched import chi_batch, linear_batch
from .ordered import batches
from .pixels import Pixels
from .search import SearchGrid
from .stamp import Stamp

BATCH = 64
"""Objects at a time."""

_ROOM = 2**28
"""Numbers of an intermediate array."""


@dataclass(eq=False, slots=True)
class Accelerator:
    """A library of arrays, and the grids that were last moved into its memory.

    Attributes
    ----------
    library : module
        ``cupy``; ``numpy`` gives the same numbers.
    """

    library: Any
    _grid: object = field(default=None, repr=False)
    _arrays: tuple[Any, ...] = field(default=(), repr=False)

    def scanned(self, stamps: Iterable[Stamp], grid: ConvolvedGrid) -> Iterator[tuple[Stamp, Scan]]:
        """Pair each stamp of the right size with its comparison with all models (`dre.compare.compatible`)."""
        box = grid.axes.box
        for batch in batches(stamps, BATCH):
            fitting = [
                k for k, one in enumerate(batch) if one.obj.shape == one.mask.shape == one.rms.shape == (box, box)
            ]
            scans = dict(zip(fitting, self._scans([batch[k] for k in fitting], grid), strict=True))
            nothing = np.full(grid.axes.count, np.nan)
            yield from ((stamp, scans.get(k, Scan(nothing, nothing))) for k, stamp in enumerate(batch))

    def _scans(self, stamps: list[Stamp], grid: ConvolvedGrid) -> Iterator[Scan]:
        rows = self._moved(grid, lambda: (self._rows(grid),))[0]
        start = 0
        while start < len(stamps):
            widest = max(int(one.mask.sum()) for one in stamps[start:])
            count = max(_ROOM // max(widest * grid.axes.count, 1), 1)
            part = stamps[start : start + count]
            index, data, variance, unit = _padded(part, grid.axes.box**2)
            chi, scale = chi_batch(self.library, rows, index, data, variance)
            for k in range(len(part)):
                yield Scan(chi[k] * unit[k], scale[k] * unit[k])
            start += count

    def _rows(self, grid: ConvolvedGrid) -> Any:
        blocks = self.library.asarray(grid.blocks).transpose(1, 0, 2).reshape(grid.axes.box**2, -1)
        nothing = self.library.zeros((1, grid.axes.count), np.float32)
        return self.library.concatenate([blocks[:, : grid.axes.count], nothing])

    def begun(self, stamps: Iterable[Stamp], grid: SearchGrid, gain: float) -> Iterator[tuple[Stamp, int | None]]:
        """Pair each stamp with the model of least chi-square (`dre.search`), None where there is none."""
        for batch in batches(stamps, BATCH):
            seen = [_pixels(stamp, grid, gain) for stamp in batch]
            reached = [grid.reached(pixels) for pixels in seen if pixels is not None]
            best = iter(self._best(reached, grid))
            yield from ((stamp, None if own is None else next(best)) for stamp, own in zip(batch, seen, strict=True))

    def _best(self, reached: list[tuple[NDArray, NDArray]], grid: SearchGrid) -> list[int | None]:
        if not reached:
            return []
        models, squares = self._moved(grid, lambda: self._squared(grid))
        data, weight = np.zeros((2, len(reached), models.shape[1]))
        for k, (values, inverse) in enumerate(reached):
            data[k, : len(values)], weight[k, : len(values)] = values, inverse
        gains = linear_batch(self.library, models, squares, data, weight, grid.area)
        tops = gains.argmax(1)
        return [int(top) if np.isfinite(gains[k, top]) else None for k, top in enumerate(tops)]

    def _squared(self, grid: SearchGrid) -> tuple[Any, Any]:
        models = self.library.asarray(grid.models)
        return models, models * models

    def _moved(self, grid: object, move: Any) -> tuple[Any, ...]:
        if self._grid is not grid:
            self._arrays = ()  # two grids never share the memory
            self._arrays, self._grid = move(), grid
        return self._arrays


def open_device(name: str) -> Accelerator | None:
    """Return the accelerator meant by ``auto``, ``cpu`` or ``cuda``; None: the CPU.

    Raises
    ------
    ExternalFailed
        No CuPy or no GPU where one is asked for.
    ValueError
        Another name.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f"device must be auto, cpu or cuda, not {name!r}")
    if name == "cpu":
        return None
    try:
        import cupy
    except ImportError:
        if name == "auto":
            return None
        raise ExternalFailed("no CuPy to use a GPU with", hint="install dre[cuda], or run with --device cpu") from None
    try:
        count = int(cupy.cuda.runtime.getDeviceCount())
    except cupy.cuda.runtime.CUDARuntimeError:
        count = 0
    if count:
        return Accelerator(cupy)
    if name == "auto":
        return None
    raise ExternalFailed("no GPU that CuPy can use", hint="run with --device cpu")


def _padded(
    stamps: list[Stamp], nothing: int
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float64]]:
    """Pixels in the masks of objects, their data and variance in a unit of their own, and that unit."""
    masks = [np.flatnonzero(stamp.mask) for stamp in stamps]
    width = max(1, *(len(mask) for mask in masks))
    index, unit = np.full((len(stamps), width), nothing, np.int32), np.ones(len(stamps))
    data, variance = np.full((2, len(stamps), width), np.nan, np.float32)
    for k, (stamp, mask) in enumerate(zip(stamps, masks, strict=True)):
        own, noise = stamp.obj.ravel()[mask].astype(np.float64), stamp.rms.ravel()[mask].astype(np.float64)
        brightest = np.nanmax(np.abs(own), initial=0.0)
        if brightest > 0 and np.isfinite(brightest):
            unit[k] = np.ldexp(1.0, min(np.frexp(brightest)[1], 1023))
        with np.errstate(over="ignore"):
            data[k, : len(mask)], variance[k, : len(mask)] = own / unit[k], noise**2 / unit[k]
        index[k, : len(mask)] = mask
    return index, data, variance, unit


def _pixels(stamp: Stamp, grid: SearchGrid, gain: float) -> Pixels | None:
    try:
        return Pixels.of(stamp, gain) if stamp.obj.shape[0] == grid.axes.box else None
    except ValueError:
        return None
