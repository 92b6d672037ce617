"""Models that are kept on disk: the same as those that are made, never a damaged one, never in the way."""

import os

import numpy as np
import pytest

from dre.files import grid_cache
from dre.files.grid_cache import kept
from dre.pipeline.fitting import Convolver
from dre.pipeline.profiling import _grid, search_grid
from dre.psf import PSFModel


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DRE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Maker:
    """Makes an array, and counts how often."""

    def __init__(self, value=1.0):
        self.value, self.made = value, 0

    def __call__(self):
        self.made += 1
        return np.full((3, 5), self.value, np.float32)


def test_made_once(home):
    first, again = Maker(), Maker(2.0)
    one = kept(("a", 1.5, b"psf"), (3, 5), first)
    two = kept(("a", 1.5, b"psf"), (3, 5), again)
    assert (first.made, again.made) == (1, 0)
    assert (one == two).all()
    assert two.dtype == np.float32


@pytest.mark.parametrize("content", [("b", 1.5, b"psf"), ("a", 1.5000001, b"psf"), ("a", 1.5, b"psg")])
def test_other_content_is_made(home, content):
    kept(("a", 1.5, b"psf"), (3, 5), Maker())
    other = Maker(2.0)
    assert kept(content, (3, 5), other)[0, 0] == 2.0
    assert other.made == 1


@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_a_damaged_file_is_made_again(home, damage):
    kept(("a",), (3, 5), Maker())
    (path,) = home.glob("*.grid")
    data = bytearray(path.read_bytes())
    if damage == "flip":
        data[50] ^= 4
    path.write_bytes({"flip": data, "cut": data[:-7], "empty": b""}[damage])
    maker = Maker()
    assert (kept(("a",), (3, 5), maker) == 1).all()
    assert maker.made == 1
    after = Maker()
    kept(("a",), (3, 5), after)
    assert after.made == 0


def test_the_oldest_go_when_the_folder_is_full(home, monkeypatch):
    monkeypatch.setattr(grid_cache, "LARGEST", 2 * (60 + 32))
    for k in range(3):
        kept((k,), (3, 5), Maker())
        for path in home.glob("*.grid"):
            os.utime(path, (path.stat().st_mtime - 100,) * 2)
    assert len(list(home.glob("*.grid"))) == 2
    newest = Maker()
    kept((2,), (3, 5), newest)
    assert newest.made == 0


def test_nothing_is_kept_where_nothing_can_be(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    for value in ("off", str(tmp_path / "file" / "cache")):
        monkeypatch.setenv("DRE_CACHE", value)
        assert (kept(("a",), (3, 5), Maker()) == 1).all()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_second_run_neither_convolves_nor_draws(home, models, monkeypatch):
    picture = np.exp(-0.5 * (np.mgrid[-7:8] ** 2)[:, None] - 0.5 * (np.mgrid[-7:8] ** 2))
    convolved = Convolver(models)(picture / picture.sum())
    psf = PSFModel(picture[None] / picture.sum(), clip=False)
    _grid.cache_clear()
    drawn = search_grid(models.axes, psf)
    monkeypatch.setattr("dre.grid.ModelGrid.convolve", lambda *_: pytest.fail("convolved again"))
    monkeypatch.setattr("dre.search.SearchGrid.build", lambda *_: pytest.fail("drawn again"))
    _grid.cache_clear()
    assert (search_grid(models.axes, psf).models == drawn.models).all()
    assert (Convolver(models)(picture / picture.sum()).blocks == convolved.blocks).all()
