"""Running a network: tiles in, probabilities out, on the device and in the arithmetic that are asked for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from shared_io.errors import ExternalFailed

from cosmic_conn.models.card import Card
from cosmic_conn.network import UNet, folded

__all__ = ["Engine", "device_of", "has_fast_bf16", "use_threads"]

_BATCH_PIXELS = {"cpu": 1 << 17, "cuda": 1 << 24}


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
    if device.type not in _BATCH_PIXELS:
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
    """

    network: UNet
    card: Card
    device: torch.device
    precision: str = "fp32"
    exact: bool = False

    @property
    def depends_on_tile(self) -> bool:
        """Whether a pixel's answer depends on the whole tile: group and instance normalisation look at all of it."""
        return self.network.architecture.norm in ("group", "instance")

    @property
    def _layout(self) -> torch.memory_format:
        return torch.contiguous_format if self.exact else torch.channels_last

    @cached_property
    def _ready(self) -> UNet:
        kind = torch.bfloat16 if self.precision == "bf16" else torch.float32
        return folded(self.network).to(self.device, kind, memory_format=self._layout)  # type: ignore[call-overload, no-any-return]

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
        most = max(1, _BATCH_PIXELS[self.device.type] // tiles[0].size)
        parts = [self._run(tiles[i : i + most]) for i in range(0, len(tiles), most)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    @torch.inference_mode()
    def _run(self, tiles: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        kind = next(self._ready.parameters()).dtype
        batch = torch.from_numpy(np.ascontiguousarray(tiles))[:, None].to(self.device, kind)
        logits = self._ready(batch.contiguous(memory_format=self._layout))
        return np.asarray(torch.sigmoid(logits.float())[:, 0].cpu().numpy())


def use_threads(count: int | None) -> None:
    """Let torch use so many threads; None means the cores that this process may use."""
    torch.set_num_threads(count or len(os.sched_getaffinity(0)))
