"""Tables to write, and what it means that two are equal."""

from __future__ import annotations

import math

import numpy as np
from astropy.table import Column, MaskedColumn, Table
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

SUFFIXES = (".csv", ".csv.gz", ".ecsv", ".fits", ".fits.gz", ".h5", ".parquet")
CODES = [
    "b1",
    "i1",
    "u1",
    "i2",
    "u2",
    "i4",
    "u4",
    "i8",
    "u8",
    "f2",
    "f4",
    "f8",
    "c8",
    "c16",
    "U4",
    "S3",
    "M8[ns]",
    "m8[s]",
]
UNITS = [None, "m", "erg / (Angstrom s cm2)", "mag", "deg", "ct / s", "1e-17 erg / s", "pix"]


def assert_equal(ours, theirs):
    """Assert that names, types, shapes, units, descriptions, masks, values and metadata are the same."""
    assert ours.colnames == theirs.colnames
    assert len(ours) == len(theirs)
    for name in ours.colnames:
        a, b = ours[name], theirs[name]
        assert b.dtype == a.dtype.newbyteorder("="), name
        assert b.dtype.isnative
        assert a.shape == b.shape
        assert a.unit == b.unit or (not a.unit and not b.unit)
        assert a.info.description == b.info.description
        assert isinstance(a, MaskedColumn) == isinstance(b, MaskedColumn)
        if isinstance(a, MaskedColumn):
            np.testing.assert_array_equal(a.mask, b.mask)
            a, b = a.data[~a.mask].data, b.data[~b.mask].data
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
        if a.dtype.kind == "f":
            np.testing.assert_array_equal(np.signbit(a[~np.isnan(a)]), np.signbit(b[~np.isnan(b)]))
    assert_same_json(dict(ours.meta), dict(theirs.meta))


def assert_same_json(a, b):
    if isinstance(a, dict):
        assert isinstance(b, dict)
        assert list(a) == list(b)
        for key in a:
            assert_same_json(a[key], b[key])
    elif isinstance(a, list):
        assert isinstance(b, list)
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same_json(x, y)
    elif isinstance(a, float) and math.isnan(a):
        assert math.isnan(b)
    else:
        assert type(a) is type(b)
        assert a == b


def example():
    """One of everything."""
    t = Table(masked=False)
    t["big-endian"] = np.arange(5, dtype=">i4")
    t["huge"] = np.arange(5, dtype="u8") + 2**63
    t["flux"] = np.array([1, np.nan, -np.inf, 1e-40, -0.0], "f4")
    t["flux"].unit, t["flux"].description = "erg / (Angstrom s cm2)", "of the 'core' & halo"
    t["bool"] = [True, False, True, False, True]
    t["text"] = ["a", "é b ", "", '"q", x', "two\nlines"]
    t["Text"] = ["# no comment", "nan", "null", "1", "None"]
    t["cube"] = np.random.default_rng(0).normal(size=(5, 2, 3))
    t["complex"] = np.array([1j] * 5, "c8")
    t["words"] = np.array([["a", "bc "], ["", "d"], ["e", "f"], ["g", "h"], ["i", "j"]])
    t["m float"] = MaskedColumn([1.0, np.nan, 3, 4, 5], mask=[0, 0, 1, 0, 0])
    t["m int"] = MaskedColumn([1, -(2**63), 3, 4, 5], mask=[1, 0, 0, 0, 0])
    t["m text"] = MaskedColumn(["a", "", "c", "d", "e"], mask=[1, 0, 0, 0, 0])
    t["m bool"] = MaskedColumn([True, False, True, False, True], mask=[1, 0, 0, 0, 0])
    t["m array"] = MaskedColumn(np.arange(10.0).reshape(5, 2), mask=np.arange(10).reshape(5, 2) % 3 == 0)
    t["none masked"] = MaskedColumn(np.arange(5, dtype="u2"))
    t["a/b.mask"] = [1, 2, 3, 4, 5]
    t.meta = {
        "EXPTIME": 30.5,
        "n": 1,
        "nested": {"x": [1, 2.5, {"y": None}], "T": True},
        "text": "it's é & more " * 30,
    }
    return t


json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
metas = st.dictionaries(st.text(max_size=12).filter(lambda k: not k.startswith("shared_io.")), json, max_size=4)
# What FITS and CSV can hold: no NUL, which ends a text in FITS, and no lone surrogates.
letters = st.characters(exclude_characters="\0", exclude_categories=("Cs",))


def elements(dtype):
    if dtype.kind == "U":
        return st.text(letters, max_size=4)
    if dtype.kind == "S":
        return st.binary(max_size=3).map(lambda b: b.replace(b"\0", b"x"))
    if dtype.kind in "Mm":
        return st.integers(-(2**62), 2**62).map(lambda n: np.array(n).view(dtype)[()])
    return hnp.from_dtype(dtype)


@st.composite
def tables(draw):
    rows = draw(st.integers(0, 6))
    table = Table()
    names = draw(
        st.lists(st.text(letters, min_size=1, max_size=6).filter(str.strip), min_size=1, max_size=4, unique=True)
    )
    for name in names:
        dtype = np.dtype(draw(st.sampled_from(CODES)))
        shape = (rows, *draw(st.sampled_from([(), (), (2,), (2, 1)])))
        data = draw(hnp.arrays(dtype, shape, elements=elements(dtype)))
        if dtype.kind not in "USMm" and draw(st.booleans()):
            data = data.astype(dtype.newbyteorder(">"))
        about = {
            "name": name,
            "unit": draw(st.sampled_from(UNITS)),
            "description": draw(st.none() | st.text(letters, max_size=8)),
        }
        masked = dtype != "f2" and draw(st.booleans())  # numpy's own default filler overflows there
        column = MaskedColumn(data, mask=draw(hnp.arrays(bool, shape)), **about) if masked else Column(data, **about)
        table.add_column(column)
    table.meta = draw(metas)
    return table
