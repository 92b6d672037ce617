"""Which cut-outs belong together, and which are held back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from shared_io.errors import SchemaMismatch

from otrain.cutouts import Cube
from otrain.kernels import groups, pixels

__all__ = ["COLUMNS", "Split", "leaks", "split"]

Array = npt.NDArray[Any]

COLUMNS = {"object": "object", "night": "night", "field": "field", "candid": "candid"}
"""What a split may go by -> the column of the cube."""

_NEAR = 20_000  # cut-outs up to which all pairs are compared
_CENTRE = 15


@dataclass(frozen=True)
class Split:
    """Families of cut-outs, and those held back.

    Attributes
    ----------
    families : ndarray of int, shape (n,)
    held : ndarray of bool, shape (n,)
        Cut-outs that neither training nor calibration sees.
    by : str
        What the families are.
    duplicates : int
        Cut-outs that are there more than once (the same pixels, turned or flipped, or nearly so).
    contradictions : int
        Of these, how many have another label than their twin.
    """

    families: Array
    held: Array
    by: str
    duplicates: int
    contradictions: int


def twins(cube: Cube) -> list[tuple[int, int]]:
    """Return pairs of cut-outs with the same pixels, or with central pixels that correlate to 0.995."""
    number = groups.duplicates(np.asarray(cube.pixels))
    order = np.argsort(number, kind="stable")
    same = np.flatnonzero(np.diff(number[order]) == 0)
    pairs = [(int(order[k]), int(order[k + 1])) for k in same]
    if len(cube) <= _NEAR:
        side = min(_CENTRE, *cube.pixels.shape[1:3])
        centre = pixels.robust(pixels.crop(np.asarray(cube.pixels), side))[..., :-1]
        pairs += groups.near_duplicates(centre.reshape(len(cube), -1))
    return sorted(set(pairs))


def split(cube: Cube, by: str, frac: float, seed: int, *, families: Array | None = None) -> Split:
    """Divide cut-outs; objects of one family, and twins, stay together.

    Parameters
    ----------
    cube : Cube
    by : str
        ``object``, ``night``, ``field``, ``candid``, several of them with ``+``; ``none``; ``auto``: ``object`` where
        the cube names objects, else ``none``.
    frac : float
        Part that is held back, from 0 to 0.9.
    seed : int
    families : ndarray, shape (n,), optional
        Families that are known already; `by` is then their name.

    Raises
    ------
    SchemaMismatch
        If the cube lacks a column, or too few families are there.
    """
    pairs = twins(cube)
    keys = [_linked(len(cube), pairs)]
    if families is not None:
        keys.append(np.asarray(families))
    elif by == "auto":
        by = "object" if (cube.column("object") != "").any() else "none"
    if families is None and by != "none":
        keys += [_column(cube, name) for name in by.split("+")]
    family = groups.connected(*keys)
    held = np.zeros(len(cube), bool)
    if frac > 0:
        parts = max(round(1 / frac), 2)
        held = groups.fold_numbers(family, cube.labels, parts, np.random.default_rng(seed)) == 0
    twin = {k for pair in pairs for k in pair}
    wrong = {k for a, b in pairs if cube.labels[a] != cube.labels[b] for k in (a, b)}
    return Split(family, held, by, len(twin), len(wrong))


def _column(cube: Cube, name: str) -> Array:
    column = COLUMNS.get(name)
    if column is None:
        raise SchemaMismatch(f"cut-outs cannot be split by {name!r}", hint=f"choose from {', '.join(COLUMNS)}, none")
    values = cube.column(column)
    if not (values != "").any():
        raise SchemaMismatch(
            f"the cube says nothing about the {name} of its cut-outs",
            hint="give the keywords OBJECT, NIGHT or FIELD before converting, or choose another --split-by",
        )
    return values


def _linked(number: int, pairs: list[tuple[int, int]]) -> Array:
    """One number for all that are linked by pairs."""
    key = np.arange(number)

    def root(k: int) -> int:
        while key[k] != k:
            key[k] = key[key[k]]
            k = int(key[k])
        return k

    for a, b in pairs:
        key[root(b)] = root(a)
    return np.array([root(k) for k in range(number)])


def leaks(one: Cube, other: Cube) -> list[tuple[int, int]]:
    """Return pairs (row of one, row of the other) of twins between two cubes.

    Raises
    ------
    SchemaMismatch
        If their cut-outs have different shapes.
    """
    if one.pixels.shape[1:] != other.pixels.shape[1:]:
        raise SchemaMismatch("the cubes hold cut-outs of different shapes")
    both = Cube(np.concatenate([one.pixels, other.pixels]), np.concatenate([one.labels, other.labels]), {}, one.planes)
    family = _linked(len(both), twins(both))
    first: dict[int, list[int]] = {}
    for k in range(len(one)):
        first.setdefault(int(family[k]), []).append(k)
    return [(a, k - len(one)) for k in range(len(one), len(both)) for a in first.get(int(family[k]), [])]
