"""The worked example of the README runs, and finds what was put on its image."""

import runpy
from pathlib import Path

import numpy as np
from astropy.table import QTable

from dre.simulate import Recipe, simulate_tile

EXAMPLE = Path(__file__).parent.parent / "examples" / "worked_example.py"


def test_it_runs_and_finds_the_truth(tmp_path, capsys):
    runpy.run_path(str(EXAMPLE))["main"](tmp_path)
    assert "correlated by" in capsys.readouterr().out
    assert (tmp_path / "worked_example.png").stat().st_size > 10_000
    table = QTable.read(tmp_path / "worked_example.ecsv")
    truth = simulate_tile(Recipe(size=420, galaxies=6, stars=10, index=2.0), np.random.default_rng(5)).truth
    radii = 10 ** np.asarray(truth["LOGR"][truth["KIND"] == "galaxy"], float)
    near = [np.abs(np.log10(radii / row["R_E"].value)).min() for row in table]
    assert len(table) >= 4
    assert np.median(near) < 0.02
