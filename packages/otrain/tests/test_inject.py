from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import done, run, write_fits
from shared_io.errors import SchemaMismatch

from otrain.files.datacube import read_cube
from otrain.inject import BOGUS_KINDS, Field, Recipe, injected
from otrain.kernels import injection


def field(side: int = 200, *, stars: int = 25, seed: int = 0, fwhm: float = 3.0) -> Field:
    rng = np.random.default_rng(seed)
    sky = np.zeros((side, side))
    for _ in range(stars):
        y, x = rng.integers(20, side - 20, 2)
        sky[y - 12 : y + 13, x - 12 : x + 13] += rng.uniform(3e3, 3e4) * injection.moffat(25, fwhm)
    science, template = (sky + rng.normal(100, 2, sky.shape) for _ in range(2))
    return Field(science, template, science - template, "f", float("nan"))


def test_a_profile_has_its_width_and_sum() -> None:
    picture = injection.moffat(51, 4.0)
    assert picture.sum() == pytest.approx(1)
    assert picture[25, 27] == pytest.approx(picture.max() / 2, rel=1e-6)
    moved = injection.shifted(picture, 0.5, -1.25)
    y, x = np.mgrid[:51, :51]
    assert (moved * y).sum() == pytest.approx(25.5, abs=0.01)
    assert (moved * x).sum() == pytest.approx(23.75, abs=0.01)


def test_the_psf_of_stars_is_that_of_the_stars() -> None:
    found = injection.star_psf(field().science, 21)
    assert found is not None
    true = injection.moffat(21, 3.0)
    assert np.abs(found - true).max() < 0.05 * true.max()
    assert injection.star_psf(np.random.default_rng(0).normal(size=(80, 80)), 21) is None


def test_injected_sources_have_their_signal_to_noise() -> None:
    recipe = Recipe(snr=(30.0, 30.0), real=200, bogus=1, nuclear=0.0, fwhm=3.0, gain=1e9)
    blank = field(stars=0)
    cube = injected([blank], recipe, np.random.default_rng(0))
    real = cube.pixels[cube.labels == 1, ..., 2]
    psf = injection.moffat(31, 3.0)
    noise = blank.difference.std()
    flux = (real * psf).sum(axis=(1, 2)) / (psf**2).sum()
    snr = flux / (noise / np.sqrt((psf**2).sum()))
    assert np.median(snr) == pytest.approx(30, rel=0.1)
    peak = np.array([np.unravel_index(one.argmax(), one.shape) for one in real])
    assert np.abs(peak - 15).max() <= 1


def test_what_bogus_ones_are() -> None:
    cube = injected([field()], Recipe(real=3, bogus=240), np.random.default_rng(0))
    kinds = {str(name).split(":")[1].rstrip("0123456789") for name in cube.columns["candid"][cube.labels == 0]}
    assert kinds == set(BOGUS_KINDS)
    assert cube.labels.tolist() == [1] * 3 + [0] * 240
    assert cube.planes == ("science", "template", "difference")
    assert np.isfinite(cube.pixels).all()


def test_the_same_seed_gives_the_same_cube() -> None:
    one, two, other = (injected([field()], Recipe(), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one.pixels, two.pixels)
    assert not np.array_equal(one.pixels, other.pixels)


def test_fields_that_are_too_small() -> None:
    with pytest.raises(SchemaMismatch, match="larger than 33"):
        injected([field(side=60, stars=0)][:0], Recipe(), np.random.default_rng(0))
    with pytest.raises(SchemaMismatch, match="three isolated stars"):
        injected([field(stars=0)], Recipe(), np.random.default_rng(0))


def test_the_command_takes_images_and_cut_outs(tmp_path: Path) -> None:
    one = field()
    for name in ("science", "template"):
        write_fits(tmp_path / f"{name}.fits", getattr(one, name).astype("f4"), {"GAIN": 1.0})
    done("otrain inject --path . --cube a --science science.fits --template template.fits --real 4 --bogus 5", tmp_path)
    assert read_cube(tmp_path / "datacube/a.npz").labels.tolist() == [1] * 4 + [0] * 5
    planes = {"IMAGE": one.science[:63, :63], "TEMPLATE": one.template[:63, :63], "DIFF": one.difference[:63, :63]}
    for k in range(3):
        more = {name: plane.astype("f4") for name, plane in planes.items()}
        write_fits(tmp_path / f"cuts/{k}.fits", None, {"FWHM": 3.0}, more)
    done("otrain inject --path . --cube b --cutouts cuts --size 21", tmp_path)
    cube = read_cube(tmp_path / "datacube/b.npz")
    assert cube.pixels.shape == (6, 21, 21, 3)
    assert len(set(cube.column("object"))) == 3
    code, _, errors = run("otrain inject --path . --cube c", tmp_path)
    assert code == 4
    assert "--cutouts" in errors
