"""Networks as an ONNX graph, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from shared_io.errors import CorruptInput, UnsafeInput

from otrain.kernels.layers import pads
from otrain.network import Layer, Network

if TYPE_CHECKING:
    import onnx

__all__ = ["checked", "networks", "to_onnx"]

OPSET = 17
IR_VERSION = 9
_VECTOR = 16  # numbers that a processor works on at once; ONNX Runtime is slow with other numbers of channels


def to_onnx(members: Sequence[Network]) -> bytes:
    """Return one graph for networks of one architecture: (n, ny, nx, channels) -> logits (n, members).

    Parameters
    ----------
    members : sequence of Network

    Returns
    -------
    bytes
        The same for the same weights. The convolutions of all members, up to the first layer that is none and does
        not pool, are one grouped convolution each: that is faster than one after the other.
    """
    from onnx import TensorProto, helper

    graph = _Graph()
    graph.node("Transpose", ["stamps"], "planes", perm=[0, 3, 1, 2])
    trunk = _trunk(members[0].layers) if len(members) > 1 else 0
    starts = _together(graph, members, trunk) if trunk else ["planes"] * len(members)
    ends = [_member(graph, number, network, trunk, starts[number]) for number, network in enumerate(members)]
    graph.node("Concat", ends, "logits", axis=1)
    made = helper.make_graph(
        graph.nodes, "otrain",
        [helper.make_tensor_value_info("stamps", TensorProto.FLOAT, ["n", *members[0].shape])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(members)])],
        graph.constants,
    )  # fmt: skip
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="otrain")
    model.ir_version = IR_VERSION
    return model.SerializeToString(deterministic=True)


class _Graph:
    """Nodes and constants in the order in which they are added."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def node(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        from onnx import helper

        self.nodes.append(helper.make_node(kind, list(inputs), [output], name=output, **attributes))
        return output

    def constant(self, name: str, values: Any) -> str:
        """Add an array and return its name."""
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name


def _trunk(layers: Sequence[Layer]) -> int:
    """The number of layers at the beginning that all members can do together: up to their last convolution or pool."""
    kinds = ("conv", "maxpool", "avgpool", "relu", "sigmoid", "tanh", "dropout")
    number = next((k for k, layer in enumerate(layers) if layer.kind not in kinds), len(layers))
    return number if any(layer.kind == "conv" for layer in layers[:number]) else 0


def _together(graph: _Graph, members: Sequence[Network], trunk: int) -> list[str]:
    """Add the first layers of all networks, and return the name of each network's part of what comes out."""
    at, shape, stored = "planes", members[0].shape, 0
    for layer in members[0].layers[:trunk]:
        name = f"all/{layer.name}"
        if layer.kind == "conv":
            at = _grouped(graph, layer, name, at, members, shape, stored)
            stored = _blocks(layer.size)
        else:
            at = _plain(graph, layer, name, at)
        if layer.activation != "linear":
            at = graph.node(layer.activation.capitalize(), [at], f"{name}/{layer.activation}")
        shape = _after(layer, shape)
    axis = graph.constant("all/axis", np.array([1], np.int64))
    edges = [np.array([k * stored + n], np.int64) for k in range(len(members)) for n in (0, shape[2])]
    names = [graph.constant(f"all/edge{k}", edge) for k, edge in enumerate(edges)]
    return [
        graph.node("Slice", [at, names[2 * k], names[2 * k + 1], axis], f"m{k}/part") for k in range(len(members))
    ]  # fmt: skip


