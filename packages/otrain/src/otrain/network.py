"""Networks as data: a chain of layers and their weights, without any framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from otrain.kernels import layers as kernels

__all__ = ["ARCHITECTURES", "Layer", "Network", "architecture"]

Array = npt.NDArray[Any]
Weights = Mapping[str, tuple[Array, Array]]

KINDS = ("conv", "dense", "maxpool", "avgpool", "flatten", "mean", "max", "affine", "relu", "sigmoid", "tanh",
         "dropout")  # fmt: skip
"""``mean`` and ``max`` pool over the whole picture; ``affine`` scales and shifts each channel."""


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    name : str
        Unique in its network.
    size : int
        Filters of a ``conv``, units of a ``dense``.
    kernel : tuple of int
        Pixels of a ``conv`` or pooling window, (y, x).
    stride : int
        Pixels between windows.
    padding : str
        ``same`` or ``valid``.
    activation : str
        ``linear``, ``relu``, ``sigmoid`` or ``tanh``.
    rate : float
        Of a ``dropout``.
    normed : bool
        Whether training normalises a ``conv`` or ``dense`` over the batch before the activation; afterwards that is
        part of its weights.
    """

    kind: str
    name: str
    size: int = 0
    kernel: tuple[int, int] = (0, 0)
    stride: int = 1
    padding: str = "same"
    activation: str = "linear"
    rate: float = 0.0
    normed: bool = False

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Layer:
        """Return the layer that `dataclasses.asdict` described.

        Raises
        ------
        ValueError
            If it describes none.
        """
        try:
            kernel = (int(content["kernel"][0]), int(content["kernel"][1]))
            layer = cls(**{**content, "kernel": kernel})
        except (TypeError, KeyError, IndexError, ValueError) as error:
            raise ValueError(f"no description of a layer: {error}") from error
        if layer.kind not in KINDS or not isinstance(layer.name, str):
            raise ValueError(f"no layer is called {layer.kind!r}")
        return layer


def otrain_cnn(dropout: float = 0.3) -> tuple[Layer, ...]:
    """Return the network of O'TRAIN (Makhlouf et al. 2022, A&A 664, A81): 2,621,826 parameters at 32 x 32 x 1."""

    def conv(number: int, filters: int) -> Layer:
        name = "conv2d" if number == 0 else f"conv2d_{number}"
        return Layer("conv", name, filters, (3, 3), activation="relu")

    return (
        conv(0, 16), conv(1, 32), Layer("avgpool", "pool", kernel=(2, 2), stride=2),
        Layer("dropout", "dropout", rate=dropout),
        conv(2, 64), Layer("maxpool", "pool_1", kernel=(2, 2), stride=2), Layer("dropout", "dropout_1", rate=dropout),
        conv(3, 128), conv(4, 256), Layer("maxpool", "pool_2", kernel=(2, 2), stride=2), Layer("flatten", "flatten"),
        Layer("dense", "dense", 512, activation="relu"), Layer("dropout", "dropout_2", rate=dropout),
        Layer("dense", "dense_1", 256, activation="relu"), Layer("dense", "dense_2", 2),
    )  # fmt: skip


def small_cnn(dropout: float = 0.3) -> tuple[Layer, ...]:
    """Return the small default: a stem of stride 2, two normed convolutions, one hidden layer that sees positions."""

    def conv(name: str, filters: int, kernel: int, stride: int) -> Layer:
        return Layer("conv", name, filters, (kernel, kernel), stride, activation="relu", normed=True)

    return (
        conv("stem", 16, 5, 2), conv("conv_1", 24, 3, 1), Layer("maxpool", "pool_1", kernel=(2, 2), stride=2),
        Layer("dropout", "dropout_1", rate=dropout / 3),
        conv("conv_2", 32, 3, 1), Layer("maxpool", "pool_2", kernel=(2, 2), stride=2), Layer("flatten", "flatten"),
        Layer("dropout", "dropout_2", rate=min(4 * dropout / 3, 0.9)), Layer("dense", "hidden", 32, activation="relu"),
        Layer("dropout", "dropout_3", rate=dropout), Layer("dense", "logit", 1),
    )  # fmt: skip


ARCHITECTURES = {"small": small_cnn, "otrain": otrain_cnn}


def architecture(name: str, dropout: float = 0.3) -> tuple[Layer, ...]:
    """Return the layers of a network by its name: ``small`` or ``otrain``.

    Raises
    ------
    ValueError
        If there is no such network.
    """
    try:
        return ARCHITECTURES[name](dropout)
    except KeyError:
        raise ValueError(f"no network is called {name!r}; there are {', '.join(ARCHITECTURES)}") from None


