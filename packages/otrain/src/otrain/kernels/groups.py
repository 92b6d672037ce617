"""Groups of objects that must not be torn apart, and cut-outs that are there twice."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["connected", "duplicates", "fold_numbers", "near_duplicates"]

Array = npt.NDArray[Any]


def fold_numbers(groups: Array, labels: Array, folds: int, rng: np.random.Generator) -> Array:
    """Divide objects into folds of nearly equal numbers of each class; a group is never divided.

    Large groups are placed first, each where its classes are most wanted.

    Parameters
    ----------
    groups : ndarray, shape (n,)
        The group of each object.
    labels : ndarray of int, shape (n,)
        0 or 1.
    folds : int
        How many.
    rng : numpy.random.Generator
        Decides between equals.

    Returns
    -------
    ndarray of int, shape (n,)
        From 0 to folds - 1.
    """
    names, index = np.unique(groups, return_inverse=True)
    content = np.zeros((len(names), 2))
    np.add.at(content, (index, np.asarray(labels, int)), 1)
    content /= np.maximum(content.sum(axis=0), 1)
    order = rng.permutation(len(names))
    order = order[np.argsort(-content[order].max(axis=1), kind="stable")]
    load, number = np.zeros((folds, 2)), np.zeros(len(names), int)
    for name in order:
        cost = ((load + content[name]) ** 2 - load**2).sum(axis=1)
        number[name] = int(np.argmin(cost))
        load[number[name]] += content[name]
    return number[index]


def connected(*keys: Array) -> Array:
    """Number the groups of objects that are linked by equal values of any of several keys.

    Parameters
    ----------
    *keys : ndarray, shape (n,)
        Values of each object; None, NaN and empty text link nothing.

    Returns
    -------
    ndarray of int, shape (n,)
        From 0, in the order of the first object of each group.
    """
    n = len(keys[0])
    parent = np.arange(n)

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = int(parent[i])
        return i

    for key in keys:
        first: dict[Any, int] = {}
        for i, value in enumerate(np.asarray(key).tolist()):
            if value is None or value == "" or value != value:
                continue
            parent[root(i)] = root(first.setdefault(value, i))
    roots = np.array([root(i) for i in range(n)], int)
    _, start, index = np.unique(roots, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(start))[index]


def duplicates(cube: Array) -> Array:
    """Number cut-outs so that those with equal pixels, in any of the eight rotations and flips, have one number.

    Parameters
    ----------
    cube : ndarray, shape (n, ny, nx, planes)

    Returns
    -------
    ndarray of int, shape (n,)
    """
    seen: dict[bytes, int] = {}
    return np.array([seen.setdefault(_fingerprint(stamp), len(seen)) for stamp in cube], int)


def _fingerprint(stamp: Array) -> bytes:
    """The smallest of the digests of all views; NaNs are alike."""
    stamp = np.where(np.isnan(stamp), np.float32(np.nan), stamp) + np.float32(0)
    turned = [np.rot90(one, k) for one in (stamp, stamp[:, ::-1]) for k in range(4)]
    return min(hashlib.blake2b(np.ascontiguousarray(one).tobytes(), digest_size=16).digest() for one in turned)


def near_duplicates(features: Array, *, correlation: float = 0.995, block: int = 512) -> list[tuple[int, int]]:
    """Return pairs of cut-outs whose normalised pixels correlate.

    Parameters
    ----------
    features : ndarray, shape (n, m)
        Normalised pixels, one row a cut-out.
    correlation : float
        Pearson's coefficient from which on two are a pair.
    block : int
        Rows that are compared at a time.

    Returns
    -------
    list of (int, int)
        Rising, the first below the second.
    """
    centred = features - features.mean(axis=1, keepdims=True)
    norm = np.sqrt(np.square(centred).sum(axis=1, keepdims=True))
    unit = (centred / np.where(norm > 0, norm, 1)).astype(np.float32)
    pairs: list[tuple[int, int]] = []
    for start in range(0, len(unit), block):
        product = unit[start : start + block] @ unit[start:].T
        a, b = np.nonzero(product >= correlation)
        pairs += [(int(i) + start, int(j) + start) for i, j in zip(a, b, strict=True) if i < j]
    return pairs
