"""Every kind of damage is refused with its path and reason, or does not touch the content."""

# ruff: noqa: PT012, PT017  (either outcome may be right; what fails is what happens inside)
from __future__ import annotations

import gzip
import os

import numpy as np
import pytest
from astropy.io import fits as astropy_fits
from fits_samples import header, minimal, several
from hypothesis import given
from hypothesis import strategies as st
from shared_io import errors, fits, limits

NUMBER = f"{{:8}}= {'{:20}'}"
TABLE = ("XTENSION= 'BINTABLE'", "BITPIX  =                    8", "NAXIS   =                    2")


def extension(*cards, data=b""):
    return header(f"SIMPLE  = {'T':>20}", f"BITPIX  = {8:20}", f"NAXIS   = {0:20}") + header(*cards) + data


def table(naxis1=8, naxis2=1, pcount=0, fields=1, form="PE", data=b"", extra=()):
    cards = (
        *TABLE,
        f"NAXIS1  = {naxis1:20}",
        f"NAXIS2  = {naxis2:20}",
        f"PCOUNT  = {pcount:20}",
        f"GCOUNT  = {1:20}",
        f"TFIELDS = {fields:20}",
        f"TFORM1  = '{form:8}'",
        *extra,
    )
    return extension(*cards, data=data.ljust(2880, b"\0"))


def compressed(**changes):
    values = {"ZBITPIX": 16, "ZNAXIS": 2, "ZNAXIS1": 10, "ZNAXIS2": 10, "ZTILE1": 10, "ZTILE2": 1} | changes
    extra = ["ZIMAGE  =                    T", "ZCMPTYPE= 'RICE_1  '"]
    extra += [f"{key:8}= {value:20}" for key, value in values.items()]
    return table(extra=extra)


