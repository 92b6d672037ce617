"""The logits of `UNet.forward`, written so that their gradients cost less on a CPU.

The same arithmetic in another order: the two images that a step up puts together are convolved each by itself and
added, so that neither they nor their gradients are copied; offsets of transposed convolutions are added behind them,
for their gradient is slow within; the last convolution, of one pixel, is a product of matrices.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from cosmic_conn.network import Block, UNet

__all__ = ["logits"]


def logits(network: UNet, images: Tensor) -> Tensor:
    """Return what ``network(images)`` returns, to rounding.

    Parameters
    ----------
    network
        In training or evaluation mode.
    images : Tensor, shape (n, 1, h, w)
        Sides are multiples of ``network.architecture.multiple``.
    """
    levels = [_features(network.stem, images)]
    for down in network.down:
        shrink, block = down.children()
        levels.append(_features(block, shrink(levels[-1])))
    x = levels.pop()
    for grow, block in zip(reversed(network.grow), reversed(network.up), strict=True):
        x = _features(block, levels.pop(), _grown(grow, x))
    flat = functional.linear(x.permute(0, 2, 3, 1), network.head.weight.flatten(1), network.head.bias)
    return flat.permute(0, 3, 1, 2)


def _features(block: nn.Module, *parts: Tensor) -> Tensor:
    """Return what a block makes of images that are put together along the channels."""
    assert isinstance(block, Block)  # noqa: S101 (for the type checker; lists of modules do not say what is in them)
    x = block.second(torch.relu_(block.norm(_convolved(block.first, parts))))
    y = (block.norm2 or block.norm)(x)
    return torch.relu_(y if block.skip is None else y + _convolved(block.skip, parts))


def _convolved(convolution: nn.Conv2d, parts: tuple[Tensor, ...]) -> Tensor:
    first, *others = convolution.weight.split([part.shape[1] for part in parts], dim=1)
    padding = convolution.padding
    total = functional.conv2d(parts[0], first, convolution.bias, padding=padding)
    for part, weight in zip(parts[1:], others, strict=True):
        total += functional.conv2d(part, weight, padding=padding)
    return total


def _grown(grow: nn.Module, x: Tensor) -> Tensor:
    if not isinstance(grow, nn.ConvTranspose2d) or grow.bias is None:
        return grow(x)
    offset = grow.bias[:, None, None]
    return functional.conv_transpose2d(x, grow.weight, None, grow.stride).add_(offset)
