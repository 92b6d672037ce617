"""Keras models in HDF5 files (Keras 2 and the legacy format of Keras 3) -> networks.

The description of the layers is read as data, and each known layer is rebuilt from it; no class is looked up by name
and no code in the file is run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from shared_io import hdf5, limits
from shared_io.errors import CorruptInput, InputNotFound, SchemaMismatch

from otrain.network import Layer, Network, folded, one_logit

__all__ = ["read_keras_h5"]

Array = npt.NDArray[Any]

_WITHOUT = {"Flatten": "flatten", "GlobalAveragePooling2D": "mean", "GlobalMaxPooling2D": "max", "ReLU": "relu"}
_POOLS = {"MaxPooling2D": "maxpool", "AveragePooling2D": "avgpool"}
_IGNORED = ("InputLayer", "Dropout", "SpatialDropout2D", "GaussianNoise")


def read_keras_h5(path: Path, architecture: Path | None = None) -> Network:
    """Read a convolutional chain of layers that ends in one or two classes.

    Parameters
    ----------
    path : Path
        A whole model, or weights only.
    architecture : Path, optional
        JSON description of the layers, for a file of weights.

    Returns
    -------
    Network
        Its logit speaks for class 1.

    Raises
    ------
    SchemaMismatch
        If a layer is of a kind that is not known here, or the layers are no chain.
    """
    with hdf5.reader(path) as file:
        text = _text(architecture) if architecture is not None else file.attrs().get("model_config")
        if not isinstance(text, str):
            raise SchemaMismatch(
                "this file does not describe its layers", path=path, hint="give --architecture FILE.json"
            )
        arrays = _weights(file, "model_weights" if "model_weights" in file.names else "", path)
    try:
        configs = list(_chain(json.loads(text), path))
        return _network(configs, arrays, path)
    except (KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
        if isinstance(error, SchemaMismatch | CorruptInput):
            raise
        raise CorruptInput(f"the description of the layers is not sound: {error}", path=path) from error


def _text(path: Path) -> str:
    try:
        limits.check_bytes(path.stat().st_size, path=path, what="description")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputNotFound(f"cannot be read: {error}", path=path) from error


def _weights(file: hdf5.Reader, root: str, path: Path) -> dict[str, list[Array]]:
    """The arrays of each layer, in the order that its file states."""
    found: dict[str, list[Array]] = {}
    names = file.attrs(root or None).get("layer_names", ())
    for raw in np.atleast_1d(names):
        name = raw.decode() if isinstance(raw, bytes) else str(raw)
        group = f"{root}/{name}" if root else name
        listed = np.atleast_1d(file.attrs(group).get("weight_names", ()))
        parts = [p.decode() if isinstance(p, bytes) else str(p) for p in listed if isinstance(p, bytes | str)]
        found[name] = [file.array(f"{group}/{part}") for part in parts]
    if not found:
        raise SchemaMismatch("this file holds no weights of layers", path=path)
    return found


def _chain(config: Mapping[str, Any], path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the class and configuration of each layer, chains within the chain opened."""
    inner = config["config"]
    layers = inner if isinstance(inner, list) else inner["layers"]
    if config["class_name"] not in ("Sequential", "Functional", "Model"):
        raise SchemaMismatch(f"a model of class {str(config['class_name'])!r}", path=path)
    shape = inner.get("build_input_shape") if isinstance(inner, dict) else None
    if shape:
        yield "InputLayer", {"batch_input_shape": shape}
    for layer in layers:
        nodes = layer.get("inbound_nodes")
        if isinstance(nodes, list) and nodes and _inputs(nodes) > 1:
            raise SchemaMismatch(f"the layer {str(layer.get('name'))!r} has several inputs: no chain", path=path)
        if layer["class_name"] in ("Sequential", "Functional", "Model"):
            yield from _chain(layer, path)
        else:
            yield str(layer["class_name"]), layer["config"]


def _inputs(nodes: list[Any]) -> int:
    return len(nodes) if not isinstance(nodes[0], list) else max(len(nodes), len(nodes[0]))


