"""The fast way gives what astropy gives, to the bit and the type; and what the general way gives."""

from __future__ import annotations

import struct
import warnings

import numpy as np
import pytest
from astropy.io import fits as astropy_fits
from astropy.io.fits.card import Undefined
from fits_samples import header, minimal
from hypothesis import example, given, settings
from hypothesis import strategies as st
from shared_io import fits, limits
from shared_io.stamps import cards, general
from shared_io.stamps.quick import Quick

ODD_FIELDS = [
    "'AXIS: 3.5'",
    "(1.0, 2.0)",
    "1_000",
    "nan",
    "inf",
    "'open",
    "'it''s'",
    "T F",
    "1.5.2",
    "--4",
    "0x10",
    "'a' 'b'",
    "1E5E5",
    ".",
    "'\xe9'",
]
numbers = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda x: f"{x:.16G}"),
    st.from_regex(r"[+-]?[0-9]{0,12}\.?[0-9]{0,12}([EeDd][+-]?[0-9]{1,3})?", fullmatch=True),
)
texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
strings = texts.map(lambda text: "'{}'".format(text.replace("'", "''")))
values = st.one_of(numbers, strings, st.sampled_from(["T", "F", "", " "]), texts, st.sampled_from(ODD_FIELDS))
comments = st.one_of(st.just(""), texts.map(lambda text: "/" + text), texts.map(lambda text: " / " + text))
fields = st.builds(
    lambda lead, value, comment: (lead * " " + value + comment)[:70].ljust(70),
    st.integers(0, 20),
    values,
    comments,
)


def same(ours, theirs):
    """Equal to the bit, and of one type; an undefined value is None."""
    if theirs is None or isinstance(theirs, Undefined):
        return ours is None
    if type(ours) is not type(theirs):
        return False
    if isinstance(ours, float):
        return struct.pack("d", ours) == struct.pack("d", theirs)
    return ours == theirs


def by_astropy(raw, key):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return astropy_fits.Header.fromstring(raw)[key]


@settings(max_examples=400)
@given(fields)
@example("'AXIS: 3.5'".ljust(70))
@example(" -0.0".ljust(70))
@example(" 007".ljust(70))
@example("'a&'".ljust(70))
def test_a_value_is_that_of_astropy(field):
    found = cards.parse(field.encode("latin-1"))
    if found is not cards.ODD:
        assert same(found, by_astropy(f"KEY     = {field}END".ljust(2880), "KEY"))


@pytest.mark.parametrize("field", ODD_FIELDS)
def test_what_is_not_plain_is_left_to_astropy(field):
    assert cards.parse(field.ljust(70).encode("latin-1")) is cards.ODD


PLAIN = {
    "'text    '           / a comment": "text",
    "'  lead  '": "  lead",
    "''": "",
    "                  -7": -7,
    "                   T / yes": True,
    "              1.5D+3": 1500.0,
    "                    / nothing": None,
    "  9007199254740993": 9007199254740993,
}


@pytest.mark.parametrize("field", PLAIN)
def test_plain_values(field):
    found = cards.parse(field.ljust(70).encode())
    assert same(found, PLAIN[field])


keywords = st.sampled_from(["MAG", "mag", "RA", "FILTER", "A-B_1", "LONGKEYS", "DP1"])
lines = st.one_of(
    st.builds(lambda key, field: f"{key:8}= {field}", keywords, fields),
    st.builds(lambda key, field: f"{key:8}{field}", st.sampled_from(["COMMENT", "HISTORY", ""]), fields),
    st.builds(lambda field: f"HIERARCH mag calib = {field}", fields),
    st.builds(lambda field: f"CONTINUE  {field}", fields),
    st.builds(lambda text: f"LONGKEYS= {text!r}", texts),
    texts,
)
WANTED = ["MAG", "RA", "FILTER", "LONGKEYS", "A-B_1", "MISSING"]
pixels = st.sampled_from([(8, ">u1"), (16, ">i2"), (32, ">i4"), (64, ">i8"), (-32, ">f4"), (-64, ">f8")])


