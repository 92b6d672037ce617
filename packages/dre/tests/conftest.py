from __future__ import annotations

import numpy as np
import pytest
from dre.grid import ConvolvedGrid, GridAxes, ModelGrid
from dre.stamp import Stamp


def moffat(side: int, fwhm: float = 3.0, beta: float = 3.5) -> np.ndarray:
    """Moffat (1969) profile at the pixel centres, unit sum."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    alpha = fwhm / (2 * np.sqrt(2 ** (1 / beta) - 1))
    picture = (1 + (x**2 + y**2) / alpha**2) ** -beta
    return picture / picture.sum()


SMALL = GridAxes(
    log_r=tuple(-0.2 + 0.2 * k for k in range(7)),
    angle=(0, 45, 90, 135, 180),
    q=(0.3, 0.6, 1),
    n=(1, 4),
    box=48,
)


@pytest.fixture(scope="session")
def models() -> ModelGrid:
    return ModelGrid.generate(SMALL)


@pytest.fixture(scope="session")
def grid(models: ModelGrid) -> ConvolvedGrid:
    return models.convolve(moffat(15))


@pytest.fixture(scope="session")
def make_stamp(grid: ConvolvedGrid):
    """Return a maker of noisy pictures of one model of the small grid."""

    def make(index=(1, 1, 1, 3), flux=1e4, radius=9.0, seed=0, noise=5.0, number=1) -> Stamp:
        rng = np.random.default_rng(seed)
        truth = grid.image(index) * (flux / SMALL.flux)
        y, x = np.mgrid[:48, :48] - 23.5
        return Stamp(
            name=f"00_{number:04d}",
            obj=(truth + rng.normal(size=truth.shape) * np.sqrt(truth + noise**2)).astype(np.float32),
            mask=np.hypot(x, y) < radius,
            rms=np.full(truth.shape, noise, np.float32),
            number=number,
        )

    return make
