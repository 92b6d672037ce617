from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cosmic_conn.engine import Engine
from cosmic_conn.forward import Forward
from cosmic_conn.kernels.convolution import convolved, enlarged, filtered, pooled, put_outside
from cosmic_conn.kernels.vectors import INPUT, LANES, OUTPUT, ROWS, packed_matrices, packed_weights
from cosmic_conn.models.card import Card, Front
from cosmic_conn.network import Architecture, UNet

SIDES = st.integers(1, 13)
VECTORS = st.integers(1, 3)
SEEDS = st.integers(0, 2**32 - 1)
FOUR = {"deadline": None, "max_examples": 40}


def patches(length: int) -> int:
    return -(-length // OUTPUT)


def level(image: np.ndarray, outside: float = 0.0) -> np.ndarray:
    """The pixels of an image (height, width, channels) inside a border, as the kernels keep them."""
    height, width, channels = image.shape
    room = np.full((patches(height) * 4 + 2, patches(width) * 4 + 2, channels), outside, dtype=np.float32)
    room[1 : height + 1, 1 : width + 1] = image
    return room


def some_rule(channels: int, random: np.random.Generator) -> np.ndarray:
    return np.array(
        [random.normal(1, 1, channels), random.normal(0, 1, channels), random.choice([0, -np.inf], channels)],
        dtype=np.float32,
    )


def loaded(image: np.ndarray, rule: np.ndarray) -> np.ndarray:
    scale, shift, floor = rule.astype(np.float64)
    return np.maximum(image * scale + shift, floor)


def plain(image: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The convolution of an image (height, width, in) with (out, in, 3, 3), zeros around it, in float64."""
    padded = np.pad(image.astype(np.float64), ((1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))
    return np.einsum("yxcij,ocij->yxo", windows, weights.astype(np.float64))


@given(SIDES, SIDES, VECTORS, st.integers(0, 2), VECTORS, st.integers(1, 3), SEEDS)
@settings(**FOUR)
def test_a_convolution_is_the_plain_sum_of_products(
    height: int, width: int, first: int, second: int, out: int, rows: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    images = [random.normal(0, 2, (height, width, n * LANES)).astype(np.float32) for n in (first, second)]
    rules = [some_rule(image.shape[2], random) for image in images]
    for rule in rules:
        rule[1, rule[2] != 0] = 0  # what is not cut off at zero is loaded as it is, outside of the image too
    weights = random.normal(0, 1, (out * LANES, (first + second) * LANES, 3, 3)).astype(np.float32)
    down, across, together = patches(height), patches(width), rows * ROWS
    kept = []
    for image, rule in zip(images, rules, strict=True):
        room = level(image).reshape(-1)
        outside = np.where(rule[2] == 0, -np.copysign(np.float32(1e30), rule[0]), 0).astype(np.float32)
        put_outside(room, outside, down, across, height, width)
        kept += [room, rule]
    target = np.full((down * 4 + 2, across * 4 + 2, out * LANES), 7, dtype=np.float32)
    sums = np.zeros(2 * out * LANES)
    sides = [np.empty(INPUT**2 * together * n * LANES, dtype=np.float32) for n in (first + second, out)]
    packed = packed_weights(weights)
    convolved(*kept, across, down * across, packed, out * LANES, target.reshape(-1), sums, *sides, together)
    shown = np.concatenate([loaded(i, r) for i, r in zip(images, rules, strict=True)], axis=2)
    expected = plain(shown, weights)
    found = target[1 : height + 1, 1 : width + 1]
    np.testing.assert_allclose(found, expected, atol=3e-6 * np.sqrt(weights[0].size) * (1 + np.abs(shown).max()))
    assert (target[0] == 7).all()
    assert (target[:, 0] == 7).all()
    whole = target[1:-1, 1:-1].astype(np.float64).reshape(-1, out * LANES)
    total, squares = sums.reshape(-1, 2, LANES).transpose(1, 0, 2).reshape(2, -1)
    np.testing.assert_allclose(total, whole.sum(axis=0), rtol=1e-5, atol=1e-5 * np.abs(whole).sum(axis=0).max())
    np.testing.assert_allclose(squares, (whole**2).sum(axis=0), rtol=1e-5)


@given(SIDES, SIDES, VECTORS, SEEDS)
@settings(**FOUR)
def test_the_first_convolution_is_the_plain_sum_of_products(height: int, width: int, out: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    image = random.normal(0, 2, (height, width, 1)).astype(np.float32)
    weights = random.normal(0, 1, (out * LANES, 1, 3, 3)).astype(np.float32)
    room, across = level(image)[:, :, 0], patches(width)
    target = np.zeros((*room.shape, out * LANES), dtype=np.float32)
    flat = np.ascontiguousarray(weights.reshape(-1, 9).T).reshape(-1)
    filtered(
        np.ascontiguousarray(room).reshape(-1), room.shape[1], across, across * patches(height), flat, out * LANES,
        target.reshape(-1), np.zeros(2 * out * LANES),
    )  # fmt: skip
    np.testing.assert_allclose(target[1 : height + 1, 1 : width + 1], plain(image, weights), atol=1e-4)


@given(SIDES, SIDES, VECTORS, SEEDS)
@settings(**FOUR)
def test_the_step_down_takes_the_largest_of_four(height: int, width: int, vectors: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    image = random.normal(0, 2, (2 * height, 2 * width, vectors * LANES)).astype(np.float32)
    rule = some_rule(vectors * LANES, random)
    target = level(np.zeros((height, width, vectors * LANES)))
    pooled(level(image).reshape(-1), rule, patches(2 * width), height, width, target.reshape(-1), patches(width))
    expected = loaded(image, rule).reshape(height, 2, width, 2, -1).max(axis=(1, 3))
    np.testing.assert_allclose(target[1 : height + 1, 1 : width + 1], expected, rtol=1e-5, atol=1e-5)


@given(SIDES, SIDES, VECTORS, VECTORS, SEEDS)
@settings(**FOUR)
def test_the_step_up_is_the_transposed_convolution(height: int, width: int, inside: int, out: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    image = random.normal(0, 2, (height, width, inside * LANES)).astype(np.float32)
    rule, offset = some_rule(inside * LANES, random), random.normal(0, 1, out * LANES)
    weights = random.normal(0, 1, (inside * LANES, out * LANES, 2, 2)).astype(np.float32)
    after = np.array([np.ones(len(offset)), offset, np.full(len(offset), -np.inf)], dtype=np.float32)
    target = level(np.zeros((2 * height, 2 * width, out * LANES)))
    space = [np.empty((width + ROWS) * 4 * n * LANES, dtype=np.float32) for n in (inside, out)]
    packed = packed_matrices(weights.transpose(0, 2, 3, 1).reshape(1, inside * LANES, -1))
    enlarged(
        level(image).reshape(-1), rule, patches(width), height, width, packed, after, target.reshape(-1),
        patches(2 * width), *space,
    )  # fmt: skip
    expected = np.einsum("yxc,coij->yixjo", loaded(image, rule), weights.astype(np.float64)) + offset
    expected = expected.reshape(2 * height, 2 * width, -1)
    np.testing.assert_allclose(target[1 : 2 * height + 1, 1 : 2 * width + 1], expected, rtol=1e-4, atol=1e-3)


def trained(architecture: Architecture) -> UNet:
    """A network whose numbers are all at work."""
    torch.manual_seed(3)
    network = UNet(architecture)
    for parameter in network.parameters():
        if parameter.ndim == 1:
            torch.nn.init.normal_(parameter, 0.3, 0.5)
    for _ in range(3):
        network(torch.randn(4, 1, 16, 16) * 3 + 1)  # gives running statistics something to be
    return network.eval()


def fast(network: UNet) -> Forward:
    return Forward(network.architecture, {k: v.numpy() for k, v in network.state_dict().items()})


ARCHITECTURES = [
    Architecture(),
    Architecture(hidden=16, norm="batch", shared_norm=False),
    Architecture(hidden=16, norm="none", deeper=True),
    Architecture(hidden=16, norm="group", n_group=0, gn_channel=4, shared_norm=False, deeper=True),
    Architecture(hidden=48, norm="instance", affine=False),
    Architecture(hidden=16, norm="group", affine=False),
]


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda a: f"{a.hidden}-{a.norm}-{a.steps}")
@pytest.mark.parametrize("shape", [(8, 8), (64, 40), (24, 88), (72, 56)])
def test_the_fast_pass_gives_the_logits_of_the_network(architecture: Architecture, shape: tuple[int, int]) -> None:
    network = trained(architecture)
    image = np.random.default_rng(1).normal(0, 1, shape).astype(np.float32)
    found = fast(network)(image)
    with torch.inference_mode():
        expected = network.double()(torch.from_numpy(image).double()[None, None])[0, 0].numpy()
        direct = network.float()(torch.from_numpy(image)[None, None])[0, 0].numpy()
    rounding = np.abs(direct - expected).max()
    assert np.abs(found - expected).max() < 10 * rounding + 1e-6


def test_a_channel_that_its_normalisation_leaves_out_stays_left_out() -> None:
    network = trained(Architecture(hidden=16))
    with torch.no_grad():
        network.stem.norm.weight[3] = 0
        network.stem.norm.bias[3] = 0.5
    image = np.random.default_rng(2).normal(0, 1, (16, 24)).astype(np.float32)
    with torch.inference_mode():
        expected = network(torch.from_numpy(image)[None, None])[0, 0].numpy()
    np.testing.assert_allclose(fast(network)(image), expected, rtol=1e-4, atol=1e-5)


def test_what_was_run_before_changes_nothing() -> None:
    network = trained(Architecture(hidden=16))
    random = np.random.default_rng(4)
    images = [random.normal(0, 1, shape).astype(np.float32) for shape in ((24, 40), (40, 24), (24, 40), (8, 8))]
    forward = fast(network)
    found = [forward(image) for image in images]
    assert all(np.array_equal(fast(network)(image), f) for image, f in zip(images, found, strict=True))


@pytest.mark.parametrize("hidden", [16, 4])  # with the fast pass, and without
def test_any_number_of_threads_gives_the_same_bytes(hidden: int) -> None:
    architecture = Architecture(hidden=hidden, n_group=2)
    network, card = trained(architecture), Card("n", "", architecture, Front(), 0.5, "BSD-3-Clause", "random numbers")
    tiles = np.random.default_rng(5).normal(0, 1, (5, 32, 24)).astype(np.float32)
    found = [Engine(network, card, torch.device("cpu"), threads=n).probabilities(tiles) for n in (1, 2, 3)]
    assert all(np.array_equal(*both) for both in pairwise(found))
    exact = Engine(network, card, torch.device("cpu"), exact=True).probabilities(tiles)
    np.testing.assert_allclose(found[0], exact, atol=1e-5)


@pytest.mark.parametrize(
    "architecture",
    [
        Architecture(hidden=16, conv_type="resnet"),
        Architecture(hidden=16, up_type="upscale"),
        Architecture(hidden=16, down_type="avgpool"),
        Architecture(hidden=4, n_group=2),
    ],
    ids=lambda a: f"{a.hidden}-{a.conv_type}-{a.up_type}-{a.down_type}",
)
def test_other_shapes_are_left_to_torch(architecture: Architecture) -> None:
    assert not Forward.suits(architecture)
    network, card = UNet(architecture), Card("n", "", architecture, Front(), 0.5, "BSD-3-Clause", "random numbers")
    tiles = np.random.default_rng(6).normal(0, 1, (2, 16, 16)).astype(np.float32)
    found = Engine(network, card, torch.device("cpu")).probabilities(tiles)
    with torch.inference_mode():
        expected = torch.sigmoid(network.eval()(torch.from_numpy(tiles)[:, None]))[:, 0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("wrong", ["missing", "left over", "of another shape"])
def test_tensors_of_another_network_are_refused(wrong: str) -> None:
    tensors = {k: v.numpy() for k, v in trained(Architecture(hidden=16)).state_dict().items()}
    if wrong == "missing":
        del tensors["up.1.second.bias"]
    elif wrong == "left over":
        tensors["up.2.second.bias"] = tensors["up.1.second.bias"]
    else:
        tensors["grow.0.weight"] = tensors["grow.0.weight"][:, :8]
    with pytest.raises(ValueError, match=r"up\.|grow\."):
        Forward(Architecture(hidden=16), tensors)


def test_detection_needs_no_torch_without_a_gpu(tmp_path: Path) -> None:
    code = """
import sys
import numpy as np
from cosmic_conn import Detector, Settings
image = np.random.default_rng(0).normal(100, 5, (64, 64))
image[30, 20:26] += 1000
found = Detector(Settings(device="cpu", precision="fp32"))(image)
print(int(found.mask[30, 20:26].sum()), "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.split() == ["6", "False"]