@settings(max_examples=150)
@given(st.lists(lines, max_size=12), pixels, st.sampled_from([(4, 3), (5, 5, 2), (1, 1)]), st.randoms())
def test_a_file_is_read_as_by_astropy_and_the_general_way(tmp_path, lines, kind, axes, random):
    bitpix, dtype = kind
    extra = [line[:80].encode("ascii", "replace").decode().ljust(80) for line in lines]
    data = random.randbytes(abs(bitpix) // 8 * int(np.prod(axes)))
    raw = minimal(naxis=axes, bitpix=bitpix, extra=extra, data=data)
    path = tmp_path / "a.fits"
    path.write_bytes(raw)
    found = Quick(WANTED).read(path)
    if found is None:
        return
    form, stored, values = found
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with astropy_fits.open(path, memmap=False) as hdus:
            assert hdus[0].data.shape == form.shape
            assert hdus[0].data.dtype == form.dtype == np.dtype(dtype)
            assert hdus[0].data.tobytes() == stored == data
            for key, value in zip(WANTED, values, strict=True):
                theirs = hdus[0].header.get(key, Undefined())
                assert same(value, theirs), (key, value, theirs)
    pixels, others = general.read(path, None, WANTED)
    assert pixels.astype(dtype).tobytes() == data
    assert all(same(a, b) for a, b in zip(values, others, strict=True))


EXTRA = {
    "plain": [],
    "comments": ["COMMENT one", "HISTORY two", " " * 80],
    "a long text that is not wanted": ["LONG    = 'abc&'", "CONTINUE  'def'"],
    "a card given twice": ["MAG     =                  1.0", "MAG     =                  2.0"],
}


@pytest.mark.parametrize("name", EXTRA)
def test_common_headers_take_the_fast_way(tmp_path, name):
    (tmp_path / "a.fits").write_bytes(minimal(extra=EXTRA[name]))
    assert Quick(["MAG", "FILTER"]).read(tmp_path / "a.fits") is not None


def test_files_with_sound_checksums_take_the_fast_way(tmp_path):
    path = tmp_path / "a.fits"
    data = np.arange(12, dtype="f4").reshape(3, 4)
    fits.write_image(path, data)
    assert Quick([]).read(path) is not None
    astropy_fits.PrimaryHDU(data).writeto(path, checksum=True, overwrite=True)
    assert Quick([]).read(path) is not None


UNUSUAL = {
    "scaled": minimal(bitpix=16, extra=["BSCALE  =                  2.0"]),
    "unsigned": minimal(bitpix=16, extra=["BZERO   =                32768"]),
    "blank": minimal(bitpix=16, extra=["BLANK   =                   -1"]),
    "the wanted text goes on": minimal(extra=["FILTER  = 'abc&'", "CONTINUE  'def'"]),
    "hierarch": minimal(extra=["HIERARCH mag calib = 3.5"]),
    "small letters": minimal(extra=["mag     =                  3.5"]),
    "an extension": minimal()
    + header(
        "XTENSION= 'IMAGE   '",
        f"BITPIX  = {8:20}",
        f"NAXIS   = {0:20}",
        f"PCOUNT  = {0:20}",
        f"GCOUNT  = {1:20}",
    ),
    "four axes": minimal(naxis=(4, 3, 1, 1)),
    "one axis": minimal(naxis=(4,)),
    "no pixels": minimal(naxis=(0, 3)),
    "bad NAXIS1": minimal().replace(b"NAXIS1  =                    4", b"NAXIS1  =                   4."),
    "cut": minimal()[:-1],
    "filling left out": minimal()[: 2880 + 48],
    "too long": minimal() + bytes(2880),
    "odd value": minimal(extra=["MAG     = (1.0, 2.0)"]),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_what_is_unusual_is_declined(tmp_path, name):
    (tmp_path / "a.fits").write_bytes(UNUSUAL[name])
    assert Quick(["MAG", "FILTER"]).read(tmp_path / "a.fits") is None


def test_a_layout_known_from_another_file_hides_nothing(tmp_path):
    """The same keywords in the same places, but not what they say."""
    quick = Quick(["MAG"])
    extra = ["MAG     =                  1.5"]
    for number, raw in enumerate([minimal(extra=extra), minimal(naxis=(3, 4), extra=extra), minimal(extra=extra)]):
        (tmp_path / f"{number}.fits").write_bytes(raw)
    forms = [quick.read(tmp_path / f"{number}.fits")[0].shape for number in range(3)]
    assert forms == [(3, 4), (4, 3), (3, 4)]
    (tmp_path / "a.fits").write_bytes(minimal(extra=extra).replace(b"-32", b"-31"))
    assert quick.read(tmp_path / "a.fits") is None
    (tmp_path / "a.fits").write_bytes(minimal(naxis=(40, 300), extra=extra)[:5760])
    assert quick.read(tmp_path / "a.fits") is None


def test_limits_hold_on_the_fast_way(tmp_path):
    (tmp_path / "a.fits").write_bytes(minimal(naxis=(50, 50)))
    with limits.use(object_bytes=5000):
        assert Quick([]).read(tmp_path / "a.fits") is None


def test_layouts_that_never_come_again_do_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("shared_io.stamps.quick._LAYOUTS", 3)
    quick = Quick([])
    for number in range(10):
        (tmp_path / "a.fits").write_bytes(minimal(extra=[f"KEY{number}    =                    1"]))
        assert quick.read(tmp_path / "a.fits") is not None
    assert len(quick._layouts) <= 3
