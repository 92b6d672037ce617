"""The innermost steps of the network's convolutions, for `LANES` channels at a time, as vector instructions.

Each function here is one straight piece of machine code that numba puts into the loops of
`cosmic_conn.kernels.convolution`: a patch of pixels is loaded, worked on in registers, and stored. Arrays are flat
float32 arrays, and places in them are counted in elements.

What is loaded passes ``max(scale * x + shift, floor)`` of its channel on the way, so that normalisation and ReLU of one
layer are done by the loads of the next.

Winograd's minimal filtering F(4x4, 3x3) (Lavin & Gray 2016, CVPR, arXiv:1509.09308) gives 4x4 outputs of a 3x3
convolution from 6x6 inputs by 36 products a pair of channels, instead of 144. It evaluates polynomials at 0, +-a, +-b
and infinity; a = 1/sqrt(2) and b = 1/a keep the rounding small (Alam et al. 2022, arXiv:2201.10369, on points c, -c,
1/c and -1/c).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from llvmlite import binding, ir
from numba import types
from numba.extending import intrinsic

__all__ = [
    "INPUT",
    "LANES",
    "OUTPUT",
    "POINTS",
    "ROWS",
    "activate",
    "dot",
    "filter_tile",
    "from_products",
    "largest",
    "multiply",
    "multiply_pair",
    "packed_matrices",
    "packed_weights",
    "to_products",
]

LANES, ROWS = (16, 12) if binding.get_host_cpu_features().get("avx512f") else (8, 6)
"""Channels of a vector, and patches whose products are made together: what the registers of the machine hold."""

OUTPUT, INPUT = 4, 6
"""Side of a patch of outputs, and of the inputs that they are made from [pixel]."""

_A, _B = 0.5**0.5, 2.0**0.5
POINTS = (0.0, _A, -_A, _B, -_B)
"""Where polynomials are evaluated, besides infinity."""

_WIDE = ir.VectorType(ir.FloatType(), LANES)
_LONG = ir.VectorType(ir.DoubleType(), LANES)
_INDEX = ir.IntType(64)
_FUSED = ("contract",)  # a * b + c may be one instruction

_array = types.Array(types.float32, 1, "C")
_sums = types.Array(types.float64, 1, "C")
_place = types.int64

Vector: TypeAlias = ir.Value
Emit = Callable[..., Any]


def packed_weights(weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the weights of a 3x3 convolution as those of the 36 products.

    Parameters
    ----------
    weights : ndarray, shape (out, in, 3, 3)
        `out` is a multiple of `LANES`.

    Returns
    -------
    ndarray of float32, flat
        Matrices of shape (36, in, out) as by `packed_matrices`.
    """
    rows = [[p**k / np.prod([p - q for q in POINTS if q != p]) for k in range(3)] for p in POINTS]
    g = np.array([*rows, [0.0, 0.0, 1.0]])
    products = np.einsum("iy,jx,ocyx->ijco", g, g, weights.astype(np.float64))
    return packed_matrices(products.reshape(INPUT**2, *products.shape[2:]))


