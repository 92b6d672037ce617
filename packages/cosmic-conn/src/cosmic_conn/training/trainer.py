"""A network that learns from batches: gradients image by image, in as many threads as there are, summed in order.

Where no statistics of a whole batch are needed, each image's gradient is one thread's work: what it needs stays in the
cache, and the sum is the same for any number of threads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from shared_io.errors import CorruptInput
from torch import Tensor

from cosmic_conn.engine import alone, one_thread
from cosmic_conn.network import UNet
from cosmic_conn.training.checkpoint import module_state, optimiser_state, restore_module, restore_optimiser
from cosmic_conn.training.feeding import Batch
from cosmic_conn.training.forward import logits
from cosmic_conn.training.losses import dice, lower_bound, median_weights, terms
from cosmic_conn.training.options import Options

__all__ = ["Trainer"]

Gradients = tuple[float, list[Tensor]]


class Trainer:
    """Network and optimiser.

    Parameters
    ----------
    options
        How to train.
    device
        Where.
    bf16
        Whether to compute in bfloat16 where torch holds that to be safe (mixed precision); for GPUs.
    threads
        Of the CPU.
    network
        To begin with; a new one by default.
    seed
        Of the new one's weights; the options' by default.
    """

    def __init__(
        self,
        options: Options,
        device: torch.device,
        *,
        bf16: bool = False,
        threads: int = 1,
        network: UNet | None = None,
        seed: int | None = None,
    ) -> None:
        torch.manual_seed(options.seed if seed is None else seed)
        self.options, self.device, self._bf16, self._threads = options, device, bf16, threads
        fresh = network or UNet(options.architecture)
        self.network: UNet = fresh.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._optimiser = torch.optim.Adam(self.network.parameters(), lr=options.lr)

    def run(self, epoch: int, batches: Iterable[Batch]) -> float:
        """Learn from the batches of an epoch (from 1) and return their mean loss."""
        o = self.options
        for group in self._optimiser.param_groups:
            group["lr"] = o.rate(epoch)
        self.network.train(o.architecture.norm != "batch" or epoch <= o.eval_epoch)
        alpha = lower_bound(epoch, o.imbalance_alpha)
        losses = []
        with one_thread(), ThreadPoolExecutor(self._threads, initializer=alone) as pool:
            for batch in batches:
                losses.append(self._step(batch, alpha, pool))
        return sum(losses) / max(len(losses), 1)

    def _step(self, batch: Batch, alpha: float, pool: ThreadPoolExecutor) -> float:
        total = batch.keep.sum().clamp(min=1).to(self.device)
        parts = [batch] if self._needs_whole_batch else batch.split()
        found = list(pool.map(lambda part: self._gradients(part, alpha, total), parts))
        loss = sum(value for value, _ in found)
        if not loss < float("inf"):
            raise CorruptInput("the loss is no number any more", hint="try a smaller --lr")
        for parameter, *gradients in zip(self.network.parameters(), *(g for _, g in found), strict=True):
            parameter.grad = gradients[0]
            for more in gradients[1:]:
                parameter.grad += more
        self._optimiser.step()
        return loss

    @property
    def _needs_whole_batch(self) -> bool:
        statistics = self.network.training and self.options.architecture.norm == "batch"
        return statistics or self.options.loss == "dice" or self.device.type != "cpu"

    def _gradients(self, batch: Batch, alpha: float, total: Tensor) -> Gradients:
        """Return the share of some images in the loss of a batch, and its gradients."""
        with torch.enable_grad():
            loss = self._loss(batch.to(self.device), alpha, total)
            gradients = torch.autograd.grad(loss, list(self.network.parameters()))
        return loss.item(), list(gradients)

    def _loss(self, batch: Batch, alpha: float, total: Tensor) -> Tensor:
        kind, knee = self.options.loss, self.options.knee
        shown = (torch.asinh(batch.pixels / knee) * knee).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._bf16):
            found = logits(self.network, shown)
        probability = torch.sigmoid(found.float())
        if kind == "dice":
            return dice(probability, batch.truth, batch.keep)
        weight = median_weights(batch.reference, alpha) if kind == "median_bce" else None
        return (terms(kind, probability, batch.truth, weight) * batch.keep).sum() / total

    def state(self) -> dict[str, Tensor]:
        """Return all tensors that decide how it goes on."""
        return module_state("network", self.network) | optimiser_state(self._optimiser)

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go back to a state."""
        restore_module("network", self.network, tensors)
        restore_optimiser(self._optimiser, tensors)

    def copy(self) -> UNet:
        """Return the network as it is now, in evaluation mode, on the CPU."""
        found = UNet(self.options.architecture)
        values: dict[str, Any] = {
            name: value.detach().cpu().clone() for name, value in self.network.state_dict().items()
        }
        found.load_state_dict(values)
        return found.eval()
