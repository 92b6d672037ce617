from __future__ import annotations

from dataclasses import fields
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from conftest import moffat
from shared_io.errors import CorruptInput, InputNotFound, SchemaMismatch

from dre.files.psf import read_psf, write_psf
from dre.psf import PSFModel

DATA = Path(__file__).parent / "data"


def raw(name, extension=1):
    with fits.open(DATA / name) as hdus:
        return np.array(hdus[extension].data["PSF_MASK"][0], float)


def test_constant_term_of_a_psfex_file():
    table = raw("tile_cat.psf")[0]
    assert (table < 0).any()
    picture = read_psf(DATA / "tile_cat.psf").pixels()
    expected = np.maximum(table, 0)
    np.testing.assert_allclose(picture, expected / expected.sum(), rtol=1e-12)


def test_a_file_of_order_two_keeps_its_polynomial_and_its_step():
    model = read_psf(DATA / "tile_o2_cat.psf")
    np.testing.assert_array_equal(model.basis, raw("tile_o2_cat.psf"))
    assert model.sampling == pytest.approx(0.78911465)
    assert model.names == ("X_IMAGE", "Y_IMAGE")
    assert model.zero == pytest.approx((402.0719528198, 400.6387157440))
    assert model.degrees == (2,)
    assert model.groups == (1, 1)
    picture = model.pixels()
    assert picture.shape == (19, 19)
    assert picture.sum() == pytest.approx(1)
    coarse = read_psf(DATA / "tile_cat.psf").pixels()[3:-3, 3:-3]
    assert np.abs(picture - coarse / coarse.sum()).max() < 0.06 * coarse.max()


def test_extensions_of_a_multi_extension_file():
    first, second = (read_psf(DATA / "mef_cat.psf", extension=k) for k in (1, 2))
    assert (first.accepted, second.accepted) == (4, 3)
    np.testing.assert_array_equal(second.basis, raw("mef_cat.psf", 2))
    assert read_psf(DATA / "mef_cat.psf").accepted == 4
    with pytest.raises(SchemaMismatch, match="no extension 3"):
        read_psf(DATA / "mef_cat.psf", extension=3)


def test_an_extension_without_stars_is_passed_over(tmp_path):
    empty = PSFModel(np.zeros((1, 5, 5)), accepted=0)
    full = PSFModel(moffat(5)[None], accepted=9)
    write_psf(tmp_path / "a.psf", [empty, full])
    assert read_psf(tmp_path / "a.psf").accepted == 9
    write_psf(tmp_path / "b.psf", [empty])
    with pytest.raises(SchemaMismatch, match="no extension accepted a star"):
        read_psf(tmp_path / "b.psf")


@pytest.mark.parametrize("name", ["tile_cat.psf", "tile_o2_cat.psf"])
def test_what_is_written_is_what_psfex_writes(tmp_path, name):
    model = read_psf(DATA / name)
    write_psf(tmp_path / name, [model])
    again = read_psf(tmp_path / name)
    for field in fields(PSFModel):
        np.testing.assert_equal(getattr(again, field.name), getattr(model, field.name))
    with fits.open(tmp_path / name) as ours, fits.open(DATA / name) as theirs:
        cards = {card for card in theirs[1].header if card != "POLNGRP"}
        assert cards <= set(ours[1].header)
        for card in cards:
            if isinstance(theirs[1].header[card], str):
                assert ours[1].header[card].replace(" ", "") == theirs[1].header[card].replace(" ", "")
            else:
                assert ours[1].header[card] == pytest.approx(theirs[1].header[card], rel=1e-7)
        assert ours[1].data.dtype == theirs[1].data.dtype


def test_a_picture_is_taken_as_it_is(tmp_path):
    picture = moffat(21)
    picture[0] = -1e-4
    fits.PrimaryHDU(picture * 7).writeto(tmp_path / "p.fits")
    np.testing.assert_allclose(read_psf(tmp_path / "p.fits").pixels(), picture / picture.sum(), rtol=1e-12)


