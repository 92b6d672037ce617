"""Scores of cut-outs, by ONNX Runtime: no training framework is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from shared_io.errors import CorruptInput, SchemaMismatch

from otrain.kernels import calibration, pixels
from otrain.model import Decision, Model

if TYPE_CHECKING:
    from collections.abc import Callable

    from otrain.network import Network

__all__ = ["Classifier", "Prediction"]

Array = npt.NDArray[Any]

_BATCH = 64  # what passes through a network stays in the cache


@dataclass(frozen=True)
class Prediction:
    """What a model says about cut-outs.

    Attributes
    ----------
    probability : ndarray of float64, shape (n,)
        That an object is real, calibrated, for the mixture of classes that was asked for.
    uncertainty : ndarray of float64, shape (n,)
        From 0, where all members are certain and agree, to 1, where they know nothing or contradict each other: four
        times the variance ``q (1 - q)`` of the outcome, with q the mean of the members' probabilities. It is the sum
        of what each member leaves open and of what they disagree about (law of total variance).
    real : ndarray of bool, shape (n,)
        Whether the probability is above the threshold.
    logits : ndarray of float32, shape (n, members)
        Before calibration, averaged over the views.
    """

    probability: Array
    uncertainty: Array
    real: Array
    logits: Array

    def __len__(self) -> int:
        return len(self.probability)


class Classifier:
    """A model, ready to score.

    Parameters
    ----------
    model : Model
    decision : Decision, optional
        Threshold and mixture of classes; by default those of the model.
    threads : int
        Of ONNX Runtime.
    """

    def __init__(self, model: Model, decision: Decision | None = None, *, threads: int = 1) -> None:
        self.model, self.card = model, model.card
        self._shift = model.shift(decision or Decision())
        self.threshold = model.threshold(decision or Decision())
        self._threads = threads

    @cached_property
    def _run(self) -> Callable[[Array], Array]:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self._threads, 1
        options.log_severity_level = 4
        try:
            session = ort.InferenceSession(self.model.onnx, options, providers=["CPUExecutionProvider"])
            name, output = session.get_inputs()[0].name, session.get_outputs()[0].name
        except Exception as error:  # its errors are of many classes
            raise CorruptInput(f"ONNX Runtime cannot load the network: {str(error).splitlines()[0]}") from error
        return lambda x: session.run([output], {name: x})[0]

    def logits(self, cube: Array) -> Array:
        """Return the logits of all members, averaged over the model's views.

        Parameters
        ----------
        cube : ndarray, shape (n, ny, nx, planes)

        Returns
        -------
        ndarray of float32, shape (n, members)

        Raises
        ------
        SchemaMismatch
            If the cut-outs do not fit the model.
        """
        out = np.empty((len(cube), self.card.members), np.float32)
        for start in range(0, len(cube), _BATCH):
            x = self.card.preprocessing(cube[start : start + _BATCH])
            self._fits(x)
            out[start : start + len(x)] = self.forward(x)
        return out

    def forward(self, x: Array) -> Array:
        """Return the logits of prepared inputs, shape (n, members)."""
        views = pixels.views_of(x.shape, self.card.views)
        found = [self._run(np.ascontiguousarray(pixels.view(x, k))) for k in views]
        return found[0] if len(found) == 1 else np.asarray(np.mean(found, axis=0, dtype=np.float32))

    def _fits(self, x: Array) -> None:
        if x.shape[1:] != self.card.shape:
            (ny, nx, _), (my, mx, _) = x.shape[1:], self.card.shape
            raise SchemaMismatch(
                f"cut-outs of {nx} x {ny} pixels, but the model takes {mx} x {my}",
                hint="use cut-outs of that size, or a model that crops",
            )

    def predict(self, cube: Array) -> Prediction:
        """Score cut-outs.

        Parameters
        ----------
        cube : ndarray, shape (n, ny, nx, planes)
            Raw pixels, any unit; NaN where there are none.
        """
        return self.judge(self.logits(cube))

    def judge(self, logits: Array) -> Prediction:
        """Return what follows from logits, shape (n, members)."""
        each = logits.astype(np.float64) * self.card.slope + (self.card.offset + self._shift)
        probability = calibration.sigmoid(each.mean(axis=1))
        mixed = calibration.sigmoid(each).mean(axis=1)
        return Prediction(probability, 4 * mixed * (1 - mixed), probability > self.threshold, logits)

    @cached_property
    def networks(self) -> tuple[Network, ...]:
        """The networks as data, for gradients.

        Raises
        ------
        SchemaMismatch
            If the model came as a graph whose layers are not known.
        """
        from otrain import graph
        from otrain.network import Layer

        if not self.card.layers:
            raise SchemaMismatch(
                "this model came as a graph: its layers are not known, and there are no gradients",
                hint="use the occlusion test",
            )
        layers = tuple(Layer.from_json(layer) for layer in self.card.layers)
        return graph.networks(self.model.onnx, layers, self.card.shape, self.card.members)