DAMAGED = {
    "empty": (b"", errors.CorruptInput, "empty"),
    "web page": (b"<!DOCTYPE html><html>Login</html>", errors.CorruptInput, "HTML"),
    "text": (b"hello", errors.CorruptInput, "not a FITS file"),
    "lfs pointer": (b"version https://git-lfs.github.com/spec/v1\n", errors.CorruptInput, "LFS"),
    "no END": (minimal().replace(b"END", b"FOO"), errors.CorruptInput, "END"),
    "header cut": (minimal()[:1000], errors.CorruptInput, "END|truncated"),
    "data cut": (minimal(naxis=(100, 100))[:9000], errors.CorruptInput, "truncated"),
    "data missing": (minimal()[:2880], errors.CorruptInput, "truncated"),
    "SIMPLE = F": (
        minimal().replace(b"=                    T", b"=                    F"),
        errors.CorruptInput,
        "SIMPLE",
    ),
    "bad BITPIX": (minimal(bitpix=12), errors.CorruptInput, "BITPIX"),
    "negative NAXIS": (
        minimal(naxis=()).replace(b"0".rjust(20), b"-1".rjust(20)),
        errors.CorruptInput,
        "NAXIS",
    ),
    "negative axis": (minimal(naxis=(-4, 3), data=b"x"), errors.CorruptInput, "negative"),
    "huge axis": (minimal(naxis=(10**6, 10**6)), errors.InputTooLarge, "beyond the limit"),
    "absurd axis": (minimal(naxis=(10**18, 10**18)), errors.InputTooLarge, "beyond the limit"),
    "float axis": (
        minimal()
        .replace(b"4 ".rjust(1), b"4.")
        .replace(b"NAXIS1  =                    4", b"NAXIS1  =                  4.0"),
        errors.CorruptInput,
        "NAXIS1",
    ),
    "axis missing": (minimal().replace(b"NAXIS2 ", b"NOTHING"), errors.CorruptInput, "NAXIS2"),
    "axis twice": (minimal(extra=(f"NAXIS1  = {5:20}",)), errors.CorruptInput, "twice"),
    "junk behind": (minimal() + b"junk" * 1000, errors.CorruptInput, "not a FITS extension"),
    "endless zeros behind": (minimal() + bytes(2880 * 40), errors.CorruptInput, "not a FITS extension"),
    "extension without XTENSION": (minimal() + minimal(), errors.CorruptInput, "not a FITS extension"),
    "extension cut": (minimal() + header("XTENSION= 'IMAGE   '")[:100], errors.CorruptInput, "END|truncated"),
    "negative PCOUNT": (table(pcount=-8), errors.CorruptInput, "PCOUNT"),
    "row too short": (table(naxis1=4), errors.CorruptInput, "NAXIS1"),
    "unknown TFORM": (table(form="Y"), errors.CorruptInput, "TFORM1"),
    "too many fields": (table(fields=10**6), errors.InputTooLarge, "columns"),
    "descriptor outside": (table(data=b"\0\0\0\7\0\0\0\0"), errors.CorruptInput, "heap"),
    "descriptor negative": (table(data=b"\0\0\0\1\xff\xff\xff\xff"), errors.CorruptInput, "heap"),
    "heap in the rows": (table(extra=(f"THEAP   = {2:20}",)), errors.CorruptInput, "THEAP"),
    "tile image bomb": (compressed(ZNAXIS1=10**6, ZNAXIS2=10**6), errors.InputTooLarge, "beyond the limit"),
    "tile image of few bytes": (
        compressed(ZNAXIS1=20000, ZTILE1=20000, ZNAXIS2=20000),
        errors.InputTooLarge,
        "expand",
    ),
    "tile beyond the image": (compressed(ZTILE1=10**9), errors.CorruptInput, "ZTILE1"),
    "too few tiles": (compressed(), errors.CorruptInput, "1 tiles, not 10"),
    "tile data that are none": (compressed(ZTILE2=10), errors.CorruptInput, "cannot be read"),
    "gzip cut": (gzip.compress(minimal())[:-9], errors.CorruptInput, "gzip"),
    "gzip damaged": (gzip.compress(minimal())[:-6] + b"\0\0\0\0\0\0", errors.CorruptInput, "gzip"),
    "gzip of something else": (gzip.compress(b"text" * 1000), errors.CorruptInput, "not a FITS file"),
    "gzip bomb": (
        gzip.compress(minimal(naxis=(10**5, 10**4)) + bytes(10**7)),
        errors.InputTooLarge,
        "expand",
    ),
    "gzip with junk behind": (gzip.compress(minimal()) + b"junk", errors.CorruptInput, "follows the gzip"),
    "bzip2": (b"BZh91AY&SY" + bytes(100), errors.SchemaMismatch, "decompress"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_refused_with_its_reason(tmp_path, name):
    raw, kind, reason = DAMAGED[name]
    path = tmp_path / "a.fits"
    path.write_bytes(raw)
    with pytest.raises(kind, match=reason) as caught:
        for info in fits.inspect(path):
            fits.read_hdu(path, info.index)
            if info.kind == "compressed":
                fits.read_image(path, info.index)
    assert caught.value.path == str(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("make", ["folder", "pipe", "loop", "missing", "dangling"])
def test_what_is_no_file(tmp_path, make):
    path = tmp_path / "a.fits"
    if make == "folder":
        path.mkdir()
    elif make == "pipe":
        os.mkfifo(path)
    elif make == "loop":
        path.symlink_to(path)
    elif make == "dangling":
        path.symlink_to("nowhere")
    expected = errors.CorruptInput if make in ("folder", "pipe") else errors.InputNotFound
    with pytest.raises(expected):
        fits.read_image(path)


def test_a_device_is_not_read():
    with pytest.raises(errors.CorruptInput):
        fits.inspect("/dev/zero")


def test_too_many_hdus(tmp_path):
    one = header(
        "XTENSION= 'IMAGE   '",
        f"BITPIX  = {8:20}",
        f"NAXIS   = {0:20}",
        f"PCOUNT  = {0:20}",
        f"GCOUNT  = {1:20}",
    )
    (tmp_path / "a.fits").write_bytes(minimal() + one * 5000)
    with pytest.raises(errors.InputTooLarge, match="HDUs"):
        fits.inspect(tmp_path / "a.fits")


def test_a_header_without_end_in_a_large_file_is_given_up_early(tmp_path):
    path = tmp_path / "a.fits"
    with path.open("wb") as file:
        file.write(minimal().replace(b"END", b"FOO"))
        file.truncate(2**36)
    with limits.use(header_bytes=10**6), pytest.raises(errors.InputTooLarge, match="header"):
        fits.inspect(path)


@pytest.mark.parametrize(
    "raw",
    [
        minimal()[: 2880 + 48],
        minimal() + bytes(2880),
        minimal() + b" " * 100,
        gzip.compress(minimal()) + bytes(512),
        gzip.compress(minimal()[:1000]) + gzip.compress(minimal()[1000:]),
    ],
    ids=["filling left out", "filling of tapes", "blanks", "gzip with filling", "gzip in members"],
)
def test_oddities_that_lose_nothing(tmp_path, raw):
    (tmp_path / "a.fits").write_bytes(raw)
    expected = np.frombuffer(b"\1" * 48, ">f4").reshape(3, 4)
    np.testing.assert_array_equal(fits.read_image(tmp_path / "a.fits").data, expected)


def test_names_that_several_hdus_carry(tmp_path):
    hdus = [astropy_fits.ImageHDU(np.full((2, 2), i, "u1"), name="SCI", ver=v) for i, v in enumerate([1, 2, 2])]
    fits.write(tmp_path / "a.fits", [astropy_fits.PrimaryHDU(), *hdus])
    path = tmp_path / "a.fits"
    assert fits.read_image(path, "SCI").data[0, 0] == 0
    assert fits.read_image(path, ("sci", 1)).data[0, 0] == 0
    assert fits.read_image(path, "SCI,1").data[0, 0] == 0
    assert fits.read_image(path, "3").data[0, 0] == 2
    assert fits.read_image(path, -1).data[0, 0] == 2
    with pytest.raises(errors.SchemaMismatch, match=r"2 HDUs are called.*choose one by its index: 2, 3"):
        fits.read_image(path, ("SCI", 2))
    for wrong in (9, "NONE", ("SCI", 7), 0):
        with pytest.raises(errors.SchemaMismatch):
            fits.read_image(path, wrong)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    path = tmp_path_factory.mktemp("sealed") / "a.fits"
    fits.write(path, several())
    return path


def everything(path):
    return [fits.read_hdu(path, info.index) for info in fits.inspect(path)]


@given(bit=st.integers(0, 8 * 40 * 2880 - 1))
def test_every_flipped_bit_is_found(tmp_path, sealed, bit):
    raw = bytearray(sealed.read_bytes())
    bit %= 8 * len(raw)
    raw[bit // 8] ^= 1 << bit % 8
    path = tmp_path / "a.fits"
    path.write_bytes(raw)
    with pytest.raises(errors.SharedIOError) as caught:
        everything(path)
    assert caught.value.path == str(path)


@given(cut=st.integers(0, 40 * 2880))
def test_every_truncation_is_found_or_loses_nothing(tmp_path, sealed, cut):
    whole = sealed.read_bytes()
    raw = whole[: cut % len(whole)]
    path = tmp_path / "a.fits"
    path.write_bytes(raw)
    try:
        everything(path)
    except errors.SharedIOError as error:
        assert error.path == str(path)
    else:
        assert not whole[len(raw) :].strip(b"\0"), "only filling may be missing"


@given(junk=st.binary(max_size=6000))
def test_random_bytes_never_pass(tmp_path, junk):
    path = tmp_path / "a.fits"
    path.write_bytes(junk)
    with pytest.raises(errors.SharedIOError):
        fits.inspect(path)


@given(head=st.binary(max_size=2000), at=st.integers(0, 2500))
def test_random_headers_never_break_the_reader(tmp_path, head, at):
    raw = bytearray(minimal(naxis=(20, 20)))
    raw[at : at + len(head)] = head
    path = tmp_path / "a.fits"
    path.write_bytes(raw)
    try:
        for info in fits.inspect(path):
            fits.read_image(path, info.index)
    except errors.SharedIOError:
        pass
