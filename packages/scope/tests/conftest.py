from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

Curve = tuple[np.ndarray, np.ndarray, np.ndarray]


def nights(rng: np.random.Generator, points: int, years: float = 3.0) -> np.ndarray:
    """Times of one exposure a night, within 5 h, as a survey takes them [d]."""
    days = np.sort(rng.choice(int(365 * years), points, replace=False))
    return days + rng.uniform(0.2, 0.4, points)


def rr_lyrae(rng: np.random.Generator, points: int = 150, period: float = 0.5678, hjd0: float = 2459000.5) -> Curve:
    """A saw-tooth pulsator, as (hjd, mag, magerr)."""
    t = nights(rng, points)
    phase = (t / period) % 1
    mag = 16.0 + 0.7 * np.where(phase < 0.15, 1 - phase / 0.15, (phase - 0.15) / 0.85)
    err = rng.uniform(0.015, 0.03, points)
    return hjd0 + t, mag + rng.normal(0, err), err


def eclipsing(rng: np.random.Generator, points: int = 400, period: float = 3.2371, hjd0: float = 2459000.5) -> Curve:
    """A detached binary with eclipses of 0.5 and 0.2 mag, as (hjd, mag, magerr)."""
    t = nights(rng, points)
    phase = (t / period) % 1
    mag = 15.0 + 0.5 * (np.abs(phase - 0.25) < 0.04) + 0.2 * (np.abs(phase - 0.75) < 0.04)
    err = rng.uniform(0.01, 0.02, points)
    return hjd0 + t, mag + rng.normal(0, err), err


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240515)


@pytest.fixture(scope="session")
def survey_data() -> Path:
    """The folder of real light curves that may not be copied into the project."""
    root = os.environ.get("ASTRO_TEST_DATA")
    if not root:
        pytest.skip("ASTRO_TEST_DATA is not set: the real light curves are not here")
    return Path(root) / "scope" / "lightcurves"
