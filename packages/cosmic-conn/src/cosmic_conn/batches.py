"""Running a network on a GPU: tiles in batches of one size, replayed as a graph of its kernels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

__all__ = ["Batches", "in_batches"]

Tiles = npt.NDArray[np.float32]

_WARM = 3  # runs before a graph is captured, as torch asks for


def in_batches(run: Callable[[Tiles], Tiles], tiles: Tiles, size: int) -> Tiles:
    """Return what a function that takes so many tiles, no more and no less, gives for any number of them.

    Parameters
    ----------
    run
        From tiles of shape (size, height, width) to as many answers.
    tiles : ndarray, shape (n, height, width)
        At least one.
    size
        Of a batch; the last one is filled up with zeros, whose answers are left out.
    """
    found = np.empty_like(tiles)
    for start in range(0, len(tiles), size):
        part = tiles[start : start + size]
        if len(part) < size:
            part = np.concatenate([part, np.zeros((size - len(part), *part.shape[1:]), dtype=part.dtype)])
        found[start : start + size] = run(part)[: len(tiles) - start]
    return found


class Batches:
    """A network on a GPU that is given tiles of one shape after the other.

    Parameters
    ----------
    network
        On the GPU, in float32, in evaluation mode.
    half
        Whether to multiply in bfloat16 (torch's mixed arithmetic: normalisations stay in float32).
    most
        Largest number of pixels in a batch.
    """

    def __init__(self, network: nn.Module, *, half: bool, most: int) -> None:
        self._network, self._half, self._most = network, half, most
        self._device = next(network.parameters()).device
        self._shape: tuple[int, ...] = ()

    def __call__(self, tiles: Tiles) -> Tiles:
        """Return the probabilities of tiles of shape (n, height, width)."""
        if tiles.shape[1:] != self._shape[1:] or len(tiles) > self._shape[0]:
            size = min(len(tiles), max(1, self._most // tiles[0].size))
            if (size, *tiles.shape[1:]) != self._shape:
                self._shape = (size, *tiles.shape[1:])
                self._capture()
        return in_batches(self._replay, tiles, self._shape[0])

    def _capture(self) -> None:
        """Record the kernels of one batch; see "CUDA Graphs" in torch's notes on CUDA."""
        with torch.cuda.device(self._device), torch.inference_mode():
            self._input = torch.zeros((self._shape[0], 1, *self._shape[1:]), device=self._device)
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(_WARM):
                    self._answer()
            torch.cuda.current_stream().wait_stream(side)
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):
                self._output = self._answer()

    def _answer(self) -> torch.Tensor:
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._half, cache_enabled=False):
            logits = self._network(self._input)
        return torch.sigmoid(logits.float())[:, 0]

    def _replay(self, tiles: Tiles) -> Tiles:
        with torch.inference_mode():
            self._input.copy_(torch.from_numpy(tiles)[:, None])
            self._graph.replay()
            return np.asarray(self._output.cpu().numpy())
