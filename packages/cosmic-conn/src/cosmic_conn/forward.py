"""The forward pass of the network on one core of a CPU, faster than a convolution's plain sum of products allows.

The 3x3 convolutions are Winograd's, the sums that group normalisation needs are taken where a convolution stores its
result, normalisation and ReLU are done where the next layer loads it, and nothing is copied behind another to be
concatenated. The numbers are those of `cosmic_conn.network.UNet` to the rounding of float32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from cosmic_conn.architecture import Architecture
from cosmic_conn.kernels.convolution import (
    convolved,
    enlarged,
    filtered,
    pooled,
    put_outside,
    summed,
    weighed,
)
from cosmic_conn.kernels.vectors import LANES, OUTPUT, ROWS, packed_matrices, packed_weights

__all__ = ["EPS", "Forward"]

Flat = npt.NDArray[np.float32]

_TOGETHER = 1 << 16  # numbers on a side of the products that are made together: both sides stay in the cache
EPS = 1e-5
"""What normalisations add to a variance: torch's default."""

_FAR = np.float32(1e30)
_LEAST = np.float32(1e-20)


@dataclass(frozen=True)
class _Grid:
    """Height and width of the images of a level [pixel]."""

    height: int
    width: int

    @property
    def down(self) -> int:
        return -(-self.height // OUTPUT)

    @property
    def across(self) -> int:
        return -(-self.width // OUTPUT)

    @property
    def sides(self) -> tuple[int, int]:
        return self.height, self.width

    @property
    def whole(self) -> bool:
        return self.height % OUTPUT == 0 and self.width % OUTPUT == 0

    @property
    def size(self) -> int:
        """Pixels of its features, with what lies outside of the image."""
        return (self.down * OUTPUT + 2) * (self.across * OUTPUT + 2)


@dataclass(frozen=True)
class _Features:
    """What a layer has made: numbers, and the rule by which the next one loads them."""

    data: Flat
    rule: Flat
    grid: _Grid

    def closed(self) -> _Features:
        """Give what lies outside of the image numbers that are loaded as zero, and return these features."""
        scale, _, floor = self.rule
        outside = np.where(floor == 0, -np.copysign(_FAR, scale), 0).astype(np.float32)
        g = self.grid
        put_outside(self.data, outside, g.down, g.across, g.height, g.width)
        return self


class _Tensors:
    """The weights of a network by name, each taken once."""

    def __init__(self, tensors: Mapping[str, Flat]) -> None:
        self._left = {k: v for k, v in tensors.items() if not k.endswith(".num_batches_tracked")}
        self._all = tensors

    def take(self, name: str, *shape: int) -> Flat:
        """Return one, or raise ValueError where there is none of such a shape."""
        if name not in self._all or self._all[name].shape != shape:
            raise ValueError(f"there is no {name} of {' x '.join(map(str, shape))} numbers")
        self._left.pop(name, None)
        return self._all[name]

    def none_left(self) -> None:
        """Raise ValueError where some have not been taken."""
        if self._left:
            raise ValueError(f"{next(iter(self._left))} belongs to no layer")


class _Convolution:
    """A 3x3 convolution and the normalisation and ReLU behind it; batch normalisation becomes part of its weights."""

    def __init__(self, tensors: _Tensors, name: str, norm: str, shape: tuple[int, int], a: Architecture) -> None:
        self.channels, self.inside = shape
        weights = tensors.take(f"{name}.weight", *shape, 3, 3)
        self.offset = tensors.take(f"{name}.bias", self.channels).astype(np.float64)
        self.groups = {"group": a.groups(self.channels), "instance": self.channels}.get(a.norm, 0)
        self.scale, self.shift = np.ones(self.channels), np.zeros(self.channels)
        if a.affine and a.norm != "none":
            self.scale, self.shift = (
                tensors.take(f"{norm}.{part}", self.channels).astype(np.float64) for part in ("weight", "bias")
            )
        if a.norm == "batch":
            mean, variance = (
                tensors.take(f"{norm}.running_{part}", self.channels).astype(np.float64) for part in ("mean", "var")
            )
            scale = self.scale / np.sqrt(variance + EPS)
            self.offset = scale * (self.offset - mean) + self.shift
            weights = (weights * scale[:, None, None, None]).astype(np.float32)
        flat = weights.reshape(self.channels, 9).T.reshape(-1) if self.inside == 1 else packed_weights(weights)
        self.weights = np.ascontiguousarray(flat)

    def rule(self, sums: npt.NDArray[np.float64], pixels: int) -> Flat:
        """Return how its result is to be loaded, from the sums of its channels and of their squares."""
        scale, shift = np.ones(self.channels), self.offset
        if self.groups:
            mean, square = sums.reshape(-1, 2, LANES).transpose(1, 0, 2).reshape(2, -1) / pixels
            square = square + 2 * self.offset * mean + self.offset**2
            mean = (mean + self.offset).reshape(self.groups, -1).mean(axis=1)
            variance = np.maximum(square.reshape(self.groups, -1).mean(axis=1) - mean**2, 0)
            each = self.channels // self.groups
            scale = self.scale * np.repeat(1 / np.sqrt(variance + EPS), each)
            shift = self.shift + scale * (self.offset - np.repeat(mean, each))
        scale = np.where(np.abs(scale) < _LEAST, _LEAST, scale)
        return np.array([scale, shift, np.zeros(self.channels)], dtype=np.float32)


class _Space:
    """Where the features of one image are put; used again for the next image."""

    def __init__(self, grids: Sequence[_Grid], channels: Sequence[int]) -> None:
        def room(size: int) -> Flat:
            return np.empty(size, dtype=np.float32)

        self.grids = grids
        self.image = np.zeros((grids[0].down * OUTPUT + 2, grids[0].across * OUTPUT + 2), dtype=np.float32)
        self.levels = [[room(g.size * c) for _ in range(3)] for g, c in zip(grids, channels, strict=True)]
        widest = max(_padded(g.width) * 4 * c for g, c in zip(grids, channels, strict=True))
        most = max(widest, _TOGETHER, ROWS * 36 * 2 * max(channels))
        self.left, self.right = room(most), room(most)
        self.nothing, self.no_rule = room(0), np.zeros((3, 0), dtype=np.float32)

    def convolved(
        self, layer: _Convolution, level: int, place: int, one: _Features, two: _Features | None
    ) -> _Features:
        """Return what a convolution makes of the features of a level, kept at a place of it."""
        grid, target, sums = self.grids[level], self.levels[level][place], np.zeros(2 * layer.channels)
        second = (self.nothing, self.no_rule) if two is None else (two.data, two.rule)
        together = _together(layer.inside, layer.channels)
        convolved(
            one.data,
            one.rule,
            *second,
            grid.across,
            grid.across * grid.down,
            layer.weights,
            layer.channels,
            target,
            sums,
            self.left,
            self.right,
            together,
        )
        return self._finished(layer, grid, target, sums)

    def filtered(self, layer: _Convolution, image: npt.NDArray[np.float32]) -> _Features:
        """Return what the first convolution makes of an image."""
        grid, target, sums = self.grids[0], self.levels[0][0], np.zeros(2 * layer.channels)
        self.image[1 : grid.height + 1, 1 : grid.width + 1] = image
        line = self.image.shape[1]
        filtered(
            self.image.reshape(-1),
            line,
            grid.across,
            grid.across * grid.down,
            layer.weights,
            layer.channels,
            target,
            sums,
        )
        return self._finished(layer, grid, target, sums)

    def _finished(self, layer: _Convolution, grid: _Grid, target: Flat, sums: npt.NDArray[np.float64]) -> _Features:
        if layer.groups and not grid.whole:
            sums[:] = 0
            summed(target, grid.across, grid.height, grid.width, layer.channels, sums)
        return _Features(target, layer.rule(sums, grid.height * grid.width), grid).closed()

    def pooled(self, level: int, above: _Features) -> _Features:
        """Return the largest of each 2x2 pixels of the level above."""
        grid, channels = self.grids[level], above.rule.shape[1]
        target = self.levels[level][2][: grid.size * channels]
        pooled(above.data, above.rule, above.grid.across, grid.height, grid.width, target, grid.across)
        return _Features(target, _as_it_is(np.zeros(channels)), grid).closed()

    def enlarged(self, layer: _Enlargement, level: int, below: _Features) -> _Features:
        """Return the features of the level below, made twice as large."""
        grid, target = self.grids[level], self.levels[level][2]
        small = below.grid
        enlarged(
            below.data,
            below.rule,
            small.across,
            small.height,
            small.width,
            layer.weights,
            _as_it_is(layer.offset),
            target,
            grid.across,
            self.left,
            self.right,
        )
        return _Features(target, _as_it_is(np.zeros(len(layer.offset))), grid).closed()


class _Enlargement:
    """A transposed 2x2 convolution."""

    def __init__(self, tensors: _Tensors, name: str, channels: int) -> None:
        weights = tensors.take(f"{name}.weight", 2 * channels, channels, 2, 2)
        self.weights = packed_matrices(weights.transpose(0, 2, 3, 1).reshape(1, len(weights), -1))
        self.offset = tensors.take(f"{name}.bias", channels)


class Forward:
    """A network made ready for the fast pass.

    Parameters
    ----------
    architecture
        One that `suits`.
    tensors
        The state of its `cosmic_conn.network.UNet`, by name.

    Raises
    ------
    ValueError
        When these are not the tensors of such a network.
    """

    def __init__(self, architecture: Architecture, tensors: Mapping[str, Flat]) -> None:
        a, given = architecture, _Tensors(tensors)
        sizes = [1, *a.channels]
        self._channels = a.channels
        self._down = [
            _pair(given, "stem" if level == 0 else f"down.{level - 1}.1", inside, out, a)
            for level, (inside, out) in enumerate(pairwise(sizes))
        ]
        self._up = [_pair(given, f"up.{level}", 2 * c, c, a) for level, c in enumerate(a.channels[:-1])]
        self._grow = [_Enlargement(given, f"grow.{level}", c) for level, c in enumerate(a.channels[:-1])]
        head = given.take("head.weight", 1, a.hidden, 1, 1).reshape(-1)
        self._head = np.ascontiguousarray(head), float(given.take("head.bias", 1)[0])
        self._spaces: list[_Space] = []
        given.none_left()

    @staticmethod
    def suits(a: Architecture) -> bool:
        """Tell whether there is a fast pass for an architecture: the plain shape, with channels that fill vectors."""
        plain = (a.conv_type, a.up_type, a.down_type) == ("unet", "deconv", "maxpool")
        return plain and a.hidden % LANES == 0

    def __call__(self, image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the logits of an image.

        Parameters
        ----------
        image : ndarray of float32, shape (height, width)
            The sides are multiples of what the architecture says.

        Returns
        -------
        ndarray of float32, same shape
        """
        grids = [_Grid(image.shape[0] >> level, image.shape[1] >> level) for level in range(len(self._down))]
        space = self._space(grids)
        first, second = self._down[0]
        levels = [space.convolved(second, 0, 1, space.filtered(first, image), None)]
        for level, (first, second) in enumerate(self._down[1:], 1):
            x = space.convolved(first, level, 0, space.pooled(level, levels[-1]), None)
            levels.append(space.convolved(second, level, 1, x, None))
        x = levels.pop()
        while levels:
            level = len(levels) - 1
            first, second = self._up[level]
            wide = space.enlarged(self._grow[level], level, x)
            x = space.convolved(second, level, 1, space.convolved(first, level, 0, levels.pop(), wide), None)
        found = np.empty(image.size, dtype=np.float32)
        weights, offset = self._head
        weighed(x.data, x.rule, x.grid.across, *x.grid.sides, weights, offset, found)
        self._spaces.append(space)
        return found.reshape(image.shape)

    def _space(self, grids: list[_Grid]) -> _Space:
        """Return a space for such grids that no other thread uses."""
        while self._spaces:
            space = self._spaces.pop()
            if space.grids == grids:
                return space
        return _Space(grids, self._channels)


def _pair(tensors: _Tensors, block: str, inside: int, out: int, a: Architecture) -> tuple[_Convolution, _Convolution]:
    norm = f"{block}.norm"
    return (
        _Convolution(tensors, f"{block}.first", norm, (out, inside), a),
        _Convolution(tensors, f"{block}.second", norm if a.shared_norm else f"{norm}2", (out, out), a),
    )


def _as_it_is(offset: npt.NDArray[np.floating]) -> Flat:
    """Return the rule that only adds an offset to each channel."""
    return np.array([np.ones(len(offset)), offset, np.full(len(offset), -np.inf)], dtype=np.float32)


def _together(inside: int, channels: int) -> int:
    """Return how many patches are worked on together."""
    return max(_TOGETHER // (36 * max(inside, channels)) // ROWS, 1) * ROWS


def _padded(rows: int) -> int:
    return -(-rows // ROWS) * ROWS
