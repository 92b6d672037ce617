"""Many files that are laid out alike give what each of them gives by itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits as astropy_fits
from hypothesis import example, given, settings
from hypothesis import strategies as st
from shared_io import limits, stamps
from shared_io.fits.checksum import ones_sum, ones_sums
from shared_io.stamps import cards
from shared_io.stamps.alike import read_alike
from shared_io.stamps.quick import Quick
from test_stamps_quick import fields, same

KEYS = ["MAG", "CANDID", "EDGE", "MISSING"]
plain = st.one_of(
    st.floats(-1e6, 1e6).map(lambda x: f"{x:>20.12G} / a number"),
    st.integers(-(10**6), 10**6).map(lambda n: f"{n:>20} / a number"),
    st.text("abc XYZ/-_.:", max_size=12).map(lambda text: f"'{text:8}' / a text"),
    st.sampled_from(["", "                   T", "'it''s'", "'open", "'a' 5"]),
).map(lambda text: text[:70].ljust(70))


@settings(max_examples=300)
@given(st.lists(st.one_of(plain, fields), min_size=1, max_size=6))
@example(["                 1.5 / x".ljust(70), "                   2 / x".ljust(70)])
@example(["'a' / x".ljust(70), "'open".ljust(70)])
@example(["'a'".ljust(70), "' b'' '".ljust(70)])
@example(["                1E+5".ljust(70), "                 1D5".ljust(70)])
@example(["                 1.5".ljust(70), "               1.5 5".ljust(70)])
def test_columns_of_cards_are_parsed_as_one_by_one(column):
    found = cards.parse_many(np.array([list(field.encode("latin-1")) for field in column], np.uint8))
    assert len(found) == len(column)
    for ours, field in zip(found, column, strict=True):
        alone = cards.parse(field.encode("latin-1"))
        assert ours is alone or same(ours, alone)


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.sampled_from([8, 80, 2880]), st.booleans())
def test_sums_of_rows_are_those_of_each(seed, count, size, full):
    rows = np.full((count, size), 255, np.uint8)
    if not full:
        rows = np.random.default_rng(seed).integers(0, 256, (count, size), dtype=np.uint8)
    assert ones_sums(rows).tolist() == [ones_sum(row) for row in rows]


@pytest.fixture
def folder(tmp_path: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    for k in range(30):
        hdu = astropy_fits.PrimaryHDU(rng.normal(size=(6, 5)).astype(">f4"))
        hdu.header["MAG"] = 15 + k / 7
        hdu.header["CANDID"] = "x" * (k % 5 + 1)
        hdu.header["EDGE"] = k % 2 == 0
        hdu.writeto(tmp_path / f"{k:02d}.fits", checksum=True)
    return sorted(tmp_path.iterdir())


def test_they_are_what_the_files_hold(folder):
    (found,), left = read_alike(folder, Quick(KEYS))
    assert left == []
    assert found.places == list(range(30))
    quick = Quick(KEYS)
    for path, data, values in zip(folder, found.data, zip(*found.values[:3], strict=True), strict=True):
        form, pixels, alone = quick.read(path)
        np.testing.assert_array_equal(data, np.frombuffer(pixels, form.dtype).reshape(form.shape))
        assert list(values) == alone[:3]
    assert found.values[3] is None


def _altered(path: Path, how: str) -> None:
    raw = bytearray(path.read_bytes())
    if how == "data":
        raw[2880 + 17] ^= 4
    elif how == "datasum":
        at = raw.index(b"DATASUM = '") + 11
        raw[at] = ord("1") if raw[at] != ord("1") else ord("2")
    elif how == "value":
        at = raw.index(b"MAG     = ")
        raw[at + 10 : at + 30] = b"                9.99"
    elif how == "structure":
        raw[raw.index(b"BITPIX  =") + 27] = ord(" ")
    elif how == "name":
        raw[raw.index(b"CANDID") + 5] = ord("X")
    elif how == "long":
        raw += bytes(2880)
    elif how == "short":
        del raw[-1]
    elif how == "none":
        path.unlink()
        return
    path.write_bytes(raw)


@pytest.mark.parametrize("how", ["data", "datasum", "value", "structure", "name", "long", "short", "none"])
@pytest.mark.parametrize("which", [0, 11])
def test_one_that_is_not_alike_is_left_and_meets_its_own_reader(folder, how, which):
    _altered(folder[which], how)
    found, left = read_alike(folder, Quick(KEYS))
    assert which in left
    assert sorted(left + [place for group in found for place in group.places]) == list(range(30))
    one_by_one = [stamps.read([path], keys=KEYS) if path.exists() else None for path in folder]
    together = stamps.read(folder, keys=KEYS)
    for k, alone in enumerate(one_by_one):
        here = np.flatnonzero(together.columns["index"].data == k)
        assert len(here) == (0 if alone is None else len(alone))
        if len(here):
            np.testing.assert_array_equal(together.data[here[0]], alone.data[0])
            assert together.columns["MAG"].data[here[0]] == alone.columns["MAG"].data[0]
        elif alone is not None:
            said = dict(together.failed)[str(folder[k])]
            assert str(said) == str(alone.failed[0][1])


def test_files_of_two_kinds_are_both_read(folder):
    for path in folder[::3]:
        with astropy_fits.open(path, mode="update") as hdus:
            hdus[0].header["MORE"] = 1
    found, left = read_alike(folder, Quick(KEYS))
    assert left == []
    assert sorted(len(group.places) for group in found) == [10, 20]


def test_only_simple_images_where_nothing_else_is_wanted(folder, tmp_path):
    several = tmp_path / "zz.fits"
    hdus = [astropy_fits.PrimaryHDU(), astropy_fits.ImageHDU(np.zeros((6, 5), ">f4"))]
    astropy_fits.HDUList(hdus).writeto(several)
    found = stamps.read([*folder, several], simple=True)
    assert (len(found), found.left, found.failed) == (30, [30], [])
    assert len(stamps.read([*folder, several])) == 31


def test_the_limit_holds_for_all_together(folder):
    with limits.use(limits.Limits(object_bytes=10_000)):
        (part,) = stamps.chunks(folder, 4096)
        assert len(part) + len(part.failed) == 30
