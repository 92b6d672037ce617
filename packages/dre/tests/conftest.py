"""A small simulated survey, and the commands run as a user runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits as afits

from dre.simulate import Recipe, simulate_tile

RECIPE = Recipe(size=480, galaxies=6, stars=24, flux=(2e4, 3e5), log_r=(0.4, 0.9))
MODELS = "models small.fits --log-r 0.2 0.2 5 --angle 0 30 6 --axis-ratio 0.2 0.2 5"
HEADER = afits.Header([("GAIN", 1.0), ("EXPTIME", 10.0)])


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
            app, prog=program, verb=programs.get(program), default_verb=None if program in programs else "fit", argv=words
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


def write_tile(path: Path, *images: np.ndarray) -> None:
    """Write one image as a primary HDU, several as extensions."""
    path.parent.mkdir(exist_ok=True)
    hdus = [afits.PrimaryHDU(images[0], HEADER)]
    if len(images) > 1:
        hdus = [afits.PrimaryHDU(header=HEADER)] + [afits.ImageHDU(image) for image in images]
    afits.HDUList(hdus).writeto(path, overwrite=True)
