"""The layers of the network as loops over channels-last pixels.

The features of a level are a flat float32 array of shape (rows, columns, channels): the pixels inside a border of one,
and behind the last row and column what is left to a multiple of four. What lies outside of the image holds numbers that
become zero when they are loaded. A `rule` is the scale, shift and floor of each channel, by which features are loaded.
See `cosmic_conn.kernels.vectors` for the arithmetic.

The functions fill arrays that they are given: nothing is allocated for a tile.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cosmic_conn.kernels.compiled import compiled
from cosmic_conn.kernels.vectors import (
    INPUT,
    LANES,
    OUTPUT,
    ROWS,
    activate,
    dot,
    filter_tile,
    from_products,
    largest,
    multiply,
    multiply_pair,
    to_products,
)

__all__ = ["convolved", "enlarged", "filtered", "pooled", "put_outside", "summed", "weighed"]

Flat = npt.NDArray[np.float32]
Rule = npt.NDArray[np.float32]
Sums = npt.NDArray[np.float64]


@compiled
def gathered(
    source: Flat, rule: Rule, across: int, start: int, stop: int, left: Flat, inside: int, offset: int, together: int
) -> None:
    """Fill the left sides of the products of some patches, from channel `offset` of `inside` on."""
    channels = rule.shape[1]
    row = (across * OUTPUT + 2) * channels
    scale, shift, floor = rule[0], rule[1], rule[2]
    for patch in range(start, stop):
        at = (patch // across * row + patch % across * channels) * OUTPUT
        to = (patch - start) * LANES + offset * together
        for c in range(0, channels, LANES):
            to_products(
                source, at + c, channels, row, scale, shift, floor, c, left, to + c * together, together * inside
            )


@compiled
def multiplied(
    left: Flat, inside: int, weights: Flat, channels: int, rows: int, together: int, right: Flat, k: int
) -> None:
    """Fill the right side of product `k` of some rows; both sides are cut into vectors: (channels, rows, vector)."""
    step = together * LANES
    pair = channels % (2 * LANES) == 0
    for c in range(0, channels, 2 * LANES if pair else LANES):
        start = (k * channels + c) * inside
        for row in range(0, rows, ROWS):
            at, to = k * inside * together + row * LANES, (k * channels + c) * together + row * LANES
            if pair:
                multiply_pair(left, at, step, weights, start, inside // LANES, right, to)
            else:
                multiply(left, at, step, weights, start, inside // LANES, right, to)


@compiled
def convolved(
    one: Flat,
    one_rule: Rule,
    two: Flat,
    two_rule: Rule,
    across: int,
    patches: int,
    weights: Flat,
    channels: int,
    target: Flat,
    sums: Sums,
    left: Flat,
    right: Flat,
    together: int,
) -> None:
    """Convolve the features of a level, or of two behind one another, with 3x3 weights.

    Parameters
    ----------
    one, one_rule, two, two_rule
        Features and how to load them, rules of shape (3, channels); the second may have none.
    across, patches
        Patches of 4x4 pixels in a row of the level, and in all of it.
    weights, channels
        From `packed_weights`; channels of the result.
    target
        Features of the result, without offset.
    sums : ndarray of float64
        To which the sums of each vector of channels and of their squares are added, of all patches whole.
    left, right
        Space for the two sides of the products.
    together
        Patches that are worked on together, a multiple of `ROWS`.
    """
    first, second = one_rule.shape[1], two_rule.shape[1]
    inside = first + second
    for start in range(0, patches, together):
        stop = min(start + together, patches)
        gathered(one, one_rule, across, start, stop, left, inside, 0, together)
        if second:
            gathered(two, two_rule, across, start, stop, left, inside, first, together)
        for k in range(INPUT * INPUT):
            multiplied(left, inside, weights, channels, stop - start, together, right, k)
        for patch in range(start, stop):
            row = (across * OUTPUT + 2) * channels
            to = (patch // across * row + patch % across * channels) * OUTPUT + row + channels
            at = (patch - start) * LANES
            for c in range(0, channels, LANES):
                from_products(right, at + c * together, together * channels, target, to + c, channels, row, sums, 2 * c)


@compiled
def filtered(
    image: Flat, line: int, across: int, patches: int, weights: Flat, channels: int, target: Flat, sums: Sums
) -> None:
    """Convolve the pixels of one channel, rows `line` apart, with weights of shape (3, 3, channels); as `convolved`."""
    row = (across * OUTPUT + 2) * channels
    for patch in range(patches):
        down, right = patch // across * OUTPUT, patch % across * OUTPUT
        to = (down + 1) * row + (right + 1) * channels
        for c in range(0, channels, LANES):
            at = down * line + right
            filter_tile(image, at, line, weights, c, channels, target, to + c, channels, row, sums, 2 * c)


@compiled
def pooled(source: Flat, rule: Rule, across: int, height: int, width: int, target: Flat, across_target: int) -> None:
    """Fill a level of `height` x `width` pixels with the largest of each 2x2 pixels of the level above."""
    channels = rule.shape[1]
    scale, shift, floor = rule[0], rule[1], rule[2]
    row, row_target = (across * OUTPUT + 2) * channels, (across_target * OUTPUT + 2) * channels
    for y in range(height):
        for x in range(width):
            at, to = (2 * y + 1) * row + (2 * x + 1) * channels, (y + 1) * row_target + (x + 1) * channels
            for c in range(0, channels, LANES):
                largest(source, at + c, channels, row, scale, shift, floor, c, target, to + c)


@compiled
def enlarged(
    source: Flat,
    rule: Rule,
    across: int,
    height: int,
    width: int,
    weights: Flat,
    after: Rule,
    target: Flat,
    across_target: int,
    left: Flat,
    right: Flat,
) -> None:
    """Fill a level with the transposed 2x2 convolution of the level below of `height` x `width` pixels.

    Parameters
    ----------
    weights
        From `packed_matrices`: what a pixel is to the channels of the four in its place.
    after
        Rule that brings the offsets in.
    left, right
        Space for the pixels of a row and for their products.
    """
    inside, channels = rule.shape[1], after.shape[1]
    row, row_target = (across * OUTPUT + 2) * inside, (across_target * OUTPUT + 2) * channels
    together = (width + ROWS - 1) // ROWS * ROWS
    for y in range(height):
        for x in range(width):
            at = (y + 1) * row + (x + 1) * inside
            for c in range(0, inside, LANES):
                activate(source, at + c, rule[0], rule[1], rule[2], c, left, c * together + x * LANES)
        multiplied(left, inside, weights, 4 * channels, width, together, right, 0)
        for x in range(width):
            for c in range(0, 4 * channels, LANES):
                place, channel = c // channels, c % channels
                to = (2 * y + 1 + place // 2) * row_target + (2 * x + 1 + place % 2) * channels + channel
                at = c * together + x * LANES
                activate(right, at, after[0], after[1], after[2], channel, target, to)


@compiled
def weighed(
    source: Flat, rule: Rule, across: int, height: int, width: int, weights: Flat, offset: float, target: Flat
) -> None:
    """Fill an image of `height` x `width` pixels with the weighted sum of the channels of each pixel."""
    channels = rule.shape[1]
    for y in range(height):
        for x in range(width):
            at = ((y + 1) * (across * OUTPUT + 2) + x + 1) * channels
            total = np.float32(offset)
            for c in range(0, channels, LANES):
                total += dot(source, at + c, rule[0], rule[1], rule[2], c, weights)
            target[y * width + x] = total


@compiled
def put_outside(target: Flat, values: Flat, down: int, across: int, height: int, width: int) -> None:
    """Give what lies outside of an image the values of its channels."""
    channels, columns = len(values), across * OUTPUT + 2
    for y in range(down * OUTPUT + 2):
        inside = 0 < y <= height
        for x in range(columns if not inside else columns - width):
            place = x if not inside or x == 0 else x + width
            for c in range(channels):
                target[(y * columns + place) * channels + c] = values[c]


@compiled
def summed(source: Flat, across: int, height: int, width: int, channels: int, sums: Sums) -> None:
    """Add the pixels of an image, and their squares, to the sums of its channels, laid out as by `convolved`."""
    for y in range(height):
        for x in range(width):
            at = ((y + 1) * (across * OUTPUT + 2) + x + 1) * channels
            for c in range(channels):
                place = c // LANES * 2 * LANES + c % LANES
                value = np.float64(source[at + c])
                sums[place] += value
                sums[place + LANES] += value * value
