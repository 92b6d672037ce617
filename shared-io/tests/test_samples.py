"""Real files of many programs, all of which must read."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from astropy.io import fits as astropy_fits
from shared_io import fits, table

FITS = [
    "cosmic-conn",
    "dre/formats",
    "dre/sep",
    "dre/galsim_refs",
    "dre/statmorph",
    "dre/imfit_sdss",
    "dre/gama_profit",
]


@pytest.mark.parametrize("folder", FITS)
def test_every_hdu_reads_as_with_astropy(data, folder):
    paths = [p for suffix in ("fits", "psf") for p in sorted((data / folder).rglob(f"*.{suffix}"))]
    if not paths:
        pytest.skip(f"ASTRO_TEST_DATA holds no {folder}")
    for path in paths:
        fits.verify(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with astropy_fits.open(path, memmap=False) as hdus:
                for info in fits.inspect(path):
                    compare(path, info, hdus[info.index])


def compare(path, info, theirs):
    if info.kind == "table":
        found = table.read(path, key=info.index)
        assert found.colnames == list(theirs.columns.names)
        for name in found.colnames:
            a, b = np.asarray(found[name]), np.asarray(theirs.data[name])
            if a.dtype.kind == "U":
                a, b = np.char.rstrip(a).ravel(), np.char.rstrip(b).ravel()
            np.testing.assert_array_equal(a, b)
    elif info.shape and info.kind == "image":
        image = fits.read_image(path, info.index)
        np.testing.assert_array_equal(image.data, theirs.data)
        assert image.header["NAXIS1"] == theirs.header["NAXIS1"]
        assert image.wcs is not None


@pytest.mark.parametrize("pattern", ["scope/**/*.parquet", "scope/**/*.csv", "otrain/*.csv"])
def test_every_table_reads(data, pattern):
    paths = sorted(data.glob(pattern))
    if not paths:
        pytest.skip(f"ASTRO_TEST_DATA holds no {pattern}")
    for path in paths:
        found = table.read(path)
        assert len(found) > 0
        assert sum(len(part) for part in table.batches(path, rows=50_000)) == len(found)


def test_ztf_matchfiles(data):
    paths = sorted(data.glob("scope/lightcurves/*.pytable"))
    if not paths:
        pytest.skip("ASTRO_TEST_DATA holds no scope/lightcurves/*.pytable")
    for path in paths:
        assert len(table.read(path, key="matches/sources")) == 10
        assert "mag" in table.read(path, key="matches/sourcedata").colnames
