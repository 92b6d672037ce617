from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch

from cosmic_conn.network import Architecture, UNet, folded
from cosmic_conn.training.forward import logits

OPTIONS = [
    Architecture(hidden=8, norm=norm, conv_type=conv, up_type=up, down_type=down, deeper=deeper, n_group=4)
    for norm, conv, up, down, deeper in itertools.product(
        ("batch", "group", "instance", "none"),
        ("unet", "resnet"),
        ("deconv", "upscale"),
        ("maxpool", "avgpool", "stride"),
        (False, True),
    )
]


def test_every_combination_of_options_gives_logits_and_gradients() -> None:
    for architecture in OPTIONS:
        network = UNet(architecture)
        logits = network(torch.randn(2, 1, 16, 24))
        assert logits.shape == (2, 1, 16, 24)
        logits.sum().backward()
        assert all(p.grad is not None for p in network.parameters()), architecture


def test_the_published_network_has_its_published_number_of_parameters() -> None:
    assert sum(p.numel() for p in UNet().parameters()) == 466_593
    assert sum(p.numel() for p in UNet(Architecture(shared_norm=False)).parameters()) == 467_233


@pytest.mark.parametrize(
    ("architecture", "channels"),
    [(Architecture(hidden=8, deeper=True), (8, 16, 32, 64)), (Architecture(hidden=32), (32, 64, 128))],
)
def test_channels_double_at_each_step(architecture: Architecture, channels: tuple[int, ...]) -> None:
    assert architecture.channels == channels
    assert architecture.multiple == 2 ** (len(channels) - 1)


def test_groups_by_channels() -> None:
    assert Architecture(hidden=16, n_group=0, gn_channel=4).groups(32) == 8
    assert Architecture(hidden=16).groups(32) == 8


@pytest.mark.parametrize(
    "wrong",
    [{"hidden": 0}, {"hidden": 12}, {"norm": "layer"}, {"up_type": "cubic"}, {"down_type": "min"}, {"conv_type": "x"}],
)
def test_a_wrong_option_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Architecture(**wrong)


@pytest.mark.parametrize(
    "architecture",
    [a for a in OPTIONS if a.norm == "none" and a.conv_type == "unet" and a.down_type != "avgpool"],
    ids=lambda a: f"{a.up_type}-{a.down_type}-{a.multiple}",
)
def test_no_pixel_sees_farther_than_its_reach(architecture: Architecture) -> None:
    torch.manual_seed(1)
    network = UNet(architecture).eval()
    side = 160
    image = torch.randn(1, 1, side, side, requires_grad=True)
    for place in range(76, 84):
        gradient = torch.autograd.grad(network(image)[0, 0, place, place], image)[0][0, 0]
        y, x = torch.nonzero(gradient, as_tuple=True)
        farthest = max(int((y - place).abs().max()), int((x - place).abs().max()))
        assert farthest <= architecture.reach


def test_the_published_network_reaches_as_far_as_it_says() -> None:
    assert Architecture().reach == 23


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_folding_changes_nothing(shared: bool, affine: bool) -> None:
    torch.manual_seed(2)
    network = UNet(Architecture(hidden=4, norm="batch", shared_norm=shared, affine=affine))
    for _ in range(5):
        network(torch.randn(4, 1, 16, 16) * 3 + 1)  # gives the running statistics something to be
    network.eval()
    image = torch.randn(1, 1, 24, 16)
    merged = folded(network)
    assert not any("norm" in name for name in merged.state_dict())
    torch.testing.assert_close(merged(image), network(image), rtol=1e-4, atol=1e-5)


def test_folding_leaves_other_normalisations_alone() -> None:
    network = UNet(Architecture(hidden=8)).eval()
    image = torch.randn(1, 1, 16, 16)
    assert torch.equal(folded(network)(image), network(image))
    assert replace(network.architecture, norm="batch") != folded(network).architecture


@pytest.mark.parametrize("norm", ["batch", "group", "instance", "none"])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"conv_type": "resnet", "down_type": "stride", "shared_norm": False},
        {"up_type": "upscale", "down_type": "avgpool", "deeper": True, "affine": False},
    ],
)
def test_the_logits_of_training_are_those_of_the_network_and_so_are_their_gradients(norm: str, more: dict) -> None:
    torch.manual_seed(1)
    network = UNet(Architecture(hidden=4, n_group=2, norm=norm, **more)).double()
    images = torch.randn(2, 1, 24, 40, dtype=torch.float64)
    for parameter in network.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    found = []
    for forward in (network, lambda x: logits(network, x)):
        answer = forward(images)
        found.append([answer, *torch.autograd.grad((answer**2).sum(), list(network.parameters()))])
    largest = max(float(plain.detach().abs().max()) for plain in found[0])
    for plain, fast in zip(*found, strict=True):
        assert torch.allclose(plain, fast, rtol=1e-9, atol=1e-12 * largest)
