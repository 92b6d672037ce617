"""The U-Net that tells cosmic-ray pixels from all others.

The shape is that of Cosmic-CoNN (Xu et al. 2023, ApJ 942, 73, section 4; a U-Net after Ronneberger et al. 2015,
arXiv:1505.04597): blocks of two 3x3 convolutions, two or three steps down and up with skip connections, and a 1x1
convolution that gives the logit of each pixel. Every option of its developer guide is a field of `Architecture`.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from cosmic_conn.architecture import Architecture, Norm

__all__ = ["Architecture", "Norm", "UNet", "folded"]

# Momentum of the running statistics of batch normalisation: that of the published networks where two layers share one
# normalisation (their statistics differ), else one that forgets within a hundred batches.
_MOMENTUM = {True: 0.005, False: 0.02}


class UNet(nn.Module):
    """The network: image in, logits out.

    Parameters
    ----------
    architecture
        Its options.

    Notes
    -----
    `forward` takes a float tensor of shape (n, 1, h, w) whose sides are multiples of ``architecture.multiple``, and
    gives logits of the same shape; their sigmoid is the probability of a cosmic ray.
    """

    def __init__(self, architecture: Architecture | None = None) -> None:
        super().__init__()
        self.architecture = a = architecture or Architecture()
        sizes = a.channels
        pairs = list(pairwise(sizes))
        self.stem = Block(1, sizes[0], a)
        self.down = nn.ModuleList(nn.Sequential(_shrink(low, a), Block(low, high, a)) for low, high in pairs)
        self.grow = nn.ModuleList(_grow(low, high, a) for low, high in pairs)
        self.up = nn.ModuleList(Block(2 * low, low, a) for low, _ in pairs)
        self.head = nn.Conv2d(sizes[0], 1, 1)
        self.apply(_initialise)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of images of shape (n, 1, h, w)."""
        levels = [self.stem(images)]
        for down in self.down:
            levels.append(down(levels[-1]))
        x = levels.pop()
        for grow, up in zip(reversed(self.grow), reversed(self.up), strict=True):
            x = up(torch.cat((levels.pop(), grow(x)), dim=1))
        return self.head(x)


class Block(nn.Module):
    """Two times convolution, normalisation, ReLU; with ``resnet`` the input is added before the last ReLU."""

    def __init__(self, inside: int, out: int, a: Architecture) -> None:
        super().__init__()
        self.first = nn.Conv2d(inside, out, 3, padding=1)
        self.second = nn.Conv2d(out, out, 3, padding=1)
        self.norm = _norm(out, a)
        self.norm2 = None if a.shared_norm else _norm(out, a)
        self.skip = nn.Conv2d(inside, out, 1) if a.conv_type == "resnet" else None

    def forward(self, x: Tensor) -> Tensor:
        """Return the features of x."""
        y = torch.relu_(self.norm(self.first(x)))
        y = (self.norm2 or self.norm)(self.second(y))
        return torch.relu_(y if self.skip is None else y + self.skip(x))


def _norm(channels: int, a: Architecture) -> nn.Module:
    if a.norm == "group":
        return nn.GroupNorm(a.groups(channels), channels, affine=a.affine)
    if a.norm == "instance":
        return nn.InstanceNorm2d(channels, affine=a.affine)
    if a.norm == "batch":
        return nn.BatchNorm2d(channels, momentum=_MOMENTUM[a.shared_norm], affine=a.affine)
    return nn.Identity()


def _shrink(channels: int, a: Architecture) -> nn.Module:
    if a.down_type == "stride":
        return nn.Conv2d(channels, channels, 2, stride=2)
    return nn.MaxPool2d(2) if a.down_type == "maxpool" else nn.AvgPool2d(2)


def _grow(low: int, high: int, a: Architecture) -> nn.Module:
    if a.up_type == "deconv":
        return nn.ConvTranspose2d(high, low, 2, stride=2)
    return nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(high, low, 1))


def _initialise(module: nn.Module) -> None:
    """He et al. 2015 (arXiv:1502.01852): normal weights of variance 2/fan_in, no offsets."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


@torch.no_grad()
def folded(network: UNet) -> UNet:
    """Return a network in evaluation mode whose batch normalisations are part of its convolutions.

    With running mean m, variance v, scale g and offset b, ``g (W x + c - m) / sqrt(v + eps) + b`` is one convolution
    of weights ``s W`` and offset ``s (c - m) + b``, s = g / sqrt(v + eps). Other normalisations are left as they are.
    """
    from copy import deepcopy
    from dataclasses import replace

    if network.architecture.norm != "batch":
        return deepcopy(network).eval()
    result = UNet(replace(network.architecture, norm="none"))
    plain = {k: v for k, v in network.state_dict().items() if ".norm" not in k}
    result.load_state_dict(plain)
    blocks = zip(_blocks(network), _blocks(result), strict=True)
    for old, new in blocks:
        _fold(new.first, old.norm)
        _fold(new.second, old.norm2 or old.norm)
    return result.eval()


def _blocks(network: UNet) -> list[Block]:
    return [module for module in network.modules() if isinstance(module, Block)]


def _fold(conv: nn.Conv2d, norm: nn.Module) -> None:
    assert isinstance(norm, nn.BatchNorm2d)  # noqa: S101 (for the type checker; folded() has looked)
    assert norm.running_mean is not None and norm.running_var is not None and conv.bias is not None  # noqa: S101, PT018
    scale = (norm.running_var + norm.eps).rsqrt()
    if norm.affine:
        scale = scale * norm.weight
    offset = norm.bias if norm.affine else torch.zeros_like(scale)
    conv.bias.copy_(scale * (conv.bias - norm.running_mean) + offset)
    conv.weight.mul_(scale[:, None, None, None])
