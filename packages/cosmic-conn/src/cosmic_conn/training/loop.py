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
from cosmic_conn.training.samples import Mixture, Sample, draw_batch, draw_sample

__all__ = ["Events", "Learner", "Recipe", "Stage", "train"]

_SHIPPED = Architecture(hidden=16, norm="batch", shared_norm=False)


@dataclass(frozen=True)
class Stage:
    """A part of a training.

    Attributes
    ----------
    start
        Step that it begins at; it ends where the next one begins.
    length
        Steps that its learning rate is laid out for.
    rate
        Largest learning rate; it rises over the first twentieth of `length` and falls to zero along a cosine.
    mixture
        What the samples are like that are drawn in it.
    """

    start: int = 0
    length: int = 3600
    rate: float = 2e-3
    mixture: Mixture = Mixture()  # noqa: RUF009 (frozen)

    def rate_at(self, step: int) -> float:
        """Return the learning rate of a step."""
        part = (step - self.start) / self.length
        return self.rate * min(part * 20, 1.0) * 0.5 * (1 + float(np.cos(np.pi * min(part, 1.0))))


_STAGES = (
    Stage(0, 5000, 2e-3, Mixture(dense=0.05, lines=0.0, around=1.0, rare=0.0)),
    Stage(5000, 1000, 4e-4, Mixture(dense=0.08, lines=5.0)),  # what is rarer, once the usual is known
)


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
    stages
        How, one after the other.
    batch, crop
        Crops in a batch, and their side [pixel].
    frame
        Side of the simulated frames [pixel].
    pool
        Frames that crops are drawn from; one is replaced every `renew` steps.
    renew
        See `pool`.
    knee
        Of the soft clip [noise].
    average
        How much of the running average of the weights stays at each step; the average is the result.
    """

    architecture: Architecture = field(default_factory=lambda: _SHIPPED)
    seed: int = 1
    steps: int = 6000
    stages: tuple[Stage, ...] = _STAGES
    batch: int = 8
    crop: int = 128
    frame: int = 256
    pool: int = 96
    renew: int = 3
    knee: float = 4.0
    average: float = 0.999

    def stage(self, step: int) -> Stage:
        """Return the stage that a step is in."""
        return max((stage for stage in self.stages if stage.start <= step), key=lambda stage: stage.start)

    def to_dict(self) -> dict[str, object]:
        """Return it as plain values."""
        return {**asdict(self), "stages": [asdict(stage) for stage in self.stages]}


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

    def sample(self, recipe: Recipe, mixture: Mixture, *number: int) -> Sample:
        """Return the sample of a number: the same each time."""
        random = np.random.default_rng([recipe.seed, *number])
        return draw_sample(recipe.frame, recipe.knee, random, self.stamps, self.backgrounds, mixture)


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
        self._optimiser = torch.optim.Adam(self.network.parameters(), lr=recipe.stages[0].rate)
        self.network.train()

    @property
    def averaged(self) -> UNet:
        """The network of averaged weights."""
        return cast(UNet, self._averaged.module)

    def learn(self, shown: Tensor, answer: Tensor, weight: Tensor) -> float:
        """Take one step and return the loss: the mean binary cross-entropy of the pixels that count."""
        for group in self._optimiser.param_groups:
            group["lr"] = self.recipe.stage(self.step).rate_at(self.step)
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
    pool = [_numbered(recipe, events, number) for number in _numbers(recipe, start)]
    for step in range(start, recipe.steps):
        if step and step % recipe.renew == 0:
            renewed = step // recipe.renew - 1
            pool[renewed % recipe.pool] = _numbered(recipe, events, recipe.pool + renewed)
        arrays = draw_batch(pool, recipe.batch, recipe.crop, np.random.default_rng([recipe.seed, 1, step]))
        yield tuple(torch.from_numpy(a).contiguous(memory_format=torch.channels_last) for a in arrays)


def _numbers(recipe: Recipe, step: int) -> list[int]:
    """Return the number of the sample that is in each place of the pool before a step."""
    renewed = max(step - 1, 0) // recipe.renew
    return [place + recipe.pool * -(-max(renewed - place, 0) // recipe.pool) for place in range(recipe.pool)]


def _numbered(recipe: Recipe, events: Events, number: int) -> Sample:
    """Return a sample by its number, of the mixture of the step that it is drawn at."""
    step = max(number - recipe.pool + 1, 0) * recipe.renew
    return events.sample(recipe, recipe.stage(step).mixture, 0, number)


def _average(recipe: Recipe) -> Callable[..., None]:
    averages: Callable[..., None] = torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.average)
    return averages
