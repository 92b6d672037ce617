"""What is written is what is read, by us and by astropy, and the bytes are always the same."""

from __future__ import annotations

import gzip
import io
import warnings

import numpy as np
import pytest
from astropy.io import fits as astropy_fits
from astropy.wcs import WCS
from fits_samples import several
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from shared_io import errors, fits
from shared_io.provenance import Provenance

DTYPES = ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]
ANY_ORDER = [order + code for code in DTYPES for order in "<>"]


def open_by_astropy(path):
    """Open with astropy, which verifies the checksums and warns when they are wrong."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
        return astropy_fits.open(io.BytesIO(raw), checksum=True, lazy_load_hdus=False)


images = st.sampled_from(ANY_ORDER).flatmap(
    lambda code: hnp.arrays(np.dtype(code), hnp.array_shapes(min_dims=2, max_dims=2, max_side=9))
)


@given(data=images, suffix=st.sampled_from([".fits", ".fits.gz"]))
def test_images_of_every_type_and_byte_order(tmp_path, data, suffix):
    path = tmp_path / f"a{suffix}"
    fits.write_image(path, data, overwrite=True)
    image = fits.read_image(path)
    assert image.data.dtype == data.dtype.newbyteorder("=")
    assert image.data.dtype.isnative
    np.testing.assert_array_equal(image.data, data)
    np.testing.assert_array_equal(open_by_astropy(path)[0].data, data)
    if data.dtype.kind == "f":
        expected = np.isnan(data)
        np.testing.assert_array_equal(np.zeros(data.shape, bool) if image.mask is None else image.mask, expected)


@pytest.mark.parametrize("code", ["u1", "i2", "i4", "f4", "f8"])
def test_tile_compression_loses_nothing(tmp_path, code):
    data = np.random.default_rng(1).normal(100, 30, (40, 50)).astype(code)
    path = tmp_path / "a.fits.fz"
    fits.write_image(path, data, name="SCI")
    assert fits.inspect(path)[1].kind == "compressed"
    np.testing.assert_array_equal(fits.read_image(path, "sci").data, data)
    np.testing.assert_array_equal(open_by_astropy(path)["SCI"].data, data)
    assert fits.verify(path) == 2


def test_header_and_wcs_survive(tmp_path):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = [150.1, 2.2], [5, 6], [-1e-4, 1e-4]
    header = wcs.to_header()
    header["OBJECT"] = ("O'Neil", "a name with a quote")
    header["LONGTEXT"] = "x" * 200
    header["HISTORY"] = "made for a test"
    header["BSCALE"] = 2.0
    fits.write_image(tmp_path / "a.fits", np.ones((9, 8), "f4"), header)
    image = fits.read_image(tmp_path / "a.fits")
    np.testing.assert_allclose(image.wcs.wcs_pix2world([[3, 4]], 0), wcs.wcs_pix2world([[3, 4]], 0), rtol=1e-12)
    assert (image.header["OBJECT"], image.header["LONGTEXT"]) == ("O'Neil", "x" * 200)
    assert str(image.header["HISTORY"]) == "made for a test"
    assert "BSCALE" not in image.header


def test_scaled_pixels_are_those_of_astropy(tmp_path):
    hdu = astropy_fits.PrimaryHDU(np.arange(12, dtype="i2").reshape(3, 4))
    hdu.header["BSCALE"], hdu.header["BZERO"], hdu.header["BLANK"] = 0.5, 10.0, 7
    raw = hdu.header.tostring().encode() + np.arange(12, dtype=">i2").tobytes().ljust(2880, b"\0")
    (tmp_path / "a.fits").write_bytes(raw)
    image = fits.read_image(tmp_path / "a.fits")
    np.testing.assert_array_equal(image.data, astropy_fits.getdata(tmp_path / "a.fits"))
    assert image.data.dtype.isnative
    assert image.mask.sum() == 1
    assert image.mask[1, 3]


def test_the_same_input_gives_the_same_bytes(tmp_path, monkeypatch):
    for number, clock in enumerate((1.0e9, 1.5e9)):
        monkeypatch.setattr("time.time", lambda clock=clock: clock)
        fits.write(tmp_path / f"{number}.fits", several(), provenance=Provenance("t", "1", "v"))
        fits.write_image(tmp_path / f"{number}.fits.gz", np.ones((3, 3)))
    assert (tmp_path / "0.fits").read_bytes() == (tmp_path / "1.fits").read_bytes()
    assert (tmp_path / "0.fits.gz").read_bytes() == (tmp_path / "1.fits.gz").read_bytes()


def test_a_date_only_when_the_environment_fixes_it(tmp_path, monkeypatch):
    made = Provenance("t", "1", "v")
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    fits.write_image(tmp_path / "a.fits", np.ones((2, 2)), provenance=made)
    assert "DATE" not in fits.read_image(tmp_path / "a.fits").header
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    fits.write_image(tmp_path / "b.fits", np.ones((2, 2)), provenance=made)
    assert fits.read_image(tmp_path / "b.fits").header["DATE"] == "1970-01-02T00:00:00"


def test_every_hdu_is_sealed_and_the_hdus_given_are_left_alone(tmp_path):
    hdus = several()
    before = [hdu.header.tostring() for hdu in hdus]
    fits.write(tmp_path / "a.fits", hdus)
    assert [hdu.header.tostring() for hdu in hdus] == before
    assert fits.verify(tmp_path / "a.fits") == 5
    kinds = [(i.name, i.kind, i.shape) for i in fits.inspect(tmp_path / "a.fits")]
    assert kinds == [
        ("PRIMARY", "image", ()),
        ("SCI", "image", (30, 20)),
        ("RAW", "image", (30, 20)),
        ("MASK", "compressed", (30, 20)),
        ("CAT", "table", (7,)),
    ]
    for ours, theirs in zip(hdus[1:], open_by_astropy(tmp_path / "a.fits")[1:], strict=True):
        if ours.name == "CAT":
            np.testing.assert_array_equal(ours.data["x"], theirs.data["x"])
            assert [list(v) for v in ours.data["v"]] == [list(v) for v in theirs.data["v"]]
        else:
            np.testing.assert_array_equal(ours.data, theirs.data)


def test_read_images_takes_all_two_dimensional_ones(tmp_path):
    fits.write(tmp_path / "a.fits", several())
    assert [image.name for image in fits.read_images(tmp_path / "a.fits")] == ["SCI", "RAW", "MASK"]
    assert fits.read_image(tmp_path / "a.fits").name == "SCI"


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz"])
def test_append_copies_the_source_byte_for_byte(tmp_path, suffix):
    source = tmp_path / f"a{suffix}"
    fits.write(source, several())
    target = tmp_path / "b.fits"
    fits.append(
        source,
        [astropy_fits.ImageHDU(np.ones((3, 3), "u1"), name="CR"), astropy_fits.PrimaryHDU(np.ones((2, 2)))],
        target,
    )
    fits.write(tmp_path / "plain.fits", several())
    plain = (tmp_path / "plain.fits").read_bytes()
    assert target.read_bytes()[2880 : len(plain)] == plain[2880:]
    assert fits.inspect(target)[0].header["NEXTEND"] == 6
    assert [info.name for info in fits.inspect(target)][5:] == ["CR", ""]
    assert fits.verify(target) == 7
    assert len(open_by_astropy(target)) == 7


def test_append_may_replace_its_source(tmp_path):
    path = tmp_path / "a.fits"
    fits.write_image(path, np.ones((3, 3)))
    with pytest.raises(errors.OutputExists):
        fits.append(path, [], path)
    fits.append(path, [astropy_fits.ImageHDU(np.ones((3, 3)))], path, overwrite=True)
    assert len(fits.inspect(path)) == 2


@pytest.mark.parametrize("data", [np.ones((2, 2), "c8"), np.ones((2, 2), "f2"), np.array([["a"]]), np.array([[None]])])
def test_pixels_that_fits_does_not_have(tmp_path, data):
    with pytest.raises(errors.SchemaMismatch):
        fits.write_image(tmp_path / "a.fits", data)
    assert list(tmp_path.iterdir()) == []


def test_booleans_become_bytes(tmp_path):
    fits.write_image(tmp_path / "a.fits", np.eye(3, dtype=bool))
    assert fits.read_image(tmp_path / "a.fits").data.dtype == np.uint8


def test_a_header_that_fits_cannot_hold(tmp_path):
    hdu = astropy_fits.PrimaryHDU(np.ones((2, 2)))
    hdu.header["BAD"] = 1.0
    hdu.header.cards["BAD"]._value = float("nan")
    hdu.header.cards["BAD"]._modified = True
    with pytest.raises(errors.SchemaMismatch, match="FITS cannot hold"):
        fits.write(tmp_path / "a.fits", [hdu])
    assert list(tmp_path.iterdir()) == []
