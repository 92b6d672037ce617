from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from survey import RECIPE, write_tile

from dre.grid import ConvolvedGrid, GridAxes, ModelGrid
from dre.simulate import simulate_tile
from dre.stamp import Stamp

os.environ["DRE_CACHE"] = "off"  # no test leans on what an earlier one left in the user's cache


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


@pytest.fixture
def run(monkeypatch, capsys) -> Callable[..., tuple[int, str]]:
    """Run a command line in a folder; return exit code and standard output (errors are in ``run.errors``)."""
    from shared_io import cli

    from dre.cli import app

    programs = {"sex_dre": "sex", "psfex_dre": "psfex", "make_cuts": "cuts"}

    def runner(folder: Path, line: str) -> tuple[int, str]:
        monkeypatch.chdir(folder)
        program, *words = line.split()
        code = cli.execute(
            app,
            prog=program,
            verb=programs.get(program),
            default_verb=None if program in programs else "fit",
            argv=words,
        )
        captured = capsys.readouterr()
        runner.errors = captured.err
        return code, captured.out

    runner.json = lambda folder, line: json.loads(runner(folder, f"{line} --json")[1])
    return runner


@pytest.fixture(scope="session")
def skies():
    """Two simulated tiles."""
    return [simulate_tile(RECIPE, np.random.default_rng(seed)) for seed in (11, 12)]


@pytest.fixture
def survey(tmp_path, skies) -> Path:
    """A working folder with one tile."""
    write_tile(tmp_path / "Tiles" / "image1.fits", skies[0].image)
    return tmp_path
