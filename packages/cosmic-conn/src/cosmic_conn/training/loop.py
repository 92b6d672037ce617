"""The training of our own weights: a pool of simulated frames that is renewed all the time, crops from it, Adam.

Each sample and each batch is drawn from a generator of its own number, so that a training that was interrupted goes on
as if it had not been.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from cosmic_conn.network import Architecture, UNet
from cosmic_conn.training.checkpoint import module_state, optimiser_state, restore_module, restore_optimiser
from cosmic_conn.training.samples import Sample, draw_batch, draw_sample

__all__ = ["Events", "Learner", "Recipe", "train"]

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
    steps: int = 8000
    batch: int = 8
    crop: int = 128
    frame: int = 256
    pool: int = 96
    renew: int = 3
    rate: float = 2e-3
    knee: float = 4.0
    average: float = 0.999

    def to_dict(self) -> dict[str, object]:
        """Return it as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Events:
    """Real data to learn from beside the simulated.

    Attributes
    ----------
    stamps
        Charge of real cosmic rays [e-].
    backgrounds
        Real images without cosmic rays.
    """

    stamps: Sequence[npt.NDArray[np.float32]] = ()
    backgrounds: Sequence[npt.NDArray[np.float32]] = ()

    def sample(self, recipe: Recipe, *number: int) -> Sample:
        """Return the sample of a number: the same each time."""
        random = np.random.default_rng([recipe.seed, *number])
        return draw_sample(recipe.frame, recipe.knee, random, self.stamps, self.backgrounds)


class Learner:
    """A network that learns, the running average of its weights, and the optimiser.

    Parameters
    ----------
    recipe
        What to do.
    """

    def __init__(self, recipe: Recipe) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.step = 0
        self.network = UNet(recipe.architecture).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._averaged = torch.optim.swa_utils.AveragedModel(
            self.network, multi_avg_fn=_average(recipe), use_buffers=True
        )
        self._optimiser = torch.optim.Adam(self.network.parameters(), lr=recipe.rate)
        self.network.train()

    @property
    def averaged(self) -> UNet:
        """The network of averaged weights."""
        return cast(UNet, self._averaged.module)

    def learn(self, shown: Tensor, answer: Tensor, weight: Tensor) -> float:
        """Take one step and return the loss: the mean binary cross-entropy of the pixels that count."""
        for group in self._optimiser.param_groups:
            group["lr"] = self.recipe.rate * _rate(self.step / self.recipe.steps)
        logits = self.network(shown)
        loss = nn.functional.binary_cross_entropy_with_logits(logits, answer, weight, reduction="sum") / weight.sum()
        self._optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self._optimiser.step()
        self._averaged.update_parameters(self.network)
        self.step += 1
        return loss.item()

    def state(self) -> dict[str, Tensor]:
        """Return all tensors that decide how it goes on."""
        parts = module_state("network", self.network) | module_state("averaged", self._averaged)
        return parts | optimiser_state(self._optimiser)

    def restore(self, tensors: Mapping[str, Tensor], step: int) -> None:
        """Go back to a state."""
        restore_module("network", self.network, tensors)
        restore_module("averaged", self._averaged, tensors)
        restore_optimiser(self._optimiser, tensors)
        self.step = step


def train(
    recipe: Recipe,
    events: Events = Events(),
    report: Callable[[float, Learner], None] | None = None,
    learner: Learner | None = None,
) -> UNet:
    """Return a trained network.

    Parameters
    ----------
    recipe
        What to do.
    events
        Real data to learn from.
    report
        Called every 100 steps with the mean loss since the last call, and the learner.
    learner
        One to go on with, as `Learner.restore` left it.
    """
    learner = learner or Learner(recipe)
    losses: list[float] = []
    for batch in _batches(recipe, events, learner.step):
        losses.append(learner.learn(*batch))
        if report is not None and (learner.step % 100 == 0 or learner.step == recipe.steps):
            report(float(np.mean(losses)), learner)
            losses.clear()
    return learner.averaged.eval()


def _batches(recipe: Recipe, events: Events, start: int) -> Iterator[tuple[Tensor, ...]]:
    pool = [events.sample(recipe, 0, number) for number in _numbers(recipe, start)]
    for step in range(start, recipe.steps):
        if step and step % recipe.renew == 0:
            renewed = step // recipe.renew - 1
            pool[renewed % recipe.pool] = events.sample(recipe, 0, recipe.pool + renewed)
        arrays = draw_batch(pool, recipe.batch, recipe.crop, np.random.default_rng([recipe.seed, 1, step]))
        yield tuple(torch.from_numpy(a).contiguous(memory_format=torch.channels_last) for a in arrays)


def _numbers(recipe: Recipe, step: int) -> list[int]:
    """Return the number of the sample that is in each place of the pool before a step."""
    renewed = max(step - 1, 0) // recipe.renew
    return [place + recipe.pool * -(-max(renewed - place, 0) // recipe.pool) for place in range(recipe.pool)]


def _rate(part: float) -> float:
    return min(part * 20, 1.0) * 0.5 * (1 + float(np.cos(np.pi * min(part, 1.0))))


def _average(recipe: Recipe) -> Callable[..., None]:
    averages: Callable[..., None] = torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.average)
    return averages
