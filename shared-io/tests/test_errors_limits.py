"""The errors and the limits."""

from __future__ import annotations

import pickle

import pytest
from shared_io import errors, limits

TREE = {
    errors.InputNotFound: FileNotFoundError,
    errors.CorruptInput: ValueError,
    errors.UnsafeInput: ValueError,
    errors.InputTooLarge: ValueError,
    errors.SchemaMismatch: ValueError,
    errors.OutputExists: FileExistsError,
    errors.WriteFailed: OSError,
    errors.ExternalFailed: RuntimeError,
}


@pytest.mark.parametrize(("kind", "builtin"), TREE.items())
def test_each_error_is_ours_and_the_builtin_and_says_where(kind, builtin):
    error = kind("is damaged", path="a.fits", hdu="SCI", hint="fetch it again")
    assert isinstance(error, errors.SharedIOError)
    assert isinstance(error, builtin)
    assert str(error) == "a.fits[SCI]: is damaged; fetch it again"


def test_every_public_error_is_in_the_tree():
    assert set(errors.__all__) == {kind.__name__ for kind in TREE} | {"SharedIOError"}


@pytest.mark.parametrize("kind", TREE)
def test_errors_cross_process_borders(kind):
    error = pickle.loads(pickle.dumps(kind("what", path="p", hdu=3, hint="h")))  # noqa: S301
    assert type(error) is kind
    assert (str(error), error.path, error.hdu) == ("p[3]: what; h", "p", 3)


def test_messages_stay_on_one_line_and_cannot_paint_the_terminal():
    text = str(errors.CorruptInput("bad\n\x1b[31mname", path="a\rb"))
    assert text == "a\\rb: bad\\n\\x1b[31mname"


def test_limits_nest_and_come_back():
    with limits.use(object_bytes=10):
        with limits.use(hdus=3) as inner:
            assert (inner.object_bytes, inner.hdus) == (10, 3)
        assert limits.current().hdus == limits.DEFAULT.hdus
    assert limits.current() == limits.DEFAULT


@pytest.mark.parametrize(
    ("text", "size"), [("1000", 1000), ("2k", 2048), ("512M", 2**29), ("16GiB", 2**34), ("1.5 kb", 1536)]
)
def test_the_environment_sets_the_cap(monkeypatch, text, size):
    monkeypatch.setenv("SHARED_IO_MAX_BYTES", text)
    assert limits.current().object_bytes == size


def test_nonsense_in_the_environment_is_refused(monkeypatch):
    monkeypatch.setenv("SHARED_IO_MAX_BYTES", "lots")
    with pytest.raises(errors.SchemaMismatch, match="SHARED_IO_MAX_BYTES"):
        limits.current()


def test_expansion_is_judged_only_beyond_what_is_free():
    with limits.use(free_bytes=1000, ratio=10):
        limits.check_expansion(1000, 1, path="a")
        limits.check_expansion(5000, 500, path="a")
        with pytest.raises(errors.InputTooLarge, match="expand"):
            limits.check_expansion(5001, 500, path="a")
