"""The losses beside slow references, written pixel by pixel from their formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cosmic_conn.training.losses import dice, lower_bound, median_weights, terms


def reference_weights(reference: np.ndarray, alpha: float) -> np.ndarray:
    """W of one image, in double precision."""

    def lower_median(values: np.ndarray) -> float:
        ordered = sorted(float(v) for v in values.ravel())
        return ordered[(len(ordered) - 1) // 2]

    m = reference.astype(np.float64) - lower_median(reference)
    s = 1.4826 * lower_median(np.abs(m - lower_median(m))) + 1e-7
    top = max(min(m.max(), 5 * s), s)
    w0 = np.array([[min(max(v, s), top) - s for v in row] for row in m])
    profile = [math.exp(-0.5 * (k / 2.0) ** 2) for k in range(-2, 3)]
    smooth = np.zeros_like(w0)
    height, width = w0.shape
    for y in range(height):
        for x in range(width):
            for j in range(-2, 3):
                for i in range(-2, 3):
                    if 0 <= y + j < height and 0 <= x + i < width:
                        smooth[y, x] += profile[j + 2] * profile[i + 2] / sum(profile) ** 2 * w0[y + j, x + i]
    if smooth.max() > 0:
        smooth = smooth / smooth.max()
    return np.clip(smooth, alpha, 1)


def reference_loss(p: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    total = 0.0
    for pi, yi, wi in zip(p.ravel(), y.ravel(), w.ravel(), strict=True):
        clamped = min(max(float(pi), 1e-7), 1 - 1e-7)
        total += yi * math.log(clamped) + wi * (1 - yi) * math.log(1 - clamped)
    return -total / p.size


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.02, 0.4, 0.99, 1.0]), st.integers(6, 17), st.integers(6, 17))
@settings(max_examples=25, deadline=None)
def test_the_median_weighted_loss_is_that_of_its_formula(seed: int, alpha: float, height: int, width: int) -> None:
    random = np.random.default_rng(seed)
    reference = random.normal(100, 5, (height, width)).astype(np.float32)
    reference[height // 2, width // 2] += random.choice([0, 30, 3000])
    p = random.random((height, width)).astype(np.float32)
    y = (random.random((height, width)) < 0.2).astype(np.float32)
    w = reference_weights(reference, alpha) if alpha < 1 else np.ones_like(p)
    tensors = [torch.from_numpy(a)[None, None].double() for a in (p, y, reference)]
    found = median_weights(tensors[2], alpha)
    assert np.abs(found[0, 0].numpy() - w).max() < 1e-6
    assert float(terms("median_bce", tensors[0], tensors[1], found).mean()) == pytest.approx(
        reference_loss(p, y, w), abs=1e-6
    )
    single = median_weights(tensors[2].float(), alpha)
    assert float(terms("median_bce", tensors[0].float(), tensors[1].float(), single).mean()) == pytest.approx(
        reference_loss(p, y, w), abs=1e-5
    )


def test_the_weights_are_of_each_image_and_do_not_depend_on_its_unit() -> None:
    random = np.random.default_rng(1)
    images = torch.from_numpy(random.normal(0, 3, (2, 1, 20, 24)))
    images[1, 0, 5, 5] = 400
    together = median_weights(images, 0.1)
    assert torch.equal(together[:1], median_weights(images[:1], 0.1))
    assert torch.allclose(together, median_weights(images * 50, 0.1), atol=1e-6)
    assert together[1, 0, 5, 5] > 0.9 > together[1].median()


def test_an_image_without_light_has_the_lower_bound_as_weight() -> None:
    assert torch.equal(median_weights(torch.zeros(1, 1, 8, 8), 0.3), torch.full((1, 1, 8, 8), 0.3))
    assert torch.equal(median_weights(torch.rand(1, 1, 8, 8), 1.0), torch.ones(1, 1, 8, 8))


def test_the_lower_bound_rises_to_one() -> None:
    assert [lower_bound(e, 100) for e in (0, 1, 2, 50, 100, 500)] == [0, 0, 0.02, 0.5, 1, 1]
    assert lower_bound(2, 0) == 0


def test_the_plain_losses_are_those_of_torch() -> None:
    random = np.random.default_rng(2)
    p, y = torch.from_numpy(random.random((2, 1, 9, 9))), torch.from_numpy((random.random((2, 1, 9, 9)) < 0.3) * 1.0)
    assert float(terms("bce", p, y).mean()) == pytest.approx(float(torch.nn.functional.binary_cross_entropy(p, y)))
    assert float(terms("mse", p, y).mean()) == pytest.approx(float(((p - y) ** 2).mean()))
    assert torch.isfinite(terms("bce", torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.0]))).all()


def test_dice_leaves_out_what_does_not_count() -> None:
    p = torch.tensor([0.5, 1.0, 0.9]).view(1, 1, 1, 3)
    y = torch.tensor([1.0, 0.0, 0.0]).view(1, 1, 1, 3)
    keep = torch.tensor([1.0, 1.0, 0.0]).view(1, 1, 1, 3)
    assert float(dice(p, y, keep)) == pytest.approx(1 - (2 * 0.5 + 1) / (1.5 + 1 + 1))
