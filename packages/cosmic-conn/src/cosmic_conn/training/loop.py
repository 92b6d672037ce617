"""The training loop: a pool of simulated frames that is renewed all the time, batches of crops from it, Adam."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from cosmic_conn.network import Architecture, UNet
from cosmic_conn.training.samples import Sample, draw_batch, draw_sample

__all__ = ["Recipe", "train"]

_log = logging.getLogger(__name__)

_SHIPPED = Architecture(hidden=16, norm="batch", shared_norm=False)


@dataclass(frozen=True)
class Recipe:
    """All that decides what weights come out.

    Attributes
    ----------
    architecture
        Of the network.
    seed
        Of all random numbers.
    steps
        Batches to learn from.
    batch, crop
        Crops in a batch, and their side [pixel].
    frame
        Side of the simulated frames [pixel].
    pool
        Frames that crops are drawn from; one is replaced every `renew` steps.
    renew
        See `pool`.
    rate
        Largest learning rate; it rises over the first twentieth and falls to zero along a cosine.
    knee
        Of the soft clip [noise].
    average
        How much of the running average of the weights stays at each step; the average is the result.
    """

    architecture: Architecture = field(default_factory=lambda: _SHIPPED)
    seed: int = 1
    steps: int = 3600
    batch: int = 8
    crop: int = 128
    frame: int = 256
    pool: int = 64
    renew: int = 3
    rate: float = 2e-3
    knee: float = 4.0
    average: float = 0.998

    def to_dict(self) -> dict[str, object]:
        """Return it as plain values."""
        return asdict(self)


def train(
    recipe: Recipe,
    stamps: Sequence[npt.NDArray[np.float32]] = (),
    report: Callable[[int, float, UNet], None] | None = None,
) -> UNet:
    """Return a trained network.

    Parameters
    ----------
    recipe
        What to do.
    stamps
        Charge of real cosmic rays to inject beside the simulated ones [e-].
    report
        Called every 100 steps with the step, the mean loss since the last call, and the averaged network so far.
    """
    torch.manual_seed(recipe.seed)
    random = np.random.default_rng(recipe.seed)
    network = UNet(recipe.architecture).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    averaged = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=_average(recipe), use_buffers=True)
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step / recipe.steps))
    losses: list[float] = []
    network.train()
    for step, batch in enumerate(_batches(recipe, stamps, random), 1):
        loss = _loss(network, *batch)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        averaged.update_parameters(network)
        losses.append(loss.item())
        if report is not None and (step % 100 == 0 or step == recipe.steps):
            report(step, float(np.mean(losses)), cast(UNet, averaged.module))
            losses.clear()
    return cast(UNet, averaged.module).eval()


def _batches(
    recipe: Recipe, stamps: Sequence[npt.NDArray[np.float32]], random: np.random.Generator
) -> Iterator[tuple[Tensor, ...]]:
    pool: list[Sample] = [draw_sample(recipe.frame, recipe.knee, random, stamps) for _ in range(recipe.pool)]
    for step in range(recipe.steps):
        if step % recipe.renew == 0:
            pool[step // recipe.renew % recipe.pool] = draw_sample(recipe.frame, recipe.knee, random, stamps)
        arrays = draw_batch(pool, recipe.batch, recipe.crop, random)
        yield tuple(torch.from_numpy(a).contiguous(memory_format=torch.channels_last) for a in arrays)


def _loss(network: UNet, shown: Tensor, answer: Tensor, weight: Tensor) -> Tensor:
    """Mean binary cross-entropy of the pixels that count."""
    logits = network(shown)
    return nn.functional.binary_cross_entropy_with_logits(logits, answer, weight, reduction="sum") / weight.sum()


def _rate(part: float) -> float:
    return min(part * 20, 1.0) * 0.5 * (1 + float(np.cos(np.pi * min(part, 1.0))))


def _average(recipe: Recipe) -> Callable[..., None]:
    averages: Callable[..., None] = torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.average)
    return averages
