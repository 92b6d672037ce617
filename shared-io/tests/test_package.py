"""The face of the package."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest
import shared_io

HEAVY = ("astropy", "h5py", "pyarrow", "numpy", "rich", "typer", "pandas", "yaml", "fsspec")


def test_public_names_are_sorted_and_there():
    assert sorted(shared_io.__all__) == shared_io.__all__
    for name in shared_io.__all__:
        assert getattr(shared_io, name).__name__ == f"shared_io.{name}"
    assert set(shared_io.__all__) < set(dir(shared_io))
    with pytest.raises(AttributeError, match="nothing"):
        _ = shared_io.nothing


@pytest.mark.parametrize("module", shared_io.__all__)
def test_public_names_of_modules_are_there(module):
    found = importlib.import_module(f"shared_io.{module}")
    assert sorted(found.__all__) == found.__all__
    assert all(hasattr(found, name) for name in found.__all__)


def loaded_by(statement):
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize("module", ["", ".errors", ".limits", ".atomic", ".locate", ".provenance"])
def test_light_modules_load_nothing_heavy(module):
    assert loaded_by(f"import shared_io{module}").isdisjoint(HEAVY)


@pytest.mark.parametrize("module", [".fits", ".hdf5", ".stamps", ".table"])
def test_readers_load_their_libraries_only_when_used(module):
    assert loaded_by(f"import shared_io{module}").isdisjoint(set(HEAVY) - {"numpy"})
