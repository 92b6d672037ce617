"""Where the products of an image are looked for."""

import pytest
from shared_io.errors import InputNotFound

from dre.files.layout import find_catalogues, find_psf, find_sextracted, sextracted


def touch(products):
    products.folder.mkdir(parents=True, exist_ok=True)
    for path in products.files:
        path.touch()


@pytest.mark.parametrize("subdir", [False, True])
def test_products_are_found_flat_or_in_a_folder_of_their_own(tmp_path, subdir):
    touch(sextracted(tmp_path, "image1", subdir=subdir))
    found = find_sextracted(tmp_path, "image1")
    assert found.catalogue == (tmp_path / "image1" if subdir else tmp_path) / "image1_cat.fits"
    assert found.segmentation.exists()


def test_a_missing_check_image_is_named(tmp_path):
    products = sextracted(tmp_path, "image1")
    touch(products)
    products.rms.unlink()
    with pytest.raises(InputNotFound, match=r"image1_rms\.fits"):
        find_sextracted(tmp_path, "image1")


def test_catalogues_of_both_layouts_in_the_order_of_names(tmp_path):
    touch(sextracted(tmp_path, "b"))
    touch(sextracted(tmp_path, "a", subdir=True))
    assert [name for name, _ in find_catalogues(tmp_path)] == ["a", "b"]


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_no_catalogue_is_an_error(tmp_path, folder):
    with pytest.raises(InputNotFound, match="sex_dre"):
        find_catalogues(tmp_path / folder)


def test_psf_by_name_or_one_for_all(tmp_path):
    (tmp_path / "a.fits").touch()
    assert find_psf(tmp_path, "a") == tmp_path / "a.fits"
    (tmp_path / "a.psf").touch()
    assert find_psf(tmp_path, "a") == tmp_path / "a.psf"
    assert find_psf(tmp_path / "a.fits", "zzz") == tmp_path / "a.fits"
    with pytest.raises(InputNotFound, match=r"no PSF b\.psf or b\.fits"):
        find_psf(tmp_path, "b")
