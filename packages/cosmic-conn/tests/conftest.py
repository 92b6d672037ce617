from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from cosmic_conn.kernels.masks import grow
from cosmic_conn.models.card import Card, Front
from cosmic_conn.models.store import save
from cosmic_conn.network import Architecture, UNet

DATA = Path(os.environ.get("ASTRO_TEST_DATA", "nowhere"), "cosmic-conn")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def real_data() -> Path:
    if not DATA.is_dir():
        pytest.skip("ASTRO_TEST_DATA does not name a folder with cosmic-conn/ in it")
    return DATA


def sky_image(shape: tuple[int, int] = (96, 104), seed: int = 0, level: float = 200.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(level, 12, shape).astype(np.float32)


def with_track(image: np.ndarray, charge: float = 900.0) -> np.ndarray:
    """The image with a diagonal track of 12 pixels from (30, 40) and a single hit at (60, 20)."""
    found = image.copy()
    found[30 + np.arange(12), 40 + np.arange(12)] += charge
    found[60, 20] += charge
    return found


@pytest.fixture(scope="session")
def small_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a small network that knows nothing, with its card."""
    torch.manual_seed(0)
    architecture = Architecture(hidden=4, norm="group", n_group=2)
    card = Card("small", "", architecture, Front(), 0.5, "BSD-3-Clause", "random numbers")
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save(UNet(architecture), card, path)
    return path


def finds_the_track(mask: np.ndarray) -> bool:
    """Whether a mask holds the track and the hit of `with_track`, and at most two pixels beside them."""
    truth = with_track(np.zeros(mask.shape, dtype=np.float32)) > 0
    return bool(mask[truth].all() and (mask & ~truth).sum() <= 2 and not (mask & ~grow(truth, 1)).any())
