from __future__ import annotations

import numpy as np
import pytest
from conftest import stars
from hypothesis import given
from hypothesis import strategies as st
from shared_io.errors import SchemaMismatch

from otrain import splits, suspicion
from otrain.cutouts import Cube, fraction
from otrain.kernels import groups


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 1)), min_size=4, max_size=80), st.integers(2, 5))
def test_folds_never_divide_a_group(rows: list[tuple[int, int]], folds: int) -> None:
    group, label = (np.array(part) for part in zip(*rows, strict=True))
    fold = groups.fold_numbers(group, label, folds, np.random.default_rng(0))
    assert all(len(set(fold[group == name].tolist())) == 1 for name in group)
    assert set(fold.tolist()) <= set(range(folds))


def test_folds_have_nearly_equal_classes() -> None:
    label = np.repeat([1, 0], [500, 60])
    fold = groups.fold_numbers(np.arange(560), label, 5, np.random.default_rng(0))
    assert np.bincount(fold[label == 0]).tolist() == [12] * 5
    assert np.bincount(fold[label == 1]).tolist() == [100] * 5


def test_links_of_several_keys_join_groups() -> None:
    names = np.array(["a", "a", "b", "", "", "c"])
    nights = np.array([1.0, 2.0, 2.0, np.nan, np.nan, 3.0])
    assert groups.connected(names, nights).tolist() == [0, 0, 0, 1, 2, 3]


def test_twins_are_found_however_they_are_turned() -> None:
    rng = np.random.default_rng(0)
    cube = rng.normal(size=(30, 9, 9, 2)).astype("f4")
    cube[0, 0, 0] = np.nan
    turned = np.stack([np.rot90(cube[0], 3), cube[1][:, ::-1], np.rot90(cube[2][::-1])])
    number = groups.duplicates(np.concatenate([cube, turned]))
    assert number[30:].tolist() == [0, 1, 2]
    assert len(set(number.tolist())) == 30


def test_near_twins() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(40, 100))
    rows[33] = rows[5] * 3 + 1 + rng.normal(0, 0.02, 100)
    assert groups.near_duplicates(rows, block=7) == [(5, 33)]


def with_twins(planted: int = 20) -> Cube:
    cube = stars(60)
    rng = np.random.default_rng(1)
    chosen = rng.choice(120, planted, replace=False)
    copies = np.rot90(cube.pixels[chosen], 1, axes=(1, 2))
    columns = {name: np.concatenate([v, v[chosen]]) for name, v in cube.columns.items()}
    columns["object"] = np.array([f"x{k}" for k in range(120 + planted)])
    labels = np.concatenate([cube.labels, 1 - cube.labels[chosen[:3]], cube.labels[chosen[3:]]])
    return Cube(np.concatenate([cube.pixels, copies]), labels, columns, cube.planes)


def test_planted_twins_are_all_found_and_kept_together() -> None:
    cube = with_twins()
    found = splits.split(cube, "object", 0.25, 0)
    assert found.duplicates == 40
    assert found.contradictions == 6
    for name in set(found.families.tolist()):
        assert len(set(found.held[found.families == name].tolist())) == 1
    one, other = cube.rows(np.flatnonzero(~found.held)), cube.rows(np.flatnonzero(found.held))
    assert splits.leaks(one, other) == []
    assert len(splits.leaks(cube.rows(np.arange(120)), cube.rows(np.arange(120, 140)))) == 20


def test_splits_go_by_columns() -> None:
    cube = stars(60)
    assert splits.split(cube, "auto", 0.2, 0).by == "object"
    found = splits.split(cube, "object", 0.2, 0)
    names = cube.column("object")
    assert not set(names[found.held]) & set(names[~found.held])
    assert 0.1 < found.held.mean() < 0.3
    assert splits.split(cube, "none", 0, 0).held.sum() == 0
    with pytest.raises(SchemaMismatch, match="nothing about the night"):
        splits.split(cube, "night", 0.2, 0)
    with pytest.raises(SchemaMismatch, match="cannot be split by 'colour'"):
        splits.split(cube, "colour", 0.2, 0)


@pytest.mark.parametrize(
    ("real", "bogus", "share", "wanted"),
    [(1000, 5000, 0.5, (1000, 1000)), (200, 200, 0.9, (200, 22)), (200, 200, 0.1, (22, 200)), (5, 5, 0, (0, 5)),
     (5, 5, 1, (5, 0)), (10, 100, 0.2, (10, 40))],
)  # fmt: skip
def test_fractions(real: int, bogus: int, share: float, wanted: tuple[int, int]) -> None:
    assert fraction(real, bogus, share) == wanted


@given(st.integers(1, 400), st.integers(1, 400), st.floats(0.02, 0.98))
def test_fractions_are_as_large_as_they_can_be(real: int, bogus: int, share: float) -> None:
    a, b = fraction(real, bogus, share)
    assert a <= real
    assert b <= bogus
    assert a == real or b == bogus
    assert abs(a - share * (a + b)) <= 1


def test_doubts() -> None:
    labels, p = np.array([1, 0, 1, 0, 1]), np.array([0.9, 0.8, 0.1, 0.2, np.nan])
    assert suspicion.ranked(labels, p).tolist() == [2, 1, 3, 0]
    assert suspicion.worth_labelling(np.array([0.1, 0.9, 0.5]), 2).tolist() == [1, 2]
