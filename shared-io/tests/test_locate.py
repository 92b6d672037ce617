"""Which files a user means."""

from __future__ import annotations

import os

import pytest
from shared_io import errors, limits, locate


@pytest.fixture
def sky(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (
        "b.fits",
        "a.FITS",
        "c.fits.fz",
        ".hidden.fits",
        "notes.txt",
        "deep/d.fit.gz",
        "deep/.git/e.fits",
        "x[1].fits",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


def names(paths):
    return [str(p) for p in paths]


def test_a_folder_gives_its_images_sorted(sky):
    assert names(locate.files(".")) == ["a.FITS", "b.fits", "c.fits.fz", "x[1].fits"]


def test_recursion_skips_hidden_folders(sky):
    assert names(locate.files(".", recursive=True)) == [
        "a.FITS",
        "b.fits",
        "c.fits.fz",
        "deep/d.fit.gz",
        "x[1].fits",
    ]


def test_order_of_the_inputs_is_kept_and_each_file_comes_once(sky):
    assert names(locate.files(["c.fits.fz", "b.fits", "./c.fits.fz"])) == ["c.fits.fz", "b.fits"]


def test_a_named_file_is_taken_whatever_its_suffix(sky):
    assert names(locate.files("notes.txt")) == ["notes.txt"]


def test_patterns(sky):
    assert names(locate.files("*")) == ["a.FITS", "b.fits", "c.fits.fz", "x[1].fits"]
    assert names(locate.files("**/*.gz")) == ["deep/d.fit.gz"]


def test_a_file_whose_name_looks_like_a_pattern(sky):
    assert names(locate.files("x[1].fits")) == ["x[1].fits"]


def test_lists(sky):
    (sky / "deep" / "list.txt").write_text("# my images\nb.fits  # good\n\nd.fit.gz\n")
    assert names(locate.files("@deep/list.txt")) == ["b.fits", "deep/d.fit.gz"]


def test_lists_do_not_nest(sky):
    (sky / "list.txt").write_text("@list.txt\n")
    with pytest.raises(errors.InputNotFound, match="another list"):
        locate.files("@list.txt")


def test_file_urls(sky):
    assert locate.files((sky / "b.fits").as_uri()) == [sky / "b.fits"]


@pytest.mark.parametrize("item", ["none.fits", "no*.fits", "empty", "@none.txt", "", "s3://bucket/a.fits", "loop.fits"])
def test_what_means_no_file_is_an_error(sky, item):
    (sky / "empty").mkdir()
    (sky / "loop.fits").symlink_to("loop.fits")
    with pytest.raises(errors.InputNotFound):
        locate.files(item)


def test_no_input_at_all(sky):
    with pytest.raises(errors.InputNotFound):
        locate.files([])


def test_loops_of_folders_end(sky):
    (sky / "deep" / "up").symlink_to(sky, target_is_directory=True)
    assert len(locate.files(".", recursive=True)) == 5


def test_pipes_are_not_images(sky):
    os.mkfifo(sky / "pipe.fits")
    assert "pipe.fits" not in names(locate.files("."))


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a/NGC1097.fits", "NGC1097"),
        ("NGC.1097.FITS.GZ", "NGC.1097"),
        ("x.fits.fz", "x"),
        ("x.fz", "x"),
        ("x.tar", "x"),
        ("x_cuts.h5", "x_cuts"),
        (".fits", ".fits"),
    ],
)
def test_stem(name, stem):
    assert locate.stem(name) == stem


def test_fetch_copies_whole(tmp_path):
    import fsspec

    with fsspec.open("memory://far/a.fits", "wb") as file:
        file.write(b"12345")
    assert locate.fetch("memory://far/a.fits", tmp_path).read_bytes() == b"12345"
    with limits.use(object_bytes=4), pytest.raises(errors.InputTooLarge):
        locate.fetch("memory://far/a.fits", tmp_path / "b")
    with pytest.raises(errors.InputNotFound):
        locate.fetch("memory://far/none.fits", tmp_path)
    assert [p.name for p in (tmp_path / "b").iterdir()] == []
