"""The fast checksum is the checksum of the standard."""

# ruff: noqa: PT017  (either outcome may be right; what fails is what happens inside)
from __future__ import annotations

import logging

import numpy as np
import pytest
from astropy.io import fits as astropy_fits
from fits_samples import minimal
from hypothesis import given
from hypothesis import strategies as st
from shared_io import errors, fits
from shared_io.fits import checksum


def plain_sum(data, total=0):
    """Appendix J of the standard, word by word: add, and bring every carry round to the low end."""
    data = data + b"\0" * (-len(data) % 4)
    for at in range(0, len(data), 4):
        total += int.from_bytes(data[at : at + 4], "big")
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total


@given(st.binary(max_size=300), st.integers(0, 2**32 - 1))
def test_sum_is_the_plain_one(data, total):
    assert checksum.ones_sum(data, total) == plain_sum(data, total)


@pytest.mark.parametrize("byte", [b"\xff", b"\x00", b"\x80"])
def test_sum_with_many_carries(monkeypatch, byte):
    monkeypatch.setattr(checksum, "_WORDS", 7)
    data = byte * 1003
    assert checksum.ones_sum(data) == plain_sum(data)


@given(st.integers(0, 2**32 - 1))
def test_encoding_is_that_of_astropy(total):
    hdu = astropy_fits.PrimaryHDU()
    assert checksum.encode(total) == hdu._char_encode(0xFFFFFFFF - total)


@given(st.binary(min_size=1, max_size=4000))
def test_sum_is_that_of_astropy(data):
    hdu = astropy_fits.PrimaryHDU(np.frombuffer(data, np.uint8))
    assert checksum.ones_sum(data) == hdu._calculate_datasum()


def sealed_by_astropy(path):
    data = np.random.default_rng(2).normal(size=(60, 50)).astype("f4")
    astropy_fits.PrimaryHDU(data).writeto(path, checksum=True)
    return bytearray(path.read_bytes())


def test_damage_to_files_of_others_is_found(tmp_path):
    path = tmp_path / "a.fits"
    raw = sealed_by_astropy(path)
    assert fits.verify(path) == 1
    rng = np.random.default_rng(3)
    for at in [*rng.integers(160, 2000, 20), *rng.integers(2880, len(raw), 20)]:
        damaged = bytearray(raw)
        damaged[at] ^= 1 << int(rng.integers(0, 7))
        path.write_bytes(damaged)
        try:
            image = fits.read_image(path)
        except errors.SharedIOError as error:
            assert error.path == str(path)
        else:  # only a change of the checksum cards themselves goes unseen
            assert damaged[2880:] == raw[2880:]
            assert image.header["NAXIS1"] == 50


def test_a_damaged_header_over_sound_data(tmp_path):
    path = tmp_path / "a.fits"
    raw = sealed_by_astropy(path)
    path.write_bytes(raw.replace(b"array data type", b"array date type"))
    with pytest.raises(errors.CorruptInput, match="header does not match its CHECKSUM"):
        fits.read_image(path)
    assert fits.read_image(path, verify=False).data.shape == (60, 50)


def test_a_block_of_damage_in_the_data(tmp_path):
    path = tmp_path / "a.fits"
    raw = sealed_by_astropy(path)
    raw[4000:6000] = bytes(2000)
    path.write_bytes(raw)
    with pytest.raises(errors.CorruptInput, match="DATASUM"):
        fits.read_image(path)


def test_checksums_left_behind_in_a_copied_header(tmp_path, caplog):
    """Many programs copy a header to the image they cut out, and with it checksums that are not its own."""
    sealed_by_astropy(tmp_path / "a.fits")
    header = astropy_fits.getheader(tmp_path / "a.fits")
    cut = np.random.default_rng(4).normal(size=(20, 10))
    astropy_fits.PrimaryHDU(cut, header).writeto(tmp_path / "b.fits")
    with caplog.at_level(logging.WARNING):
        image = fits.read_image(tmp_path / "b.fits")
    np.testing.assert_array_equal(image.data, cut)
    assert "belong to another image" in caplog.text
    assert fits.verify(tmp_path / "b.fits") == 0


def test_our_own_cards_are_never_taken_as_left_behind(tmp_path):
    path = tmp_path / "a.fits"
    fits.write_image(path, np.random.default_rng(2).normal(size=(60, 50)))
    raw = bytearray(path.read_bytes())
    raw[3000:5000] = bytes(2000)
    raw[500:520] = b"X" * 20
    path.write_bytes(raw)
    with pytest.raises(errors.CorruptInput):
        fits.read_image(path)


def test_data_without_checksums_are_read(tmp_path):
    (tmp_path / "a.fits").write_bytes(minimal())
    assert fits.verify(tmp_path / "a.fits") == 0
    assert fits.read_image(tmp_path / "a.fits").data.shape == (3, 4)