def packed_matrices(matrices: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Return matrices of shape (n, in, out) in the order in which they are multiplied with.

    Returns
    -------
    ndarray of float32, flat
        Of shape (n, out / wide, in, wide); `wide` is two vectors, or one where that leaves a rest.
    """
    number, inside, out = matrices.shape
    wide = LANES if out % (2 * LANES) else 2 * LANES
    columns = matrices.reshape(number, inside, -1, wide).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(columns, dtype=np.float32).reshape(-1)


class _Code:
    """Arithmetic on vectors, written as instructions behind one another."""

    def __init__(self, context: Any, builder: ir.IRBuilder, signature: Any, args: Sequence[ir.Value]) -> None:
        self.builder = b = builder
        self.args = [
            context.make_array(kind)(context, b, value).data if isinstance(kind, types.Array) else value
            for kind, value in zip(signature.args, args, strict=True)
        ]

    def at(self, base: ir.Value, *steps: tuple[ir.Value, int]) -> ir.Value:
        """Return the place `base` plus steps times counts."""
        for step, count in steps:
            if count:
                base = self.builder.add(base, self.builder.mul(step, _INDEX(count)))
        return base

    def load(self, data: ir.Value, place: ir.Value, kind: ir.Type = _WIDE) -> Vector:
        b = self.builder
        return b.load(b.bitcast(b.gep(data, [place]), kind.as_pointer()), align=4)

    def store(self, value: Vector, data: ir.Value, place: ir.Value) -> None:
        b = self.builder
        b.store(value, b.bitcast(b.gep(data, [place]), value.type.as_pointer()), align=4)

    def splat(self, data: ir.Value, place: ir.Value) -> Vector:
        """Return one number in all lanes."""
        b, undefined = self.builder, ir.Constant(_WIDE, ir.Undefined)
        one = b.insert_element(undefined, b.load(b.gep(data, [place]), align=4), _INDEX(0))
        return b.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))

    def add(self, x: Vector, y: Vector) -> Vector:
        return self.builder.fadd(x, y, flags=_FUSED)

    def sub(self, x: Vector, y: Vector) -> Vector:
        return self.builder.fsub(x, y, flags=_FUSED)

    def mul(self, x: Vector, factor: float | Vector) -> Vector:
        if isinstance(factor, float):
            factor = ir.Constant(_WIDE, [float(np.float32(factor))] * LANES)
        return self.builder.fmul(x, factor, flags=_FUSED)

    def above(self, x: Vector, floor: Vector) -> Vector:
        """Return the larger of both; NaN stays NaN."""
        return self.builder.select(self.builder.fcmp_ordered("<", x, floor), floor, x)

    def total(self, values: Sequence[Vector]) -> Vector:
        """Return the sum, pair by pair."""
        while len(values) > 1:
            values = [self.add(*values[i : i + 2]) for i in range(0, len(values), 2)]
        return values[0]

    def loader(self, source: ir.Value, rule: Sequence[ir.Value], channel: ir.Value) -> Callable[[ir.Value], Vector]:
        """Return what loads pixels through scale, shift and floor of their channels."""
        scale, shift, floor = (self.load(part, channel) for part in rule)
        return lambda place: self.above(self.add(self.mul(self.load(source, place), scale), shift), floor)


def _forward(code: _Code, d: Sequence[Vector]) -> list[Vector]:
    """Return the six values at the points of six inputs along a line."""
    aa, bb = _A * _A, _B * _B
    even_a, odd_a = code.sub(d[4], code.mul(d[2], bb)), code.mul(code.sub(d[3], code.mul(d[1], bb)), _A)
    even_b, odd_b = code.sub(d[4], code.mul(d[2], aa)), code.mul(code.sub(d[3], code.mul(d[1], aa)), _B)
    ends = [code.add(code.sub(code.mul(d[i], aa * bb), code.mul(d[i + 2], aa + bb)), d[i + 4]) for i in (0, 1)]
    pairs = [(code.add(e, o), code.sub(e, o)) for e, o in ((even_a, odd_a), (even_b, odd_b))]
    return [ends[0], *pairs[0], *pairs[1], ends[1]]


def _backward(code: _Code, m: Sequence[Vector]) -> list[Vector]:
    """Return the four outputs along a line of six products."""
    plus_a, minus_a = code.add(m[1], m[2]), code.mul(code.sub(m[1], m[2]), _A)
    plus_b, minus_b = code.add(m[3], m[4]), code.mul(code.sub(m[3], m[4]), _B)
    return [
        code.add(code.add(m[0], plus_a), plus_b),
        code.add(minus_a, minus_b),
        code.add(code.mul(plus_a, _A * _A), code.mul(plus_b, _B * _B)),
        code.add(code.add(code.mul(minus_a, _A * _A), code.mul(minus_b, _B * _B)), m[5]),
    ]


def _put(code: _Code, values: list[list[Vector]], target: Sequence[ir.Value], sums: Sequence[ir.Value]) -> None:
    """Store a patch of outputs, and add it to the sums of its channels and of their squares."""
    data, to, pixel, row = target
    for i, line in enumerate(values):
        for j, value in enumerate(line):
            code.store(value, data, code.at(to, (row, i), (pixel, j)))
    flat = [value for line in values for value in line]
    both, place = sums
    squares = code.total([code.mul(value, value) for value in flat])
    for part, step in ((code.total(flat), 0), (squares, LANES)):
        where = code.builder.add(place, _INDEX(step))
        before = code.load(both, where, _LONG)
        code.store(code.builder.fadd(before, code.builder.fpext(part, _LONG)), both, where)


def _written(*kinds: Any, result: Any = types.void) -> Callable[[Emit], Any]:
    """Make a function that writes code into one that compiled kernels can call, with arguments of these kinds."""

    def decorate(emit: Emit) -> Any:
        def typed(_: Any, *given: Any) -> Any:
            def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: Sequence[ir.Value]) -> Any:
                code = _Code(context, builder, signature, args)
                found = emit(code, *code.args)
                return context.get_dummy_value() if found is None else found

            return result(*kinds), codegen

        typed.__name__, typed.__doc__ = emit.__name__, emit.__doc__
        typed.__signature__ = inspect.signature(emit)  # type: ignore[attr-defined] # numba reads the arguments from it
        return intrinsic(typed)

    return decorate


_source = (_array, _place)  # pixels, and where those of the patch and channel begin
_strides = (_place, _place)  # from a pixel to the next, from a row to the next
_rule = (_array, _array, _array, _place)  # scale, shift and floor, and the channel


@_written(*_source, *_strides, *_rule, _array, _place, _place)
def to_products(code, source, at, pixel, row, scale, shift, floor, channel, target, to, step):  # type: ignore[no-untyped-def]
    """Transform a patch of 6x6 inputs into the left sides of 36 products, `step` apart."""
    load = code.loader(source, (scale, shift, floor), channel)
    columns = [_forward(code, [load(code.at(at, (row, i), (pixel, j))) for i in range(INPUT)]) for j in range(INPUT)]
    for i, line in enumerate(zip(*columns, strict=True)):
        for j, value in enumerate(_forward(code, line)):
            code.store(value, target, code.at(to, (step, INPUT * i + j)))


@_written(_array, _place, _place, *_source, *_strides, _sums, _place)
def from_products(code, products, at, step, target, to, pixel, row, sums, place):  # type: ignore[no-untyped-def]
    """Transform 36 products, `step` apart, into a patch of 4x4 outputs."""
    m = [[code.load(products, code.at(at, (step, INPUT * i + j))) for i in range(INPUT)] for j in range(INPUT)]
    columns = [_backward(code, column) for column in m]
    lines = [_backward(code, line) for line in zip(*columns, strict=True)]
    _put(code, lines, (target, to, pixel, row), (sums, place))


def _multiply(width: int) -> Emit:
    """Return what writes the product of `ROWS` rows with a matrix of `width` vectors a row.

    The rows are cut into vectors, those of the same channels behind one another, and so is what they become.
    """

    def emit(code, left, at, step, weights, start, depth, target, to):  # type: ignore[no-untyped-def]
        b, before = code.builder, code.builder.block
        loop, done = b.append_basic_block("depth"), b.append_basic_block("done")
        b.branch(loop)
        b.position_at_end(loop)
        index, sums = b.phi(_INDEX), [[b.phi(_WIDE) for _ in range(width)] for _ in range(ROWS)]
        rows = b.gep(left, [code.at(b.add(at, b.mul(index, step)))])
        columns = b.gep(weights, [code.at(start, (index, LANES * LANES * width))])
        found = sums
        for k in range(LANES):
            right = [code.load(columns, _INDEX((k * width + n) * LANES)) for n in range(width)]
            factors = (code.splat(rows, _INDEX(row * LANES + k)) for row in range(ROWS))
            found = [
                [code.add(code.mul(factor, column), total) for total, column in zip(line, right, strict=True)]
                for factor, line in zip(factors, found, strict=True)
            ]
        following = b.add(index, _INDEX(1))
        for phi, first, later in [(index, _INDEX(0), following)] + [
            (old, ir.Constant(_WIDE, [0.0] * LANES), new)
            for olds, news in zip(sums, found, strict=True)
            for old, new in zip(olds, news, strict=True)
        ]:
            phi.add_incoming(first, before)
            phi.add_incoming(later, loop)
        b.cbranch(b.icmp_signed("<", following, depth), loop, done)
        b.position_at_end(done)
        for row, line in enumerate(found):
            for n, total in enumerate(line):
                code.store(total, target, code.at(to, (step, n), (_INDEX(LANES), row)))

    return emit


_product = (*_source, _place, *_source, _place, *_source)
multiply, multiply_pair = (_written(*_product)(_multiply(width)) for width in (1, 2))


@_written(*_source, _place, _array, _place, _place, *_source, *_strides, _sums, _place)
def filter_tile(code, source, at, line, weights, channel, step, target, to, pixel, row, sums, place):  # type: ignore[no-untyped-def]
    """Convolve a patch of 6x6 pixels of one channel, rows `line` apart, with the 3x3 weights, `step` apart."""
    w = [code.load(weights, code.at(channel, (step, k))) for k in range(9)]
    unit = _INDEX(1)
    lines: list[list[Vector]] = [[None] * OUTPUT for _ in range(OUTPUT)]
    for i in range(OUTPUT):
        for j in range(OUTPUT):
            for k in range(9):
                part = code.mul(code.splat(source, code.at(at, (line, i + k // 3), (unit, j + k % 3))), w[k])
                lines[i][j] = part if k == 0 else code.add(lines[i][j], part)
    _put(code, lines, (target, to, pixel, row), (sums, place))


@_written(*_source, *_strides, *_rule, _array, _place)
def largest(code, source, at, pixel, row, scale, shift, floor, channel, target, to):  # type: ignore[no-untyped-def]
    """Store the largest of 2x2 pixels."""
    load = code.loader(source, (scale, shift, floor), channel)
    first, *rest = [load(code.at(at, (row, i), (pixel, j))) for i in (0, 1) for j in (0, 1)]
    for value in rest:
        first = code.above(value, first)
    code.store(first, target, to)


@_written(*_source, *_rule, _array, _place)
def activate(code, source, at, scale, shift, floor, channel, target, to):  # type: ignore[no-untyped-def]
    """Store a pixel after scale, shift and floor."""
    code.store(code.loader(source, (scale, shift, floor), channel)(at), target, to)


@_written(*_source, *_rule, _array, result=types.float32)
def dot(code, source, at, scale, shift, floor, channel, weights):  # type: ignore[no-untyped-def]
    """Return the sum of a pixel's channels times their weights."""
    x = code.mul(code.loader(source, (scale, shift, floor), channel)(at), code.load(weights, channel))
    lanes = [code.builder.extract_element(x, _INDEX(k)) for k in range(LANES)]
    return code.total(lanes)
