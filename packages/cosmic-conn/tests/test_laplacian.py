from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import median_filter

from cosmic_conn.kernels.laplacian import laplacian, sharp_pixels, without_excess


def slow_laplacian(image: np.ndarray) -> np.ndarray:
    """Double the pixels, take the Laplacian, cut off what is negative, average back."""
    doubled = np.pad(np.kron(image, np.ones((2, 2))), 1, mode="edge")
    second = 4 * doubled[1:-1, 1:-1] - doubled[:-2, 1:-1] - doubled[2:, 1:-1] - doubled[1:-1, :-2] - doubled[1:-1, 2:]
    positive = np.maximum(second, 0)
    return positive.reshape(image.shape[0], 2, image.shape[1], 2).mean(axis=(1, 3))


def slow_sharp(image: np.ndarray, charge: float, clip: float, contrast: float) -> np.ndarray:
    sharp = slow_laplacian(image) / 2
    noise = np.sqrt(1 + np.maximum(median_filter(image, 5, mode="nearest"), 0) / charge)
    significance = (sharp - median_filter(sharp, 5, mode="nearest")) / noise
    inner = median_filter(image, 3, mode="nearest")
    fine = np.maximum((inner - median_filter(inner, 7, mode="nearest")) / noise, 0.01)
    return (significance > clip) & (significance > contrast * fine)


def field() -> np.ndarray:
    random = np.random.default_rng(9)
    image = random.normal(0, 1, (60, 70))
    y, x = np.mgrid[:60, :70]
    for _ in range(12):
        cy, cx = random.uniform(0, 60), random.uniform(0, 70)
        image += random.uniform(20, 800) * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * 1.5**2))
    hits = random.integers(0, 60, (25, 2))
    image[hits[:, 0], hits[:, 1]] += random.uniform(10, 300, 25)
    return image.astype(np.float32)


def test_the_laplacian_is_that_of_doubled_pixels() -> None:
    image = field()
    np.testing.assert_allclose(laplacian(image), slow_laplacian(image), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(("clip", "contrast"), [(5.0, 2.0), (7.0, 5.0)])
def test_sharp_pixels_are_those_of_the_whole_filters(clip: float, contrast: float) -> None:
    image = field()
    y, x, significance = sharp_pixels(image, 20.0, clip=clip, contrast=contrast)
    found = np.zeros(image.shape, dtype=bool)
    found[y, x] = True
    expected = slow_sharp(image.astype(np.float64), 20.0, clip, contrast)
    inner = (slice(4, -4), slice(4, -4))  # the filters repeat the edge of what they filtered, we that of the image
    assert expected.sum() > 10
    assert np.array_equal(found[inner], expected[inner])
    assert (significance > clip).all()


def test_well_sampled_stars_are_not_sharp() -> None:
    y, x = np.mgrid[:41, :41] - 20.2
    star = (5000 * np.exp(-(y**2 + x**2) / (2 * 1.6**2))).astype(np.float32)
    assert len(sharp_pixels(star, 20.0, clip=7, contrast=5)[0]) == 0


def slow_without_excess(image: np.ndarray, mask: np.ndarray, charge: float, least: float) -> list[tuple[int, int]]:
    found = []
    height, width = image.shape
    for y, x in np.argwhere(mask):
        places = [
            (min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1))
            for dy in range(-2, 3)
            for dx in range(-2, 3)
        ]
        near = sorted(image[place] for place in places if not mask[place])
        if not near:
            continue
        lower, middle, upper = (near[(len(near) - 1) * quarter // 4] for quarter in (1, 2, 3))
        spread = max(np.sqrt(1 + max(middle, 0) / charge), (upper - lower) / 1.349)
        if image[y, x] - middle < least * spread:
            found.append((int(y), int(x)))
    return found


def test_what_a_mask_spilled_over_is_told_from_its_tracks() -> None:
    image = field()
    mask = image > 15
    mask[10:14, 10:60] = True  # spills over empty sky
    mask[30:40, 30:40] = True  # without a neighbour in its middle
    y, x = without_excess(image, mask, 20.0, 1.75)
    assert list(zip(y.tolist(), x.tolist(), strict=True)) == slow_without_excess(image, mask, 20.0, 1.75)
    assert ((y >= 10) & (y < 14)).sum() > 100