def _blocks(channels: int) -> int:
    """Channels, filled up to whole vectors of the processor."""
    return -(-channels // _VECTOR) * _VECTOR


def _grouped(graph: _Graph, layer: Layer, name: str, at: str, members: Sequence[Network], shape: tuple[int, int, int],
             stored: int) -> str:  # fmt: skip
    """Add one convolution for all: of the shared input (`stored` is 0), or of `stored` channels for each."""
    kernels, shifts = [], []
    for number, network in enumerate(members):
        kernel, bias = network.weights[layer.name]
        own, more = f"m{number}/{layer.name}", _blocks(layer.size) - layer.size
        k = graph.constant(f"{own}/kernel", kernel.transpose(3, 2, 0, 1))
        b = graph.constant(f"{own}/bias", bias)
        inner = max(stored - kernel.shape[2], 0)
        kernels.append(_filled(graph, k, (more, inner, 0, 0)))
        shifts.append(_filled(graph, b, (more,)))
    joined = [
        graph.node("Concat", parts, f"{name}/{what}", axis=0)
        for parts, what in ((kernels, "kernel"), (shifts, "bias"))
    ]  # fmt: skip
    (top, bottom), (left, right) = (pads(shape[i], layer.kernel[i], layer.stride, layer.padding) for i in (0, 1))
    return graph.node("Conv", [at, *joined], name, strides=[layer.stride] * 2, pads=[top, left, bottom, right],
                      group=len(members) if stored else 1)  # fmt: skip


def _filled(graph: _Graph, array: str, more: tuple[int, ...]) -> str:
    """Add zeros behind each axis of an array."""
    if not any(more):
        return array
    amount = graph.constant(f"{array}/more", np.array([0] * len(more) + list(more), np.int64))
    return graph.node("Pad", [array, amount], f"{array}/filled")


def _member(graph: _Graph, number: int, network: Network, first: int, at: str) -> str:
    """Add the layers of one network from number `first` on, and return the name of its logit."""
    shape, flat = network.shape, False
    for layer in network.layers[:first]:
        shape = _after(layer, shape)
    for layer in network.layers[first:]:
        name = f"m{number}/{layer.name}"
        if layer.kind == "flatten" and not flat:
            at = graph.node("Transpose", [at], f"{name}/back", perm=[0, 2, 3, 1])
            at, flat = graph.node("Flatten", [at], name, axis=1), True
            continue
        if layer.kind in ("conv", "dense", "affine"):
            at = _weighted(graph, layer, name, at, network, shape, flat=flat)
        else:
            at = _plain(graph, layer, name, at)
        flat = flat or layer.kind in ("mean", "max")
        if layer.activation != "linear":
            at = graph.node(layer.activation.capitalize(), [at], f"{name}/{layer.activation}")
        shape = _after(layer, shape)
    return at


def _weighted(graph: _Graph, layer: Layer, name: str, at: str, network: Network, shape: tuple[int, int, int],
              *, flat: bool) -> str:  # fmt: skip
    kernel, bias = network.weights[layer.name]
    if layer.kind == "affine":
        tail = (1,) if flat else (1, 1)
        scale = graph.constant(f"{name}/kernel", kernel.reshape(-1, *tail) if not flat else kernel)
        shift = graph.constant(f"{name}/bias", bias.reshape(-1, *tail) if not flat else bias)
        return graph.node("Add", [graph.node("Mul", [at, scale], f"{name}/scaled"), shift], name)
    b = graph.constant(f"{name}/bias", bias)
    if layer.kind == "dense":
        return graph.node("Gemm", [at, graph.constant(f"{name}/kernel", kernel), b], name)
    k = graph.constant(f"{name}/kernel", kernel.transpose(3, 2, 0, 1))
    (top, bottom), (left, right) = (pads(shape[i], layer.kernel[i], layer.stride, layer.padding) for i in (0, 1))
    return graph.node("Conv", [at, k, b], name, strides=[layer.stride] * 2, pads=[top, left, bottom, right])


def _plain(graph: _Graph, layer: Layer, name: str, at: str) -> str:
    if layer.kind in ("maxpool", "avgpool"):
        kind = "MaxPool" if layer.kind == "maxpool" else "AveragePool"
        return graph.node(kind, [at], name, kernel_shape=list(layer.kernel), strides=[layer.stride] * 2)
    if layer.kind in ("mean", "max"):
        whole = graph.node("GlobalAveragePool" if layer.kind == "mean" else "GlobalMaxPool", [at], f"{name}/whole")
        return graph.node("Flatten", [whole], name, axis=1)
    kinds = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}
    return graph.node(kinds[layer.kind], [at], name) if layer.kind in kinds else at


def _after(layer: Layer, shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """The shape behind a layer that keeps pictures pictures."""
    ny, nx, channels = shape
    if layer.kind == "conv":
        around = [sum(pads(n, k, layer.stride, layer.padding)) for n, k in zip((ny, nx), layer.kernel, strict=True)]
        ny, nx = ((n + p - k) // layer.stride + 1 for n, p, k in zip((ny, nx), around, layer.kernel, strict=True))
        return ny, nx, layer.size
    if layer.kind in ("maxpool", "avgpool"):
        return (ny - layer.kernel[0]) // layer.stride + 1, (nx - layer.kernel[1]) // layer.stride + 1, channels
    return shape


def checked(data: bytes, path: str | None = None) -> onnx.ModelProto:
    """Parse a graph and refuse what would read other files or bring its own operators.

    Raises
    ------
    CorruptInput
        If the bytes are no ONNX model.
    UnsafeInput
        If weights lie in other files, or operators are not those of the standard.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(data)
        outside = any(t.data_location == onnx.TensorProto.EXTERNAL or t.external_data for t in model.graph.initializer)
    except DecodeError as error:
        raise CorruptInput("this is no ONNX model", path=path) from error
    if outside:
        raise UnsafeInput("its weights lie in other files", path=path, hint="save it as one file")
    foreign = {o.domain for o in model.opset_import} - {"", "ai.onnx", "ai.onnx.ml"}
    if foreign or model.functions:
        raise UnsafeInput(f"it brings operators of its own ({', '.join(sorted(foreign)) or 'functions'})", path=path)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise CorruptInput(f"this ONNX model is not sound: {str(error).splitlines()[0]}", path=path) from error
    return model


def networks(data: bytes, layers: Sequence[Layer], shape: tuple[int, int, int], members: int) -> tuple[Network, ...]:
    """Return the networks that `to_onnx` made a graph of.

    Raises
    ------
    CorruptInput
        If the graph does not hold their weights.
    """
    from onnx import numpy_helper

    arrays = {t.name: numpy_helper.to_array(t) for t in checked(data).graph.initializer}
    try:
        return tuple(Network(tuple(layers), shape, _weights(arrays, layers, k)) for k in range(members))
    except KeyError as error:
        raise CorruptInput(f"the model lacks the weights {error}") from error


def _weights(arrays: dict[str, Any], layers: Sequence[Layer], number: int) -> dict[str, Any]:
    found = {}
    for layer in layers:
        if layer.kind in ("conv", "dense", "affine"):
            kernel, bias = (arrays[f"m{number}/{layer.name}/{part}"] for part in ("kernel", "bias"))
            kernel = kernel.transpose(2, 3, 1, 0) if layer.kind == "conv" else kernel
            flat = layer.kind == "affine"
            found[layer.name] = (kernel.ravel(), bias.ravel()) if flat else (kernel, bias)
    return found
