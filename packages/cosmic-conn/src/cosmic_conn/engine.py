"""Running a network: tiles in, probabilities out, on the device and in the arithmetic that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from shared_io.errors import ExternalFailed

from cosmic_conn.machine import cores
from cosmic_conn.models.card import Card
from cosmic_conn.network import UNet, folded

__all__ = ["Engine", "alone", "cores", "device_of", "has_fast_bf16", "one_thread"]

if TYPE_CHECKING:
    from cosmic_conn.cores import Cores

Tiles = npt.NDArray[np.float32]
Run = Callable[[Tiles], Tiles]

_BATCH_PIXELS = 1 << 22  # of the tiles that a GPU is given at once


def device_of(name: str) -> torch.device:
    """Return the device meant by ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises
    ------
    ExternalFailed
        When a GPU is asked for that is not there.
    ValueError, RuntimeError
        When it is another kind of device, or no device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ExternalFailed("no GPU that torch can use", hint="run with --device cpu")
    device = torch.device(name)
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"device must be auto, cpu or cuda, not {name!r}")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ExternalFailed(f"there is no GPU {device.index}", hint=f"there are {torch.cuda.device_count()}")
    return device


def has_fast_bf16(device: torch.device) -> bool:
    """Tell whether bfloat16 is faster than float32 there: on GPUs since Ampere, on CPUs with matrix tiles (AMX).

    CPUs that have bfloat16 in their vector instructions only (AVX512-BF16) are no faster at it.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.cpu._is_amx_tile_supported())


@dataclass(frozen=True)
class Engine:
    """A network made ready to run.

    Attributes
    ----------
    network : UNet
        As loaded.
    card : Card
        Its preprocessing and threshold.
    device : torch.device
        Where it runs.
    precision : str
        ``fp32`` or ``bf16``.
    exact : bool
        Sum in the order of the plain layout, in which the published numbers were made; slower.
    threads : int
        How many tiles are worked on at a time on a CPU. Each is one thread's, so that the answers are the same for
        any number of them.
    """

    network: UNet
    card: Card
    device: torch.device
    precision: str = "fp32"
    exact: bool = False
    threads: int = 1

    @property
    def depends_on_tile(self) -> bool:
        """Whether a pixel's answer depends on the whole tile."""
        return self.network.architecture.depends_on_tile

    @property
    def together(self) -> int:
        """How many tiles it is worth giving at a time."""
        return 32 if self.device.type == "cuda" else 4 * self.threads

    @property
    def _layout(self) -> torch.memory_format:
        return torch.contiguous_format if self.exact else torch.channels_last

    def probabilities(self, tiles: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the probability of a cosmic ray in each pixel.

        Parameters
        ----------
        tiles : ndarray of float32, shape (n, height, width)
            Normalised pixels; the sides are multiples of what the architecture says.

        Returns
        -------
        ndarray of float32, same shape
        """
        if self.device.type == "cuda":
            return self._plain(tiles) if self.exact else self._batches(tiles)
        if self._fast:
            return self._fast.probabilities(tiles)
        run = self._plain  # made before the threads share it
        with one_thread(), ThreadPoolExecutor(self.threads, initializer=alone) as pool:
            return np.concatenate(list(pool.map(run, tiles[:, None])))

    @cached_property
    def _batches(self) -> Run:
        """The tiles on a GPU."""
        from cosmic_conn.batches import Batches

        network = folded(self.network).to(self.device, memory_format=self._layout)  # type: ignore[call-overload]
        return Batches(network, half=self.precision == "bf16", most=_BATCH_PIXELS)

    @cached_property
    def _fast(self) -> Cores | None:
        """The fast pass, where there is one for this network and arithmetic."""
        if self.exact or self.precision != "fp32":
            return None
        from cosmic_conn.cores import Cores
        from cosmic_conn.forward import Forward

        if not Forward.suits(self.network.architecture):
            return None
        tensors = {name: values.cpu().numpy() for name, values in self.network.state_dict().items()}
        return Cores(Forward(self.network.architecture, tensors), self.card, self.threads)

    @cached_property
    def _plain(self) -> Run:
        """The pass of torch."""
        kind = torch.bfloat16 if self.precision == "bf16" else torch.float32
        network = folded(self.network).to(self.device, kind, memory_format=self._layout)  # type: ignore[call-overload]

        @torch.inference_mode()
        def run(tiles: Tiles) -> Tiles:
            batch = torch.from_numpy(np.ascontiguousarray(tiles))[:, None].to(self.device, kind)
            logits = network(batch.contiguous(memory_format=self._layout))
            return np.asarray(torch.sigmoid(logits.float())[:, 0].cpu().numpy())

        return run


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch from using more than this thread; what was set before comes back."""
    before = torch.get_num_threads()
    alone()
    try:
        yield
    finally:
        torch.set_num_threads(before)


def alone() -> None:
    """Keep torch from using more than the calling thread."""
    torch.set_num_threads(1)