@pytest.mark.parametrize(("card", "value"), [("OVERSAMP", 4), ("PSF_SAMP", 0.25)])
def test_a_finely_sampled_picture_is_brought_to_image_pixels(tmp_path, card, value):
    hdu = fits.PrimaryHDU(moffat(121, fwhm=12))
    hdu.header[card] = value
    hdu.writeto(tmp_path / "p.fits")
    picture = read_psf(tmp_path / "p.fits").pixels()
    assert picture.shape == (31, 31)
    np.testing.assert_allclose(picture, moffat(31, fwhm=3), atol=1e-4 * picture.max())


def spoil(hdu, card, value):
    if value is None:
        del hdu.header[card]
    else:
        hdu.header[card] = value


@pytest.mark.parametrize(
    ("name", "card", "value", "error"),
    [
        ("tile_cat.psf", "PSF_SAMP", 0.0, SchemaMismatch),
        ("tile_cat.psf", "PSF_SAMP", "one", CorruptInput),
        ("tile_cat.psf", "EXTNAME", "OTHER", SchemaMismatch),
        ("tile_cat.psf", "TTYPE1", "OTHER", SchemaMismatch),
        ("tile_o2_cat.psf", "POLZERO1", None, SchemaMismatch),
        ("tile_o2_cat.psf", "POLNAXIS", 10**6, CorruptInput),
    ],
)
def test_cards_that_are_wrong_or_missing_are_named(tmp_path, name, card, value, error):
    with fits.open(DATA / name) as hdus:
        spoil(hdus[1], card, value)
        hdus.writeto(tmp_path / name)
    match = "PSF_DATA" if card == "EXTNAME" else "PSF_MASK" if card == "TTYPE1" else card
    with pytest.raises(error, match=match) as caught:
        read_psf(tmp_path / name)
    assert name in str(caught.value)


def test_damaged_and_missing_files_are_refused(tmp_path):
    whole = (DATA / "tile_cat.psf").read_bytes()
    (tmp_path / "cut.psf").write_bytes(whole[:-3000])
    with pytest.raises(CorruptInput):
        read_psf(tmp_path / "cut.psf")
    with pytest.raises(InputNotFound):
        read_psf(tmp_path / "none.psf")
    fits.PrimaryHDU(np.zeros((9, 9))).writeto(tmp_path / "dark.fits")
    with pytest.raises(SchemaMismatch, match=r"dark\.fits.*light"):
        read_psf(tmp_path / "dark.fits")


def test_a_psfex_file_of_order_two_varies_over_the_image():
    """The pictures of the file summed by hand at a corner, with the cards of its header."""
    path = DATA / "tile_o2_cat.psf"
    model = read_psf(path)
    with fits.open(path) as hdus:
        head, basis = hdus["PSF_DATA"].header, np.array(hdus["PSF_DATA"].data["PSF_MASK"][0], float)
    x, y = 40.0, 900.0
    u, v = (x - head["POLZERO1"]) / head["POLSCAL1"], (y - head["POLZERO2"]) / head["POLSCAL2"]
    expected = basis[0] + u * basis[1] + u * u * basis[2] + v * basis[3] + u * v * basis[4] + v * v * basis[5]
    assert np.abs(model.table((x, y)) - expected).max() < 1e-6 * expected.max()
    assert np.abs(model.table((x, y)) - model.table()).max() > 1e-4 * expected.max()


def test_parameters_in_groups_give_the_pictures_that_psfex_draws():
    """X_IMAGE of degree 1 and Y_IMAGE of degree 2, each a group: PSFEx's own snapshots at 3 x 3 places."""
    model = read_psf(DATA / "groups.psf")
    drawn = fits.getdata(DATA / "groups_snapshots.fits")
    side = model.basis.shape[1]
    for (j, v), (i, u) in product(enumerate((-1 / 3, 0, 1 / 3)), repeat=2):
        place = (model.zero[0] + u * model.scale[0], model.zero[1] + v * model.scale[1])
        snapshot = drawn[j * side : (j + 1) * side, i * side : (i + 1) * side]
        assert model.table(place) == pytest.approx(snapshot, abs=1e-7)
