"""What several tests need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "short",
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("short")


@pytest.fixture(scope="session")
def data():
    """The folder of real data files."""
    folder = os.environ.get("ASTRO_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("set ASTRO_TEST_DATA to the folder of sample data to run this test")
    return Path(folder)
