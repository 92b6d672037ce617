"""Work of many objects at once on a GPU: the comparisons with all models, which is what a grid costs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shared_io.accelerator import find_card

from .compare import Compared
from .grid import ConvolvedGrid
from .kernels.batched import Packed, chi_batch, host, linear_batch, pack_objects
from .kernels.minima import minima
from .ordered import batches, in_order
from .pixels import Pixels
from .search import SearchGrid
from .stamp import Stamp

BATCH = 512
"""Most objects at a time: enough for all units of a card, and some 75 MB of stamps."""

_BYTES = 128
"""For each object and model: all arrays of a batch, and as much again."""


@dataclass(eq=False, slots=True)
class Accelerator:
    """A card, and the models that were last moved into its memory.

    Attributes
    ----------
    library : module
        ``cupy``.
    room : int
        Objects times models at a time.
    threads : int
        Of the processor, which make the objects ready.
    """

    library: Any
    room: int = 2**24
    threads: int = 1
    _grid: object = field(default=None, repr=False)
    _arrays: tuple[Any, ...] = field(default=(), repr=False)
    _turn: Any = field(default_factory=threading.Lock, repr=False)

    def compared(self, stamps: Iterable[Stamp], grid: ConvolvedGrid) -> Iterator[tuple[Stamp, Compared | None]]:
        """Pair each stamp with its comparison with all models (`dre.compare.compatible`); None: it has another size.

        While the card compares a batch the pixels of the next one are picked, and the results of the last one used.
        """
        finish: Callable[[], list[tuple[Stamp, Compared | None]]] | None = None
        for batch in batches(stamps, self._count(grid.axes.count)):
            box = (grid.axes.box, grid.axes.box)
            rows = [k for k, one in enumerate(batch) if one.obj.shape == one.mask.shape == one.rms.shape == box]
            packed = pack_objects([(batch[k].obj, batch[k].mask, batch[k].rms) for k in rows])
            done = finish() if finish else []
            finish = partial(self._paired, batch, rows, grid, self._launched(packed, grid) if rows else None)
            yield from done
        yield from finish() if finish else []

    def _launched(self, packed: Packed, grid: ConvolvedGrid) -> tuple[Any, Any]:
        (blocks,) = self._moved(grid, lambda: (self.library.asarray(grid.blocks),))
        return chi_batch(self.library, blocks, grid.axes.count, packed)

    def _paired(
        self, batch: list[Stamp], rows: list[int], grid: ConvolvedGrid, there: tuple[Any, Any] | None
    ) -> list[tuple[Stamp, Compared | None]]:
        """Bring back what was computed of a batch."""
        found: list[Compared | None] = [None] * len(batch)
        if there is not None:
            best, where = minima(self.library, there[0], grid.axes.shape, np.array(grid.axes.log_r))
            places = self.library.asarray(where)[:, None]
            scales = host(self.library.take_along_axis(there[1], places, 1))[:, 0]
            for k, chi, own, scale in zip(rows, host(there[0]), best, scales.tolist(), strict=True):
                found[k] = Compared(chi.reshape(grid.axes.shape), own, scale)
        return list(zip(batch, found, strict=True))

    def begun(self, stamps: Iterable[Stamp], grid: SearchGrid, gain: float) -> Iterator[tuple[Stamp, int | None]]:
        """Pair each stamp with the model of least chi-square (`dre.search`), None where there is none."""
        pairs = in_order(lambda stamp: (stamp, _cells(stamp, grid, gain)), stamps, self.threads)
        for batch in batches(pairs, self._count(grid.axes.count)):
            best = iter(self.best([cells for _, cells in batch if cells is not None], grid))
            yield from ((stamp, None if cells is None else next(best)) for stamp, cells in batch)

    def best(self, reached: list[tuple[NDArray, NDArray]], grid: SearchGrid) -> list[int | None]:
        """Models of least chi-square of objects, given as `SearchGrid.reached` returns them."""
        if not reached:
            return []
        models, squares = self._moved(grid, lambda: self._squared(grid))
        data, weight = np.zeros((2, len(reached), models.shape[1]))
        for k, (values, inverse) in enumerate(reached):
            data[k, : len(values)], weight[k, : len(values)] = values, inverse
        tops, gains = linear_batch(self.library, models, squares, data, weight, grid.area)
        return [int(top) if np.isfinite(gain) else None for top, gain in zip(tops, gains, strict=True)]

    def _squared(self, grid: SearchGrid) -> tuple[Any, Any]:
        models = self.library.asarray(grid.models)
        return models, models * models

    def _moved(self, grid: object, move: Callable[[], tuple[Any, ...]]) -> tuple[Any, ...]:
        with self._turn:
            if self._grid is not grid:
                self._grid, self._arrays = None, ()  # two grids never share the memory
                self._arrays, self._grid = move(), grid
            return self._arrays

    def _count(self, models: int) -> int:
        return max(min(self.room // models, BATCH), 1)


@cache
def open_device(name: str, threads: int = 1) -> Accelerator | None:
    """Return the accelerator meant by ``auto``, ``cpu`` or ``cuda``, the same each time; None: the CPU.

    Parameters
    ----------
    name : str
        ``auto``: a GPU where CuPy finds one.
    threads : int
        As for `Accelerator`.

    Raises
    ------
    ExternalFailed
        No CuPy or no GPU where one is asked for.
    ValueError
        Another name.
    """
    card = find_card(name, extra="dre[cuda]", instead="run with --device cpu")
    return None if card is None else Accelerator(card.library, card.free // 2 // _BYTES, threads)


def _cells(stamp: Stamp, grid: SearchGrid, gain: float) -> tuple[NDArray, NDArray] | None:
    try:
        return grid.reached(Pixels.of(stamp, gain)) if stamp.obj.shape[0] == grid.axes.box else None
    except ValueError:
        return None
