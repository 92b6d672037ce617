from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from conftest import SMALL
from shared_io.errors import CorruptInput, InputNotFound, OutputExists, SchemaMismatch
from shared_io.provenance import Provenance, read

from dre.files.cube import CLASSIC_BYTES, read_cube, write_cube
from dre.grid import CLASSIC, GridAxes, ModelGrid

EVEN = replace(SMALL, q=(0.2, 0.6, 1.0))
MADE = Provenance("dre", "0.1.0", "models", {"log_r": [-0.7, 0.12, 21], "q": [0.1, 0.1, 10], "n": [4.0]}, {})


@pytest.fixture
def cube(tmp_path, models):
    path = tmp_path / "models.fits"
    write_cube(ModelGrid(EVEN, models.models), path, provenance=MADE)
    return path


def test_round_trip(cube, models):
    again = read_cube(cube)
    assert again.axes == EVEN
    assert again.digest() == ModelGrid(EVEN, models.models).digest()
    assert read(cube) == MADE


def test_the_layout_is_the_predecessor_s(cube, models):
    with fits.open(cube) as hdus:
        header, data = hdus[0].header, hdus[0].data
        assert data.dtype == ">f4"
        assert data.shape == (2 * 3, 5 * 48, 7 * 48)
        assert (header["NINDEX"], header["NAXRAT"], header["NPOSANG"], header["NLOGH"]) == (2, 3, 5, 7)
        assert (header["LOGH0"], header["DLOGH"], header["BOXSIZE"]) == (-0.2, 0.2, 48)
        for i, j, k, m in [(0, 0, 0, 0), (1, 2, 3, 4), (1, 0, 4, 6)]:
            part = data[i * 3 + j, k * 48 : (k + 1) * 48, m * 48 : (m + 1) * 48]
            np.testing.assert_array_equal(part, models.models[i, j, k, m])


def test_the_classic_file_has_exactly_its_size(tmp_path):
    zeros = np.zeros((*CLASSIC.shape, 128, 128), np.float32)
    path = tmp_path / "modelbulge.fits"
    write_cube(ModelGrid(CLASSIC, zeros), path, provenance=MADE)
    assert path.stat().st_size == CLASSIC_BYTES
    assert read_cube(path).axes == CLASSIC


def test_a_file_without_sersic_axis_has_index_four(tmp_path, models):
    axes = replace(EVEN, n=(4.0,))
    path = tmp_path / "old.fits"
    write_cube(ModelGrid(axes, models.models[1:]), path)
    with fits.open(path) as hdus:
        header = hdus[0].header
        for card in ("INDEX0", "DINDEX", "NINDEX", "FLUX", "CHECKSUM", "DATASUM"):
            del header[card]
        fits.PrimaryHDU(hdus[0].data, header).writeto(tmp_path / "older.fits")
    again = read_cube(tmp_path / "older.fits")
    assert again.axes == axes
    np.testing.assert_array_equal(again.models, models.models[1:])


def test_uneven_sersic_indices_are_listed(tmp_path, models):
    axes = replace(EVEN, n=(0.5, 1.0, 4.0))
    path = tmp_path / "n.fits"
    write_cube(ModelGrid(axes, np.concatenate([models.models, models.models[:1]])), path)
    assert read_cube(path).axes == axes


def test_an_axis_that_the_layout_cannot_hold_is_refused(tmp_path, models):
    with pytest.raises(SchemaMismatch, match="axis q"):
        write_cube(models, tmp_path / "x.fits")
    assert not list(tmp_path.iterdir())


def test_reading_needs_little_more_memory_than_the_models(tmp_path):
    axes = GridAxes(log_r=CLASSIC.log_r, angle=(0, 30, 60, 90), q=CLASSIC.q, box=48)
    models = np.zeros((*axes.shape, 48, 48), np.float32)
    write_cube(ModelGrid(axes, models), tmp_path / "c.fits")
    tracemalloc.start()
    read_cube(tmp_path / "c.fits")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * models.nbytes


def test_a_file_in_the_way_is_kept(cube, models):
    before = cube.read_bytes()
    with pytest.raises(OutputExists):
        write_cube(ModelGrid(EVEN, models.models), cube)
    assert cube.read_bytes() == before


@pytest.mark.parametrize(
    ("card", "value", "error"),
    [
        ("BOXSIZE", None, SchemaMismatch),
        ("LOGH0", None, SchemaMismatch),
        ("NLOGH", None, SchemaMismatch),
        ("DAXRAT", None, SchemaMismatch),
        ("NPOSANG", 6, CorruptInput),
        ("NPOSANG", 0, CorruptInput),
        ("NAXRAT", 2.5, CorruptInput),
        ("DLOGH", -0.1, CorruptInput),
        ("DPOSANG", "fifteen", CorruptInput),
        ("NLOGH", 10**9, CorruptInput),
    ],
)
def test_cards_that_are_wrong_or_missing_are_named(cube, tmp_path, card, value, error):
    with fits.open(cube) as hdus:
        header = hdus[0].header
        for name in ("CHECKSUM", "DATASUM"):
            del header[name]
        if value is None:
            del header[card]
        else:
            header[card] = value
        fits.PrimaryHDU(hdus[0].data, header).writeto(tmp_path / "wrong.fits")
    with pytest.raises(error, match=card) as caught:
        read_cube(tmp_path / "wrong.fits")
    assert "wrong.fits" in str(caught.value)


def test_damaged_files_are_refused(cube, tmp_path):
    whole = bytearray(cube.read_bytes())
    (tmp_path / "short.fits").write_bytes(whole[: len(whole) // 2])
    whole[5000] ^= 1
    (tmp_path / "flipped.fits").write_bytes(whole)
    for name in ("short.fits", "flipped.fits"):
        with pytest.raises(CorruptInput, match=name):
            read_cube(tmp_path / name)
    with pytest.raises(InputNotFound):
        read_cube(tmp_path / "none.fits")


def test_models_that_are_not_finite_are_refused(tmp_path, models):
    spoilt = models.models.copy()
    spoilt[0, 0, 0, 0, 5, 5] = np.nan
    write_cube(ModelGrid(EVEN, spoilt), tmp_path / "nan.fits")
    with pytest.raises(CorruptInput, match="finite"):
        read_cube(tmp_path / "nan.fits")


def test_pixels_that_are_not_floats_are_refused(cube, tmp_path):
    with fits.open(cube) as hdus:
        fits.PrimaryHDU(hdus[0].data.astype("i2"), hdus[0].header).writeto(tmp_path / "int.fits", checksum=False)
    with pytest.raises((SchemaMismatch, CorruptInput), match=r"int\.fits"):
        read_cube(tmp_path / "int.fits")