def _network(configs: list[tuple[str, Mapping[str, Any]]], arrays: Mapping[str, list[Array]], path: Path) -> Network:
    layers: list[Layer] = []
    weights: dict[str, tuple[Array, Array]] = {}
    shape: tuple[int, ...] | None = None
    for kind, config in configs:
        stated = config.get("batch_input_shape") or config.get("batch_shape")
        shape = shape or (tuple(stated[1:]) if stated else None)
        if config.get("data_format", "channels_last") != "channels_last":
            raise SchemaMismatch("channels first are not supported", path=path)
        if kind == "BatchNormalization":
            _norm(layers, weights, config, arrays[config["name"]])
        elif kind not in _IGNORED:
            layers.append(_layer(kind, config, path))
            if layers[-1].kind in ("conv", "dense"):
                weights[layers[-1].name] = _pair(arrays[config["name"]], layers[-1].size)
    if shape is None or len(shape) != 3 or not all(isinstance(n, int) for n in shape):
        raise SchemaMismatch("the size of the input is not stated", path=path)
    _merge_last(layers)
    kept, changed = one_logit(layers, weights)
    network = Network(kept, shape, changed)
    network(np.zeros((1, *shape), np.float32))
    return network


def _pair(found: list[Array], size: int) -> tuple[Array, Array]:
    kernel = np.asarray(found[0], np.float32)
    return kernel, np.asarray(found[1], np.float32) if len(found) > 1 else np.zeros(size, np.float32)


def _layer(kind: str, config: Mapping[str, Any], path: Path) -> Layer:
    name = str(config["name"])
    if kind in ("Conv2D", "Dense"):
        return _weighted(kind, config, path)
    if kind in _POOLS:
        size, strides = config["pool_size"], config.get("strides") or config["pool_size"]
        if strides[0] != strides[1] or config.get("padding", "valid") != "valid":
            raise SchemaMismatch(f"the pooling {name!r} is padded or has unequal strides", path=path)
        return Layer(_POOLS[kind], name, kernel=(int(size[0]), int(size[1])), stride=int(strides[0]))
    if kind in _WITHOUT:
        return Layer(_WITHOUT[kind], name)
    if kind in ("Activation", "Softmax"):
        return Layer(_activation(config.get("activation", "softmax"), name, path), name)
    raise SchemaMismatch(f"a layer of class {kind!r} is not known", path=path, hint="export the model to ONNX")


def _weighted(kind: str, config: Mapping[str, Any], path: Path) -> Layer:
    name = str(config["name"])
    activation = _activation(config.get("activation", "linear"), name, path)
    if kind == "Dense":
        return Layer("dense", name, int(config["units"]), activation=activation)
    stride, dilation = config["strides"], config.get("dilation_rate", [1, 1])
    if stride[0] != stride[1] or set(dilation) != {1} or config.get("groups", 1) != 1:
        raise SchemaMismatch(f"the convolution {name!r} is dilated, grouped or has unequal strides", path=path)
    if config["padding"] not in ("same", "valid"):
        raise SchemaMismatch(f"the padding {str(config['padding'])!r} of {name!r} is not known", path=path)
    kernel = (int(config["kernel_size"][0]), int(config["kernel_size"][1]))
    return Layer("conv", name, int(config["filters"]), kernel, int(stride[0]), config["padding"], activation)


def _activation(name: Any, layer: str, path: Path) -> str:
    if name not in ("linear", "relu", "sigmoid", "tanh", "softmax"):
        raise SchemaMismatch(f"the activation {str(name)!r} of {layer!r} is not known", path=path)
    return str(name)


def _norm(layers: list[Layer], weights: dict[str, tuple[Array, Array]], config: Mapping[str, Any], found: list[Array]
          ) -> None:  # fmt: skip
    """Fold a batch norm into the layer before it, or make it a layer of its own."""
    parts = [np.asarray(part, np.float64) for part in found]
    gamma = parts.pop(0) if config.get("scale", True) else np.ones_like(parts[-1])
    beta = parts.pop(0) if config.get("center", True) else np.zeros_like(parts[-1])
    mean, variance = parts
    scale = gamma / np.sqrt(variance + float(config.get("epsilon", 1e-3)))
    shift = beta - mean * scale
    last = layers[-1] if layers else None
    if last is not None and last.kind in ("conv", "dense") and last.activation == "linear":
        weights[last.name] = folded(*weights[last.name], scale, shift)
    else:
        layers.append(Layer("affine", str(config["name"])))
        weights[layers[-1].name] = (scale.astype(np.float32), shift.astype(np.float32))


def _merge_last(layers: list[Layer]) -> None:
    """Drop a softmax or sigmoid of its own at the end: the logit is wanted."""
    if layers and layers[-1].kind in ("softmax", "sigmoid"):
        layers.pop()
    if any("softmax" in (layer.kind, layer.activation) for layer in layers[:-1]):
        raise ValueError("a softmax inside the chain")
