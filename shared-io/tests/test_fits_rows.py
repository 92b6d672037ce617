"""Images read by rows are those that are read at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from shared_io import errors, fits

KINDS = ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "f4", "f8"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("rows")


@given(
    data=st.sampled_from(KINDS).flatmap(
        lambda kind: hnp.arrays(kind, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9))
    ),
    cut=st.slices(9),
    ending=st.sampled_from(["", ".gz"]),
)
def test_any_rows_of_any_pixels(folder, data, cut, ending):
    path = folder / f"image.fits{ending}"
    fits.write_image(path, data, overwrite=True)
    cut = slice(cut.start, cut.stop)
    with fits.open_image(path) as rows:
        whole = fits.read_image(path)
        assert (rows.shape, rows.size, rows.dtype) == (whole.data.shape, data.size, whole.data.dtype)
        assert rows.header.tostring() == whole.header.tostring()
        assert rows[cut].dtype == data.dtype
        assert rows[cut].tobytes() == data[cut].tobytes()


def test_scaled_and_compressed_pixels(tmp_path):
    from astropy.io import fits as astropy_fits

    pixels = np.arange(400, dtype=np.int16).reshape(20, 20)
    fits.write_image(tmp_path / "a.fits.fz", pixels)
    scaled = astropy_fits.PrimaryHDU(pixels)
    scaled.header["BZERO"], scaled.header["BSCALE"] = 3.0, 0.5
    scaled.writeto(tmp_path / "b.fits")
    for name in ("a.fits.fz", "b.fits"):
        with fits.open_image(tmp_path / name) as rows:
            assert np.array_equal(rows[3:7], fits.read_image(tmp_path / name).data[3:7])


def test_damage_is_told_before_the_first_row(tmp_path):
    path = tmp_path / "a.fits"
    fits.write_image(path, np.ones((3000, 4000), np.float32))
    raw = bytearray(path.read_bytes())
    raw[-4000] ^= 1
    path.write_bytes(raw)
    with pytest.raises(errors.CorruptInput, match="DATASUM"), fits.open_image(path):
        pass
    with fits.open_image(path, verify=False) as rows:
        assert rows[0:2].sum() == 8000
    with pytest.raises(errors.CorruptInput, match="DATASUM"):
        fits.append(path, [], tmp_path / "copy.fits")
    assert not (tmp_path / "copy.fits").exists()


def test_what_is_no_image_of_rows(tmp_path):
    fits.write_image(tmp_path / "cube.fits", np.zeros((3, 4, 5)))
    with (
        pytest.raises(errors.SchemaMismatch, match=r"3 x 4 x 5.*|no two-dimensional"),
        fits.open_image(tmp_path / "cube.fits", 0),
    ):
        pass
    fits.write_image(tmp_path / "a.fits", np.zeros((4, 5)))
    with fits.open_image(tmp_path / "a.fits") as rows, pytest.raises(ValueError, match="one after the other"):
        rows[::2]
