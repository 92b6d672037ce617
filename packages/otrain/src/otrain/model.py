"""A model: networks, what they want to be fed, what their numbers mean, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from shared_io.errors import SchemaMismatch

from otrain.kernels import calibration, scores
from otrain.preprocessing import Preprocessing

__all__ = ["Card", "Decision", "Model"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Card:
    """All that is bound to the weights of a model.

    Attributes
    ----------
    name : str
    network : str
        ``small``, ``otrain``, or where the model comes from.
    shape : tuple of int
        Of a network's input: (ny, nx, channels).
    members : int
        Networks whose logits are averaged.
    layers : list of dict
        Of each network; empty for a graph that came from elsewhere, which has no Grad-CAM.
    preprocessing : Preprocessing
    views : int
        Rotations and flips over which logits are averaged, 1 to 8.
    slope, offset : float
        Calibrated logit = slope * logit + offset.
    prior : float
        Odds of real to bogus objects among those that the calibration stands on; NaN if unknown.
    threshold : float
        On the calibrated probability.
    training : dict
        Data (sha256, numbers), split, settings, seed, versions, scores.
    licence, source : str
        Of the weights.
    """

    name: str
    network: str
    shape: tuple[int, int, int]
    members: int
    layers: list[dict[str, Any]]
    preprocessing: Preprocessing
    views: int = 1
    slope: float = 1.0
    offset: float = 0.0
    prior: float = float("nan")
    threshold: float = 0.5
    training: dict[str, Any] = field(default_factory=dict)
    licence: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        numbers = (self.slope, self.offset, self.threshold)
        if not np.isfinite(numbers).all() or not 1 <= self.views <= 8 or self.members < 1 or min(self.shape) < 1:
            raise ValueError("the card holds values that make no sense")

    def described(self) -> dict[str, Any]:
        """The card as plain JSON values."""
        out = {name: getattr(self, name) for name in self.__dataclass_fields__}
        prior = None if np.isnan(self.prior) else self.prior
        return {**out, "shape": list(self.shape), "preprocessing": self.preprocessing.described(), "prior": prior}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Card:
        """Return the card that `described` described.

        Raises
        ------
        ValueError
            If the content is no card.
        """
        try:
            known = {name: content[name] for name in cls.__dataclass_fields__}
            known["preprocessing"] = Preprocessing.from_json(content["preprocessing"])
            known["shape"] = tuple(int(n) for n in content["shape"])
            known["prior"] = float("nan") if content["prior"] is None else float(content["prior"])
            for name in ("slope", "offset", "threshold"):
                known[name] = float(content[name])
            return cls(**known)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no card of a model: {error}") from error


@dataclass(frozen=True)
class Decision:
    """Which objects are called real, and for what mixture of classes the probabilities hold.

    Attributes
    ----------
    threshold : float, optional
        On the probability that is given out; by default that of the model.
    target_fpr, target_fnr : float, optional
        Rates at which the threshold is put instead, judged by the calibration objects.
    prob_ratio : float, optional
        Odds of real to bogus objects in the field; by default as in the calibration set.
    """

    threshold: float | None = None
    target_fpr: float | None = None
    target_fnr: float | None = None
    prob_ratio: float | None = None

    def __post_init__(self) -> None:
        given = [value for value in (self.threshold, self.target_fpr, self.target_fnr) if value is not None]
        if len(given) > 1:
            raise SchemaMismatch("give one of a threshold, a false positive rate and a false negative rate")
        if any(not 0 <= value <= 1 for value in given):
            raise SchemaMismatch("a threshold or a rate lies between 0 and 1")
        if self.prob_ratio is not None and not 0 < self.prob_ratio < float("inf"):
            raise SchemaMismatch("the ratio of real to bogus objects is a positive number")


@dataclass(frozen=True)
class Model:
    """Weights with their card.

    Attributes
    ----------
    card : Card
    onnx : bytes
        The networks as one ONNX graph: inputs (n, ny, nx, channels) -> logits (n, members).
    z, truth : ndarray
        Logits and classes of the objects that calibration and threshold stand on; empty if there were none.
    """

    card: Card
    onnx: bytes = field(repr=False)
    z: Array = field(repr=False, default_factory=lambda: np.zeros(0))
    truth: Array = field(repr=False, default_factory=lambda: np.zeros(0, bool))

    def shift(self, decision: Decision) -> float:
        """Return what is added to a calibrated logit for the asked mixture of classes.

        Raises
        ------
        SchemaMismatch
            If the mixture of the calibration set is not known.
        """
        if decision.prob_ratio is None:
            return 0.0
        if np.isnan(self.card.prior):
            raise SchemaMismatch(
                "the model does not say how many real and bogus objects its probabilities stand on",
                hint="leave out --prob-ratio",
            )
        return float(calibration.prior_shift(np.zeros(()), self.card.prior, decision.prob_ratio))

    def threshold(self, decision: Decision) -> float:
        """Return the threshold on the probability that is given out.

        Raises
        ------
        SchemaMismatch
            If a rate is asked for and the model has no calibration objects.
        """
        shift = self.shift(decision)
        if decision.threshold is not None:
            return decision.threshold
        at = float(calibration.logit(np.asarray(self.card.threshold)))
        if decision.target_fpr is not None or decision.target_fnr is not None:
            try:
                raw = scores.threshold_for(self.truth, self.z, fpr=decision.target_fpr, fnr=decision.target_fnr)
            except ValueError as error:
                raise SchemaMismatch(
                    "the model holds no objects on which a rate could be judged", hint="give --threshold"
                ) from error
            at = self.card.slope * raw + self.card.offset
        return float(calibration.sigmoid(np.asarray(at + shift)))

    def with_threshold(self, decision: Decision) -> Model:
        """Return the model with another stored threshold."""
        return replace(self, card=replace(self.card, threshold=self.threshold(replace(decision, prob_ratio=None))))
