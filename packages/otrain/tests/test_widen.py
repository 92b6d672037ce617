from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import done, run
from shared_io.errors import SchemaMismatch

from otrain.cutouts import Cube
from otrain.files.datacube import read_cube, write_cube
from otrain.inject import Recipe
from otrain.kernels import artifacts
from otrain.kernels.injection import moffat
from otrain.widen import BOGUS, REAL, widened


def given(side: int = 31, number: int = 8, fwhm: float = 2.5) -> Cube:
    """Injected sources and residuals of stars on a noise of 2 in each plane."""
    rng = np.random.default_rng(0)
    labels = np.repeat([1, 0], number)
    pixels = rng.normal(100, 2, (2 * number, side, side, 3))
    pixels[..., 2] -= 100
    star = moffat(side, fwhm) * 1000
    pixels[:number, ..., [0, 2]] += star[..., None]
    pixels[number:, ..., 2] += np.roll(star, 1, 0) - star
    columns = {"fwhm": np.full(2 * number, fwhm), "object": np.array([f"o{k % number}" for k in range(2 * number)])}
    return Cube(pixels.astype("f4"), labels, columns, ("science", "template", "difference"))


def test_a_wider_set_has_all_kinds_of_both_classes() -> None:
    cube = widened(given(), Recipe(real=6, bogus=14), np.random.default_rng(1))
    assert cube.labels.tolist() == [1] * 96 + [0] * 224
    kinds = np.array([str(name).rstrip("0123456789") for name in cube.columns["candid"]])
    assert set(kinds[:96]) == set(REAL)
    assert set(kinds[96:]) == set(BOGUS)
    assert set(cube.columns["object"]) == {f"o{k}" for k in range(8)}
    assert len(set(cube.columns["candid"])) == len(cube)
    missing = ~np.isfinite(cube.pixels)
    assert 0.02 < missing.any(axis=(1, 2, 3)).mean() < 0.12
    assert not missing.all(axis=(1, 2, 3)).any()
    again = widened(given(), Recipe(real=6, bogus=14), np.random.default_rng(1))
    assert np.array_equal(cube.pixels, again.pixels, equal_nan=True)


def test_sources_go_into_science_and_difference_only() -> None:
    base, recipe = given(), Recipe(real=12, bogus=1, snr=(200.0, 200.0))
    cube = widened(base, recipe, np.random.default_rng(2))
    sky = np.array([str(name).startswith("sky") for name in cube.columns["candid"]])
    whole = sky & np.isfinite(cube.pixels).all(axis=(1, 2, 3))
    middle = cube.pixels[whole][:, 14:17, 14:17].max(axis=(1, 2))
    assert (middle[:, 2] > 30).all()
    assert (middle[:, 0] > 130).all()
    assert (middle[:, 1] < 115).all()


@pytest.mark.parametrize("snr", [10.0, 100.0])
def test_a_source_has_its_signal_to_noise(snr: float) -> None:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(200):
        picture = artifacts.source(31, 2.5, snr, rng)
        psf = moffat(31, 2.7)
        found.append((picture * psf).sum() / np.sqrt((psf**2).sum()))
    assert np.median(found) == pytest.approx(snr, rel=0.1)


@pytest.mark.parametrize("name", artifacts.ARTIFACTS)
def test_artifacts_are_no_sources(name: str) -> None:
    """None has the shape of the PSF: a matched filter explains little of it, or it lies elsewhere."""
    rng = np.random.default_rng(3)
    psf = moffat(31, 2.5)
    likeness = []
    for _ in range(60):
        picture = artifacts.ARTIFACTS[name](31, 2.5, rng)
        assert picture.shape == (31, 31)
        assert np.isfinite(picture).all()
        likeness.append((picture * psf).sum() / np.sqrt((picture**2).sum() * (psf**2).sum()))
    assert np.median(likeness) < 0.9


def test_sets_that_cannot_be_widened() -> None:
    base = given()
    with pytest.raises(SchemaMismatch, match="both classes"):
        widened(base.rows(np.arange(8)), Recipe(), np.random.default_rng(0))
    bare = Cube(base.pixels, base.labels, {}, base.planes)
    with pytest.raises(SchemaMismatch, match="FWHM"):
        widened(bare, Recipe(), np.random.default_rng(0))
    assert len(widened(bare, Recipe(fwhm=3.0), np.random.default_rng(0))) == 32


def test_the_command_widens_a_cube(tmp_path: Path) -> None:
    write_cube(tmp_path / "given.npz", given())
    out = done("otrain inject --path . --cube more --widen given.npz --real 2 --bogus 3", tmp_path)
    assert "32 injected sources, 48 bogus ones, 31 pixels" in out
    cube = read_cube(tmp_path / "datacube/more.npz")
    assert cube.pixels.shape == (80, 31, 31, 3)
    code, _, errors = run("otrain inject --path . --cube x --widen given.npz --cutouts .", tmp_path)
    assert code == 4
    assert "one of --cutouts, --widen" in errors
