from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cosmic_conn.batches import Batches, in_batches
from cosmic_conn.network import Architecture, UNet


@given(st.integers(1, 9), st.integers(1, 6))
def test_every_batch_has_the_same_size_and_no_answer_is_of_the_filling(number: int, size: int) -> None:
    tiles = np.arange(1, number * 4 + 1, dtype=np.float32).reshape(number, 2, 2)
    seen = []

    def run(batch: np.ndarray) -> np.ndarray:
        seen.append(batch.shape)
        return batch + 1

    assert np.array_equal(in_batches(run, tiles, size), tiles + 1)
    assert seen == [(size, 2, 2)] * -(-number // size)


class Plain(Batches):
    """Without a GPU: what a graph would replay is run."""

    captured = 0

    def _capture(self) -> None:
        self.captured += 1
        self._input = torch.zeros((self._shape[0], 1, *self._shape[1:]))

    def _replay(self, tiles: np.ndarray) -> np.ndarray:
        self._input.copy_(torch.from_numpy(tiles)[:, None])
        with torch.inference_mode():
            return self._answer().numpy()


@pytest.mark.parametrize(("half", "apart"), [(False, 1e-5), (True, 0.05)])
def test_the_answers_are_those_of_the_network(half: bool, apart: float) -> None:
    torch.manual_seed(0)
    network = UNet(Architecture(hidden=8)).eval()
    tiles = np.random.default_rng(0).normal(0, 1, (5, 16, 24)).astype(np.float32)
    with torch.inference_mode():
        expected = torch.sigmoid(network(torch.from_numpy(tiles)[:, None]))[:, 0].numpy()
    run = Plain(network, half=half, most=2 * 16 * 24)
    np.testing.assert_allclose(run(tiles), expected, atol=apart)
    assert run(tiles[:2, :8, :8]).shape == (2, 8, 8)


def test_a_graph_is_captured_for_each_shape_of_tiles_and_not_for_fewer_of_them() -> None:
    run = Plain(UNet(Architecture(hidden=8)).eval(), half=False, most=4 * 8 * 8)
    for number, side, captured in ((3, 8, 1), (2, 8, 1), (3, 8, 1), (4, 8, 2), (9, 8, 2), (1, 16, 3)):
        run(np.zeros((number, side, side), dtype=np.float32))
        assert run.captured == captured
