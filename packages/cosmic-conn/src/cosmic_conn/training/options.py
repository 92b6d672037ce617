"""All that a user may say of a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from cosmic_conn.network import Architecture
from cosmic_conn.training.losses import Loss

__all__ = ["Kind", "Options"]

Kind = Literal["lco", "hst", "nres"]

_KNEE = 4.0  # of the soft clip that the network is shown [noise]


@dataclass(frozen=True)
class Options:
    """How to train.

    Attributes
    ----------
    model
        Kind of the files whose names do not tell it.
    loss
        To make small.
    imbalance_alpha
        Epochs until the weights of ``median_bce`` are one.
    architecture
        Of the network.
    crop
        Side of the stamps [pixel].
    batch
        Stamps in a step.
    lr
        Learning rate.
    milestones
        Epochs behind which it is a tenth of what it was; 0 is none.
    epoch
        How many to train.
    eval_epoch
        Epochs with running batch statistics; behind them they stay as they are.
    min_exposure
        Shortest exposure that is used [s].
    max_train_size
        Files drawn for an epoch; 0 is all.
    valid_ratio, max_valid_size
        Share of the files held back to validate, or their number where it is above zero.
    validate_freq
        Epochs between validations.
    valid_crop
        Side of the middle of the frames that is validated [pixel].
    seed
        Of all random numbers.
    """

    model: Kind = "lco"
    loss: Loss = "median_bce"
    imbalance_alpha: float = 100.0
    architecture: Architecture = Architecture()  # noqa: RUF009 (frozen)
    crop: int = 1024
    batch: int = 4
    lr: float = 1e-3
    milestones: tuple[int, ...] = (0,)
    epoch: int = 3000
    eval_epoch: int = 10
    min_exposure: float = 0.0
    max_train_size: int = 0
    valid_ratio: float = 0.2
    max_valid_size: int = 0
    validate_freq: int = 1
    valid_crop: int = 2000
    seed: int = 0
    knee: float = _KNEE

    def __post_init__(self) -> None:
        multiple = self.architecture.multiple
        if self.crop % multiple or self.crop < 2 * multiple:
            raise ValueError(f"crop must be a multiple of {multiple} for this network, not {self.crop}")
        if not 0 <= self.valid_ratio < 1:
            raise ValueError(f"validRatio must be 0 or more and below 1, not {self.valid_ratio}")
        if not self.lr > 0:
            raise ValueError(f"lr must be above zero, not {self.lr}")

    def rate(self, epoch: int) -> float:
        """Return the learning rate of an epoch, from 1."""
        passed = sum(1 for milestone in self.milestones if 0 < milestone < epoch)
        return self.lr * 0.1**passed

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Options:
        """Return what `to_dict` gave."""
        architecture = Architecture(**values["architecture"])
        return cls(**{**values, "architecture": architecture, "milestones": tuple(values["milestones"])})

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {**asdict(self), "milestones": list(self.milestones)}
