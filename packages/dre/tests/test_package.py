"""The public names of the package."""

import subprocess
import sys

import pytest

import dre


def test_names_are_sorted():
    assert dre.__all__ == sorted(dre.__all__)
    assert set(dre.__all__) <= set(dir(dre))


@pytest.mark.parametrize("name", dre.__all__)
def test_every_name_is_there_and_documented(name):
    value = getattr(dre, name)
    assert name == "__version__" or value.__doc__ or not callable(value)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'galaxies'"):
        dre.galaxies  # noqa: B018


def test_no_public_name_is_hidden_by_a_module_of_the_same_name():
    code = (
        "import dre, dre.compare, dre.summary, dre.mosaic, dre.simulate\n"
        "print(*(type(getattr(dre, name)).__name__ for name in dre.__all__))"
    )
    kinds = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "module" not in kinds
