"""Keras, quietly, with fixed seeds; and between its models and ours."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from shared_io.errors import ExternalFailed

from otrain.network import Layer, Network, folded, one_logit

if TYPE_CHECKING:
    import keras

__all__ = ["build", "extract", "frameworks", "load", "seed_all", "strategy"]

_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "GRPC_VERBOSITY": "ERROR"}


def load(device: str = "auto") -> Any:
    """Import Keras without its framework's chatter and return it.

    Parameters
    ----------
    device : str
        ``auto`` takes what is there; ``cpu`` hides accelerators; ``cuda`` needs one.

    Raises
    ------
    ExternalFailed
        If a GPU is asked for and there is none.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    with _hushed(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import keras

        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            tf.get_logger().setLevel("ERROR")
            if device == "cuda" and not tf.config.list_physical_devices("GPU"):
                raise ExternalFailed("no GPU is there that TensorFlow can use", hint="use --device cpu")
    return keras


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Send what C++ libraries write on stderr while they are loaded to nowhere."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def seed_all(seed: int) -> None:
    """Seed all that is random in Keras, and let TensorFlow give the same sums whenever it is run again."""
    keras = load()
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def strategy(gpus: int) -> contextlib.AbstractContextManager[Any]:
    """Return the scope in which a model for several GPUs is built: the batch is divided among them.

    Raises
    ------
    ExternalFailed
        If there are fewer, or the backend is not TensorFlow.
    """
    if gpus < 2:
        return contextlib.nullcontext()
    keras = load()
    if keras.backend.backend() != "tensorflow":
        raise ExternalFailed("several GPUs need the TensorFlow backend of Keras", hint="set KERAS_BACKEND=tensorflow")
    import tensorflow as tf

    found = tf.config.list_logical_devices("GPU")
    if len(found) < gpus:
        raise ExternalFailed(f"{gpus} GPUs are asked for and {len(found)} are there")
    return tf.distribute.MirroredStrategy([device.name for device in found[:gpus]]).scope()


def frameworks() -> dict[str, str]:
    """Return the versions that a training depends on."""
    import platform
    from importlib.metadata import version

    keras = load()
    backend = keras.backend.backend()
    names = {"keras": keras.__version__, "numpy": np.__version__, "python": platform.python_version()}
    return {**names, backend: version(backend), "otrain": version("otrain")}


def build(layers: Sequence[Layer], shape: tuple[int, int, int]) -> keras.Model:
    """Return an untrained Keras model that gives the logits of the last layer.

    Parameters
    ----------
    layers : sequence of Layer
    shape : tuple of int
        Of the input: (ny, nx, channels).
    """
    keras = load()
    start = x = keras.Input(shape, name="stamp")
    for layer in layers:
        x = _add(keras.layers, layer, x)
    return keras.Model(start, x)


def _add(of: Any, layer: Layer, x: Any) -> Any:
    name, kernel = layer.name, layer.kernel
    if layer.kind in ("conv", "dense"):
        return _add_weighted(of, layer, x)
    if layer.kind == "maxpool":
        return of.MaxPooling2D(kernel, layer.stride, name=name)(x)
    if layer.kind == "avgpool":
        return of.AveragePooling2D(kernel, layer.stride, name=name)(x)
    if layer.kind == "dropout":
        return of.Dropout(layer.rate, name=name)(x)
    if layer.kind == "flatten":
        return of.Flatten(name=name)(x)
    if layer.kind in ("mean", "max"):
        return (of.GlobalAveragePooling2D if layer.kind == "mean" else of.GlobalMaxPooling2D)(name=name)(x)
    if layer.kind in ("relu", "sigmoid", "tanh"):
        return of.Activation(layer.kind, name=name)(x)
    raise ValueError(f"a layer of kind {layer.kind!r} cannot be trained")


def _add_weighted(of: Any, layer: Layer, x: Any) -> Any:
    plain = None if layer.normed or layer.activation == "linear" else layer.activation
    if layer.kind == "conv":
        x = of.Conv2D(
            layer.size, layer.kernel, layer.stride, layer.padding, activation=plain, use_bias=not layer.normed,
            name=layer.name,
        )(x)  # fmt: skip
    else:
        x = of.Dense(layer.size, activation=plain, use_bias=not layer.normed, name=layer.name)(x)
    if layer.normed:
        x = of.BatchNormalization(name=f"{layer.name}_norm")(x)
        x = of.Activation(layer.activation, name=f"{layer.name}_{layer.activation}")(x)
    return x


def extract(model: keras.Model, layers: Sequence[Layer]) -> Network:
    """Return the network that a trained Keras model made by `build` is: batch norms folded in, one logit."""
    weights = {}
    for layer in layers:
        if layer.kind not in ("conv", "dense"):
            continue
        found = [np.asarray(part, np.float32) for part in model.get_layer(layer.name).get_weights()]
        if layer.normed:
            norm = model.get_layer(f"{layer.name}_norm")
            gamma, beta, mean, variance = (np.asarray(part, np.float64) for part in norm.get_weights())
            scale = gamma / np.sqrt(variance + norm.epsilon)
            weights[layer.name] = folded(found[0], np.zeros(layer.size), scale, beta - mean * scale)
        else:
            weights[layer.name] = (found[0], found[1])
    kept, changed = one_logit(layers, weights)
    return Network(kept, tuple(model.input_shape[1:]), changed)
