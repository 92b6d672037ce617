"""What a network looks like, in words that need no library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Architecture", "Norm"]

Norm = Literal["batch", "group", "instance", "none"]


@dataclass(frozen=True)
class Architecture:
    """What a network looks like.

    Attributes
    ----------
    hidden
        Channels of the first block; each step down doubles them.
    norm
        Normalisation behind each 3x3 convolution.
    n_group
        Groups of the group normalisation; 0 means ``gn_channel`` channels a group.
    gn_channel
        Channels a group, where ``n_group`` is 0.
    affine
        Whether a normalisation learns a scale and an offset for each channel.
    shared_norm
        Whether the two convolutions of a block share one normalisation, as in the published networks.
    conv_type
        ``unet``, or ``resnet``: the block's input is added to its output.
    up_type
        ``deconv`` (2x2 transposed convolution) or ``upscale`` (bilinear, then a 1x1 convolution).
    down_type
        ``maxpool``, ``avgpool`` or ``stride`` (a 2x2 convolution of stride 2).
    deeper
        Three steps down instead of two.
    """

    hidden: int = 32
    norm: Norm = "group"
    n_group: int = 8
    gn_channel: int = 0
    affine: bool = True
    shared_norm: bool = True
    conv_type: Literal["unet", "resnet"] = "unet"
    up_type: Literal["deconv", "upscale"] = "deconv"
    down_type: Literal["maxpool", "avgpool", "stride"] = "maxpool"
    deeper: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.hidden <= 512:
            raise ValueError(f"hidden must be 1 ... 512, not {self.hidden}")
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {getattr(self, name)!r}")
        if self.norm == "group" and any(c % self.groups(c) for c in self.channels):
            raise ValueError(f"{self.hidden} channels cannot be divided into the groups asked for")

    @property
    def steps(self) -> int:
        """How many times the image is halved."""
        return 3 if self.deeper else 2

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each level, from the full resolution down."""
        return tuple(self.hidden * 2**level for level in range(self.steps + 1))

    @property
    def multiple(self) -> int:
        """What the sides of an image must be a multiple of [pixel]."""
        return 1 << self.steps

    @property
    def reach(self) -> int:
        """How far at most a pixel's logit sees [pixel], group statistics aside; 23 for the published networks.

        With m = `multiple`: two 3x3 convolutions at each level on the way down and up reach ``6 m - 4``, the grid of
        the lowest level adds ``m - 1``, and each bilinear interpolation one pixel of its level.
        """
        m = self.multiple
        return 7 * m - 5 + (2 * m - 2 if self.up_type == "upscale" else 0)

    @property
    def depends_on_tile(self) -> bool:
        """Whether a pixel's answer depends on the whole tile: group and instance normalisation look at all of it."""
        return self.norm in ("group", "instance")

    def groups(self, channels: int) -> int:
        """Groups of the normalisation of so many channels."""
        return self.n_group if self.n_group > 0 else max(1, channels // max(1, self.gn_channel))


_CHOICES = {
    "norm": ("batch", "group", "instance", "none"),
    "conv_type": ("unet", "resnet"),
    "up_type": ("deconv", "upscale"),
    "down_type": ("maxpool", "avgpool", "stride"),
}
