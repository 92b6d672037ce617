"""What made a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits as astropy_fits
from shared_io import errors, fits, provenance
from shared_io.provenance import Provenance

MADE = Provenance("dre", "0.1.0", "fit", {"b": [1, 2.5], "a": "it's & é"}, {"tile.fits": "ab" * 32}, "cd" * 32)


def test_the_key_depends_on_everything_but_the_order():
    same = Provenance("dre", "0.1.0", "fit", {"a": "it's & é", "b": [1, 2.5]}, {"tile.fits": "ab" * 32}, "cd" * 32)
    assert same.key == MADE.key
    assert len(MADE.key) == 64
    others = [
        Provenance("dre", "0.1.1", "fit", MADE.config, MADE.inputs, MADE.model),
        Provenance("dre", "0.1.0", "fit", {"a": 1}, MADE.inputs, MADE.model),
        Provenance("dre", "0.1.0", "fit", MADE.config, {}, MADE.model),
        Provenance("dre", "0.1.0", "fit", MADE.config, MADE.inputs),
    ]
    assert len({MADE.key, *(other.key for other in others)}) == 5


def test_folders_do_not_matter():
    first = Provenance("t", "1", "v", {"psf": Path("/home/me/psf.fits"), "n": np.int64(3), "s": {"b", "a"}})
    second = Provenance("t", "1", "v", {"psf": Path("elsewhere/psf.fits"), "n": 3, "s": ["a", "b"]})
    assert first.key == second.key


def test_what_json_cannot_hold():
    with pytest.raises(TypeError, match="provenance"):
        _ = Provenance("t", "1", "v", {"x": object()}).key


def test_it_goes_into_fits_and_back(tmp_path):
    fits.write_image(tmp_path / "a.fits", np.ones((2, 2)), provenance=MADE)
    fits.write_image(tmp_path / "a.fits.gz", np.ones((2, 2)), provenance=MADE)
    fits.write(
        tmp_path / "b.fits",
        [astropy_fits.ImageHDU(np.ones((2, 2))), astropy_fits.ImageHDU()],
        provenance=MADE,
    )
    for name in ("a.fits", "a.fits.gz", "b.fits"):
        assert provenance.read(tmp_path / name) == MADE
    header = fits.inspect(tmp_path / "a.fits")[0].header
    assert (header["PROVTOOL"], header["PROVVERB"], header["PROVKEY"]) == ("dre", "fit", MADE.key)


def test_a_second_one_replaces_the_first():
    header = astropy_fits.Header()
    MADE.to_header(header)
    Provenance("otrain", "2", "train").to_header(header)
    assert header.count("PROVTOOL") == 1
    assert header["PROVTOOL"] == "otrain"


def test_attributes():
    attrs = MADE.to_attrs()
    assert Provenance.from_json(attrs[provenance.ATTRIBUTE]) == MADE
    assert attrs[provenance.KEY_ATTRIBUTE] == MADE.key


def test_files_without_one(tmp_path):
    fits.write_image(tmp_path / "a.fits", np.ones((2, 2)))
    (tmp_path / "a.txt").write_text("hello")
    (tmp_path / "a.csv").write_text("a\n1\n")
    assert [provenance.read(tmp_path / n) for n in ("a.fits", "a.txt", "a.csv")] == [None] * 3
    with pytest.raises(errors.InputNotFound):
        provenance.read(tmp_path / "none")


@pytest.mark.parametrize("text", ["{", "[]", '{"tool": 1}', '{"x": 1, "tool": "a", "version": "1", "verb": "c"}'])
def test_a_damaged_one(tmp_path, text):
    hdu = astropy_fits.PrimaryHDU()
    hdu.header["PROVJSON"] = text
    hdu.writeto(tmp_path / "a.fits")
    with pytest.raises(errors.CorruptInput, match="provenance"):
        provenance.read(tmp_path / "a.fits")


def test_digest(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert provenance.digest(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    with pytest.raises(errors.InputNotFound):
        provenance.digest(tmp_path / "none")
