"""Catalogues as SExtractor writes them, and as we do."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits as afits
from astropy.table import Table
from shared_io.errors import SchemaMismatch

from dre.files.catalogue import read_catalogue, read_extensions, require, write_ldac

DATA = Path(__file__).parent / "data"


@pytest.mark.parametrize(
    ("name", "rows", "extensions"),
    [("tile_cat.fits", 46, {1}), ("tile_fits10.fits", 46, {1}), ("mef_cat.fits", 37, {1, 2})],
)
def test_every_kind_is_read_with_its_extension_numbers(name, rows, extensions):
    catalogue = read_catalogue(DATA / name)
    assert len(catalogue) == rows
    assert set(catalogue["EXT_NUMBER"]) == extensions
    assert "VIGNET" not in catalogue.colnames
    assert str(catalogue["X_IMAGE"].unit) in {"pix", "pixel"}
    assert read_catalogue(DATA / name, vignettes=True)["VIGNET"].shape == (rows, 25, 25)


def test_without_ext_number_the_tables_are_counted(tmp_path):
    tables = [Table({"NUMBER": [1, 2]}), Table({"NUMBER": [1]})]
    write_ldac(tmp_path / "a.fits", tables, [afits.Header(), afits.Header()])
    assert list(read_catalogue(tmp_path / "a.fits")["EXT_NUMBER"]) == [1, 1, 2]
    write_ldac(tmp_path / "b.fits", tables[:1], [afits.Header()])
    assert list(read_catalogue(tmp_path / "b.fits")["EXT_NUMBER"]) == [0, 0]


def test_written_catalogues_have_the_structure_of_ldac(tmp_path):
    one = Table({"NUMBER": np.arange(3, dtype=np.int32), "VIGNET": np.zeros((3, 5, 5), np.float32)})
    header = afits.Header([("GAIN", 2.5, "e-/ADU")])
    write_ldac(tmp_path / "a.fits", [one], [header])
    with afits.open(tmp_path / "a.fits") as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "LDAC_IMHEAD", "LDAC_OBJECTS"]
        cards = hdus[1].data["Field Header Card"].ravel()
        assert cards[0].startswith("GAIN")
        assert cards[-1].strip() == "END"
        assert hdus[2].columns["VIGNET"].dim == "(5,5)"
    assert len(read_extensions(tmp_path / "a.fits")) == 1


def test_a_file_without_sources_or_columns_is_refused_by_name(tmp_path):
    afits.PrimaryHDU(np.zeros((4, 4))).writeto(tmp_path / "image.fits")
    with pytest.raises(SchemaMismatch, match=r"image\.fits.*LDAC_OBJECTS or OBJECTS"):
        read_catalogue(tmp_path / "image.fits")
    with pytest.raises(SchemaMismatch, match="CLASS_STAR, FLAGS"):
        require(Table({"NUMBER": [1]}), ("NUMBER", "CLASS_STAR", "FLAGS"), tmp_path / "cat.fits")
