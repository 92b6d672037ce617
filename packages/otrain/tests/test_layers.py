from __future__ import annotations

import numpy as np
import pytest
import slow
from conftest import random_network

from otrain import graph
from otrain.kernels import layers
from otrain.network import Layer, Network, architecture, one_logit


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("shape", [(7, 6), (8, 9)])
def test_conv_is_its_slow_twin(stride: int, padding: str, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    x, w, b = rng.normal(size=(2, *shape, 3)), rng.normal(size=(5, 4, 3, 2)), rng.normal(size=2)
    np.testing.assert_allclose(layers.conv(x, w, b, stride, padding), slow.conv(x, w, b, stride, padding), atol=1e-10)


def test_pools() -> None:
    x = np.arange(2 * 5 * 4.0).reshape(1, 5, 4, 2)
    largest, mean = layers.pool(x, (2, 2), 2, "max"), layers.pool(x, (2, 2), 2, "mean")
    assert largest.shape == (1, 2, 2, 2)
    assert largest[0, 1, 1, 1] == x[0, 2:4, 2:4, 1].max()
    assert mean[0, 0, 1, 0] == x[0, 0:2, 2:4, 0].mean()


CHAIN = (
    Layer("conv", "a", 3, (3, 3), 2, activation="tanh"), Layer("avgpool", "b", kernel=(2, 2), stride=2),
    Layer("affine", "c"), Layer("conv", "d", 4, (2, 2), padding="valid", activation="sigmoid"),
    Layer("maxpool", "e", kernel=(2, 2), stride=1), Layer("flatten", "f"), Layer("dense", "g", 5, activation="relu"),
    Layer("dense", "h", 1),
)  # fmt: skip


def chain() -> Network:
    rng = np.random.default_rng(3)
    shapes = {"a": (3, 3, 2, 3), "d": (2, 2, 3, 4), "g": (16, 5), "h": (5, 1)}
    weights = {k: (rng.normal(size=s).astype("f4"), rng.normal(size=s[-1]).astype("f4")) for k, s in shapes.items()}
    weights["c"] = (rng.normal(size=3).astype("f4"), rng.normal(size=3).astype("f4"))
    return Network(CHAIN, (16, 16, 2), weights)


@pytest.mark.parametrize("until", range(-1, 7))
def test_gradients_are_those_of_finite_differences(until: int) -> None:
    network = chain()
    x = np.random.default_rng(1).normal(size=(1, 16, 16, 2)).astype("f4")
    trace = network.trace(x)
    gradient = network.back(trace, until)
    start = trace[until + 1].astype(float)
    assert gradient.shape == start.shape
    tail = Network(
        CHAIN[until + 1 :], (1, 1, 1), {k: tuple(p.astype(float) for p in w) for k, w in network.weights.items()}
    )

    def value(at: np.ndarray) -> float:
        from otrain.network import _forward

        for layer in tail.layers:
            at = _forward(layer, at, tail.weights)
        return float(at[0, 0])

    rng = np.random.default_rng(2)
    for _ in range(8):
        place = tuple(rng.integers(0, n) for n in start.shape)
        step = np.zeros_like(start)
        step[place] = 1e-5
        slope = (value(start + step) - value(start - step)) / 2e-5
        assert gradient[place] == pytest.approx(slope, rel=2e-3, abs=2e-5)


@pytest.mark.parametrize("kind", ["mean", "max"])
def test_gradients_of_whole_pictures(kind: str) -> None:
    layers_ = (Layer("conv", "a", 3, (3, 3)), Layer(kind, "p"), Layer("dense", "h", 1))
    rng = np.random.default_rng(0)
    weights = {"a": (rng.normal(size=(3, 3, 1, 3)).astype("f4"), np.zeros(3, "f4")),
               "h": (rng.normal(size=(3, 1)).astype("f4"), np.zeros(1, "f4"))}  # fmt: skip
    network = Network(layers_, (6, 6, 1), weights)
    trace = network.trace(rng.normal(size=(2, 6, 6, 1)))
    total = network.back(trace, 0).sum(axis=(1, 2))
    np.testing.assert_allclose(total, np.broadcast_to(weights["h"][0][:, 0], (2, 3)), rtol=1e-5)
    ours = graph.to_onnx([network])
    np.testing.assert_allclose(run_onnx(ours, trace[0])[:, 0], trace[-1][:, 0], atol=1e-5)


def run_onnx(data: bytes, x: np.ndarray) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return session.run(None, {"stamps": x.astype("f4")})[0]


@pytest.mark.parametrize("network", [chain(), random_network((16, 17, 2)), random_network((16, 16, 1), "otrain")])
def test_the_graph_does_what_the_layers_do(network: Network) -> None:
    x = np.random.default_rng(0).normal(size=(5, *network.shape)).astype("f4")
    data = graph.to_onnx([network, network])
    found = run_onnx(data, x)
    assert found.shape == (5, 2)
    np.testing.assert_allclose(found, np.stack([network(x)] * 2, axis=1), atol=1e-5)
    assert data == graph.to_onnx([network, network])
    (again, _) = graph.networks(data, network.layers, network.shape, 2)
    for name, (kernel, bias) in network.weights.items():
        assert np.array_equal(again.weights[name][0], kernel)
        assert np.array_equal(again.weights[name][1], bias)


def test_two_classes_become_one_logit() -> None:
    kernel, bias = np.array([[1.0, 3.0], [2.0, -1.0]]), np.array([0.5, 1.0])
    (layer,), weights = one_logit([Layer("dense", "end", 2, activation="softmax")], {"end": (kernel, bias)})
    x = np.array([[0.3, -0.7], [2.0, 1.0]])
    two = x @ kernel + bias
    softmax = np.exp(two[:, 1]) / np.exp(two).sum(axis=1)
    one = x @ weights["end"][0] + weights["end"][1]
    np.testing.assert_allclose(1 / (1 + np.exp(-one[:, 0])), softmax, rtol=1e-6)
    assert (layer.size, layer.activation) == (1, "linear")
    with pytest.raises(ValueError, match="one or two units"):
        one_logit([Layer("dense", "end", 3)], {"end": (np.zeros((2, 3)), np.zeros(3))})


def test_unknown_networks_and_layers() -> None:
    with pytest.raises(ValueError, match="no network is called"):
        architecture("huge")
    for content in ({}, {"kind": "lambda", "name": "x", "kernel": [1, 1]}, {"kind": "conv", "kernel": "ab"}):
        with pytest.raises(ValueError, match="layer"):
            Layer.from_json(content)
