from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cosmic_conn.engine import Engine
from cosmic_conn.kernels.tiling import blend_weights, fitting_side, padded, tile_starts
from cosmic_conn.models.card import Card, Front
from cosmic_conn.network import Architecture, UNet
from cosmic_conn.search import probability_rows
from cosmic_conn.sky import Plane, Sky


@given(st.integers(2, 800), st.integers(16, 120), st.integers(0, 24))
def test_weights_add_up_to_one_everywhere(length4: int, side4: int, margin: int) -> None:
    length, largest = 4 * length4, 4 * side4
    halo = 24
    if largest <= 2 * halo:
        return
    side = fitting_side(length, largest, halo, 4)
    starts = tile_starts(length, side, halo, 4)
    weights = blend_weights(length, starts, side, halo, margin)
    total = np.zeros(length)
    for start, weight in zip(starts, weights, strict=True):
        total[start : start + side] += weight
    assert side <= max(largest, 1)
    assert all(start % 4 == 0 for start in starts)
    np.testing.assert_allclose(total, 1, atol=1e-6)


def test_no_answer_within_the_margin_of_a_tile_counts() -> None:
    starts = tile_starts(400, 160, 24, 4)
    weights = blend_weights(400, starts, 160, 24, 20)
    assert starts == [0, 112, 224, 240]
    assert (weights[0, -20:] == 0).all()
    assert (weights[1, :20] == 0).all()
    assert (weights[0, :100] == 1).all()
    assert (weights[-1, -20:] == 1).all()


def test_a_tile_smaller_than_its_overlap_is_refused() -> None:
    with pytest.raises(ValueError, match="too small"):
        tile_starts(400, 48, 24, 4)


def test_as_few_tiles_as_the_largest_side_needs() -> None:
    assert fitting_side(1024, 320, 24, 4) == 292
    assert len(tile_starts(1024, 292, 24, 4)) == 4
    assert fitting_side(100, 320, 24, 4) == 100
    assert padded(13, 4) == 16


def engine(norm: str, **more: object) -> Engine:
    torch.manual_seed(3)
    architecture = Architecture(hidden=8, norm=norm, n_group=4, **more)
    network = UNet(architecture)
    for _ in range(3):
        network(torch.randn(4, 1, 32, 32))
    card = Card("test", "", architecture, Front(), 0.5, "none", "none")
    return Engine(network.eval(), card, torch.device("cpu"))


def whole_map(plane: Plane, sky: Sky, engine: Engine, tile: int) -> np.ndarray:
    strips = list(probability_rows(plane, sky, engine, tile))
    starts = [start for start, _ in strips]
    assert starts == np.cumsum([0, *(len(rows) for _, rows in strips[:-1])]).tolist()
    return np.concatenate([rows for _, rows in strips])


@pytest.mark.parametrize(("norm", "more"), [("batch", {}), ("none", {}), ("batch", {"deeper": True})])
def test_tiles_leave_no_trace_where_the_network_is_local(norm: str, more: dict[str, object]) -> None:
    image = np.random.default_rng(7).normal(50, 3, (233, 319))
    plane = Plane(image)
    sky = Sky.measure(plane)
    run = engine(norm, **more)
    one, many = whole_map(plane, sky, run, 4096), whole_map(plane, sky, run, 128)
    assert one.shape == image.shape
    # Tiles of other sizes are summed in another order; a margin three pixels too small shows at 8e-3.
    np.testing.assert_allclose(many, one, rtol=0, atol=1e-5)


def test_tiles_are_blended_where_the_network_looks_at_all_of_them() -> None:
    image = np.random.default_rng(8).normal(50, 3, (220, 200))
    plane = Plane(image)
    sky = Sky.measure(plane)
    run = engine("group")
    assert run.depends_on_tile
    found = whole_map(plane, sky, run, 120)
    steps = np.abs(np.diff(found, axis=1)).max(axis=0)
    assert np.isfinite(found).all()
    assert steps.max() < 3 * np.median(steps)