@dataclass(frozen=True)
class Network:
    """A chain of layers with weights that ends in one logit.

    Attributes
    ----------
    layers : tuple of Layer
    shape : tuple of int
        Of the input: (ny, nx, channels).
    weights : mapping
        Name of a layer -> its two arrays: kernels and bias, or scale and shift.
    """

    layers: tuple[Layer, ...]
    shape: tuple[int, int, int]
    weights: Weights = field(repr=False)

    def __call__(self, x: Array) -> Array:
        """Return the logits, shape (n,), of inputs of shape (n, ny, nx, channels)."""
        return self.trace(x)[-1][:, 0]

    def trace(self, x: Array) -> list[Array]:
        """Return the input and the output of every layer."""
        found = [np.asarray(x, np.float32)]
        for layer in self.layers:
            found.append(_forward(layer, found[-1], self.weights))
        return found

    def back(self, trace: Sequence[Array], until: int, gradient: Array | None = None, since: int | None = None
             ) -> Array:  # fmt: skip
        """Return the gradient at the output of layer number `until`.

        Parameters
        ----------
        trace : sequence of ndarray
            See `trace`.
        until : int
        gradient : ndarray, optional
            At the output of layer number `since`; by default 1.
        since : int, optional
            By default the last layer.
        """
        last = len(self.layers) - 1 if since is None else since
        gradient = np.ones_like(trace[-1]) if gradient is None else gradient
        for number in range(last, until, -1):
            gradient = _back(self.layers[number], gradient, trace[number], trace[number + 1], self.weights)
        return gradient

    @property
    def convolutions(self) -> tuple[str, ...]:
        """The names of the convolutions, in their order."""
        return tuple(layer.name for layer in self.layers if layer.kind == "conv")

    def described(self) -> list[dict[str, Any]]:
        """The layers for a JSON card."""
        return [asdict(layer) for layer in self.layers]


def one_logit(layers: Sequence[Layer], weights: Weights) -> tuple[tuple[Layer, ...], Weights]:
    """Turn a last layer of two classes, or one with a sigmoid, into one that gives the logit of class 1.

    The softmax of two values is the sigmoid of their difference.

    Raises
    ------
    ValueError
        If the last layer is no dense one of one or two units.
    """
    kept = [layer for layer in layers if layer.kind != "dropout"]
    last = kept[-1]
    if last.kind != "dense" or last.size not in (1, 2):
        raise ValueError("the network does not end in one or two units")
    kernel, bias = (np.asarray(part, np.float64) for part in weights[last.name])
    if last.size == 2:
        kernel, bias = kernel[:, 1:] - kernel[:, :1], bias[1:] - bias[:1]
    final = replace(last, size=1, activation="linear")
    changed = {**weights, last.name: (kernel.astype(np.float32), bias.astype(np.float32))}
    return (*kept[:-1], final), changed


def folded(kernel: Array, bias: Array, scale: Array, shift: Array) -> tuple[Array, Array]:
    """Return kernels and bias that do what a convolution (or dense layer) followed by scale and shift does."""
    kernel, bias, scale = (np.asarray(part, np.float64) for part in (kernel, bias, scale))
    return (kernel * scale).astype(np.float32), (bias * scale + shift).astype(np.float32)


def _forward(layer: Layer, x: Array, weights: Weights) -> Array:
    if layer.kind == "conv":
        y = kernels.conv(x, *weights[layer.name], layer.stride, layer.padding)
    elif layer.kind == "dense":
        y = x @ weights[layer.name][0] + weights[layer.name][1]
    elif layer.kind == "affine":
        y = x * weights[layer.name][0] + weights[layer.name][1]
    elif layer.kind in ("maxpool", "avgpool"):
        y = kernels.pool(x, layer.kernel, layer.stride, "max" if layer.kind == "maxpool" else "mean")
    elif layer.kind in ("mean", "max"):
        y = getattr(x, layer.kind)(axis=(1, 2))
    elif layer.kind == "flatten":
        y = x.reshape(len(x), -1)
    else:
        y = x
    kind = layer.kind if layer.kind in ("relu", "sigmoid", "tanh") else layer.activation
    return kernels.activate(y, kind)


def _back(layer: Layer, gradient: Array, x: Array, y: Array, weights: Weights) -> Array:
    kind = layer.kind if layer.kind in ("relu", "sigmoid", "tanh") else layer.activation
    gradient = kernels.activate_back(gradient, y, kind)
    if layer.kind == "conv":
        return kernels.conv_back(gradient, weights[layer.name][0], x.shape, layer.stride, layer.padding)
    if layer.kind == "dense":
        return gradient @ weights[layer.name][0].T
    if layer.kind == "affine":
        return gradient * weights[layer.name][0]
    if layer.kind in ("maxpool", "avgpool"):
        mode = "max" if layer.kind == "maxpool" else "mean"
        return kernels.pool_back(gradient, x, layer.kernel, layer.stride, mode)
    if layer.kind == "mean":
        return np.broadcast_to(gradient[:, None, None] / (x.shape[1] * x.shape[2]), x.shape)
    if layer.kind == "max":
        flat = x.reshape(len(x), -1, x.shape[3])
        first = np.arange(flat.shape[1])[:, None] == flat.argmax(axis=1)[:, None]
        return (first * gradient[:, None]).reshape(x.shape)
    return gradient.reshape(x.shape)
