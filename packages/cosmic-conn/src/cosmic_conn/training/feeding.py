"""Batches of crops, read and prepared by threads while the network learns, in memory that does not grow."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from shared_io.errors import CorruptInput, SharedIOError
from torch import Tensor

from cosmic_conn.training.datasets import Entry, read_exposures
from cosmic_conn.training.deck import files_of_epoch
from cosmic_conn.training.exposures import Crop, Exposures, draw_crop
from cosmic_conn.training.options import Options

__all__ = ["Batch", "Feeder", "Shelf"]

_log = logging.getLogger(__name__)

_MEMORY = 1 << 30  # of prepared frames that are kept [byte]
_AHEAD = 2  # batches that are prepared before they are needed
_READERS = 2


@dataclass(frozen=True)
class Batch:
    """Crops to learn from, each of shape (n, 1, side, side)."""

    pixels: Tensor
    reference: Tensor
    truth: Tensor
    keep: Tensor

    @classmethod
    def of(cls, crops: Sequence[Crop]) -> Batch:
        """Put crops together."""
        names = ("pixels", "reference", "truth", "keep")
        stacks = (np.stack([getattr(crop, name) for crop in crops])[:, None] for name in names)
        return cls(*(torch.from_numpy(stack.astype(np.float32)) for stack in stacks))

    def split(self) -> list[Batch]:
        """Return the images one by one."""
        return [Batch(*parts) for parts in zip(*(t.split(1) for t in self._tensors), strict=True)]

    def to(self, device: torch.device) -> Batch:
        """Return it on a device."""
        return Batch(*(tensor.to(device, non_blocking=True) for tensor in self._tensors))

    @property
    def _tensors(self) -> tuple[Tensor, ...]:
        return self.pixels, self.reference, self.truth, self.keep


class Shelf:
    """Prepared files, the last used of them kept.

    Parameters
    ----------
    memory
        That they may take [byte].

    Attributes
    ----------
    failed : dict of str to str
        Files that could not be read, and why.
    """

    def __init__(self, memory: int = _MEMORY) -> None:
        self.failed: dict[str, str] = {}
        self._memory = memory
        self._kept: OrderedDict[str, Exposures] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, entry: Entry) -> Exposures | None:
        """Return a file's frames, or None if it cannot be read."""
        name = str(entry.path)
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
                return self._kept[name]
        if name in self.failed:
            return None
        try:
            found = read_exposures(entry)
        except SharedIOError as error:
            _log.warning("left out: %s", error)
            self.failed[name] = str(error)
            return None
        with self._lock:
            self._kept[name] = found
            while sum(e.bytes for e in self._kept.values()) > self._memory and len(self._kept) > 1:
                self._kept.popitem(last=False)
        return found


class Feeder:
    """The batches of any epoch; the same each time.

    Parameters
    ----------
    entries
        Files to learn from.
    options
        Crop, batch and seed.
    shelf
        Where prepared files are kept.
    """

    def __init__(self, entries: Sequence[Entry], options: Options, shelf: Shelf) -> None:
        self._entries, self._options, self._shelf = entries, options, shelf

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Yield the batches of an epoch, from 1; the last one may be smaller."""
        o = self._options
        order = files_of_epoch(len(self._entries), o.max_train_size, epoch, o.seed)
        waiting: deque[Future[Crop]] = deque()
        with ThreadPoolExecutor(_READERS) as pool:
            for place, index in enumerate(order):
                waiting.append(pool.submit(self._crop, index, epoch, place))
                if len(waiting) > _AHEAD * o.batch:
                    yield Batch.of([waiting.popleft().result() for _ in range(o.batch)])
            while waiting:
                yield Batch.of([waiting.popleft().result() for _ in range(min(o.batch, len(waiting)))])

    def _crop(self, index: int, epoch: int, place: int) -> Crop:
        """Return a crop of a file, or of the next one that can be read."""
        random = np.random.default_rng([self._options.seed, 5, epoch, place])
        for step in range(len(self._entries)):
            exposures = self._shelf.get(self._entries[(index + step) % len(self._entries)])
            if exposures is not None:
                return draw_crop(exposures, self._options.crop, random)
        raise CorruptInput("none of the files to learn from can be read", path=self._entries[0].path.parent)
