"""Many cut-outs become one array and one table; what cannot be read is listed and stops nothing."""

from __future__ import annotations

import gzip
import itertools
import os
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits as astropy_fits
from fits_samples import minimal
from hypothesis import given
from hypothesis import strategies as st
from shared_io import errors, fits, limits, stamps


def cut(path, value=0.0, shape=(4, 5), dtype="f4", **cards):
    data = (np.arange(np.prod(shape)).reshape(shape) + value).astype(dtype)
    hdu = astropy_fits.PrimaryHDU(data)
    hdu.header.update(cards)
    hdu.writeto(path)
    return data


@pytest.fixture
def five(tmp_path):
    paths = [tmp_path / f"c{i}.fits" for i in range(5)]
    for i, path in enumerate(paths):
        cut(path, i, MAG=18.5 + i, CANDID=f"cand{i}", EDGE=bool(i % 2), N=i)
    return paths


def test_pixels_and_cards_in_the_order_of_the_paths(five):
    found = stamps.read(five[::-1], keys=["MAG", "candid", "EDGE", "N"])
    assert found.data.shape == (5, 4, 5)
    assert found.data.dtype == np.float32
    assert found.data.dtype.isnative
    np.testing.assert_array_equal(found.data[:, 0, 0], [4, 3, 2, 1, 0])
    assert found.table.colnames == ["path", "index", "MAG", "candid", "EDGE", "N"]
    assert list(found.table["path"]) == [str(p) for p in five[::-1]]
    assert list(found.table["index"]) == [0, 1, 2, 3, 4]
    assert list(found.table["candid"]) == ["cand4", "cand3", "cand2", "cand1", "cand0"]
    assert [found.table[name].dtype.kind for name in ("MAG", "EDGE", "N")] == ["f", "b", "i"]
    assert found.failed == []
    assert len(found) == 5


def test_a_folder_or_pattern(five):
    assert len(stamps.read(five[0].parent)) == 5
    assert list(stamps.read(f"{five[0].parent}/c[24].fits").data[:, 0, 0]) == [2, 4]


def test_missing_and_undefined_cards_are_masked(tmp_path):
    (tmp_path / "a.fits").write_bytes(minimal(extra=["MAG     =", "N       =                    7"]))
    (tmp_path / "b.fits").write_bytes(minimal(extra=["MAG     =                 17.5"]))
    table = stamps.read([tmp_path / "a.fits", tmp_path / "b.fits"], keys=["MAG", "N", "NONE"]).table
    assert table["MAG"].mask.tolist() == [True, False]
    assert table["N"].mask.tolist() == [False, True]
    assert table["N"].dtype.kind == "i"
    assert table["NONE"].mask.all()


def cards(tmp_path, *fields):
    for number, field in enumerate(fields):
        (tmp_path / f"{number}.fits").write_bytes(minimal(extra=[f"KEY     = {field}"]))
    return [tmp_path / f"{number}.fits" for number in range(len(fields))]


MIXED = {
    "int and float": (["1", "2.5"], "f", [1.0, 2.5]),
    "int too long for a float": (["9007199254740993", "2.5"], "U", ["9007199254740993", "2.5"]),
    "text and logical": (["'False'", "F"], "U", ["False", "False"]),
    "logical and int": (["T", "1"], "U", ["True", "1"]),
    "beyond 63 bits": (["18446744073709551615", "1"], "u", [2**64 - 1, 1]),
    "beyond 64 bits": (["184467440737095516150", "1"], "U", ["184467440737095516150", "1"]),
    "complex": (["(1.0, 2.0)", "(0, 1)"], "c", [1 + 2j, 1j]),
    "empty text": (["''", "''"], "U", ["", ""]),
}


@pytest.mark.parametrize("name", MIXED)
def test_types_of_columns(tmp_path, name):
    fields, kind, expected = MIXED[name]
    column = stamps.read(cards(tmp_path, *fields), keys="KEY").table["KEY"]
    assert column.dtype.kind == kind
    assert column.tolist() == expected


ASKED = {
    "float of an int": (float, "3", 3.0),
    "float of text": (float, "'3.5'", 3.5),
    "int of a whole float": (int, "3.0", 3),
    "text of a number": (str, "3", "3"),
    "logical of text": (bool, "'False'", False),
    "logical of a number": (bool, "1", True),
}


@pytest.mark.parametrize("name", ASKED)
def test_types_asked_for(tmp_path, name):
    kind, field, expected = ASKED[name]
    found = stamps.read(cards(tmp_path, field), keys={"KEY": kind}).table["KEY"].tolist()
    assert found == [expected]
    assert type(found[0]) is kind


@pytest.mark.parametrize(("kind", "field"), [(int, "3.5"), (float, "'x'"), (bool, "2"), (float, "T"), (int, "T")])
def test_a_value_of_another_type_fails_its_file(tmp_path, kind, field):
    found = stamps.read(cards(tmp_path, field, "1"), keys={"KEY": kind})
    ((path, error),) = found.failed
    assert path == str(tmp_path / "0.fits")
    assert isinstance(error, errors.SchemaMismatch)
    assert "KEY" in str(error)
    assert len(found) == 1


def test_another_shape_fails_its_file_and_names_both(five):
    odd = five[0].with_name("odd.fits")
    cut(odd, shape=(6, 7))
    found = stamps.read([odd, *five])
    ((path, error),) = found.failed
    assert path == str(odd)
    assert isinstance(error, errors.SchemaMismatch)
    assert "6 x 7" in str(error)
    assert "4 x 5" in str(error)
    assert list(found.table["index"]) == [1, 2, 3, 4, 5]
    wanted = stamps.read([odd, *five], shape=(6, 7))
    assert len(wanted) == 1
    assert len(wanted.failed) == 5


def test_of_two_shapes_the_first_counts(five):
    odd = five[0].with_name("odd.fits")
    cut(odd, shape=(6, 7))
    assert stamps.read([odd, five[0]]).data.shape == (1, 6, 7)
    assert stamps.read([five[0], odd]).data.shape == (1, 4, 5)
    compressed = five[0].with_name("z.fits.gz")
    compressed.write_bytes(gzip.compress(odd.read_bytes()))
    assert stamps.read([compressed, five[0]]).data.shape == (1, 6, 7)


def test_the_common_type_holds_all(tmp_path):
    for name, dtype in (("a", "f4"), ("b", "f8"), ("c", "i2")):
        cut(tmp_path / f"{name}.fits", dtype=dtype)
    paths = sorted(tmp_path.iterdir())
    assert stamps.read(paths).data.dtype == np.float64
    assert stamps.read(paths[2:]).data.dtype == np.int16


def make_unusual(folder):
    """The same pixels and cards in everything that a cut-out may come in."""
    data = np.arange(1200, dtype="f4").reshape(30, 40)
    head = astropy_fits.Header({"MAG": 18.5})
    images = {
        "plain.fits": astropy_fits.PrimaryHDU(data, head),
        "plain.fit": astropy_fits.PrimaryHDU(data, head),
        "packed.fits.gz": astropy_fits.PrimaryHDU(data, head),
        "ints.fits": astropy_fits.PrimaryHDU(data.astype("i2"), head),
        "unsigned.fits": astropy_fits.PrimaryHDU(data.astype("u2"), head),
    }
    for name, hdu in images.items():
        hdu.writeto(folder / name)
    astropy_fits.HDUList([astropy_fits.PrimaryHDU(), astropy_fits.ImageHDU(data, head)]).writeto(folder / "ext.fits")
    astropy_fits.HDUList([astropy_fits.PrimaryHDU(None, head), astropy_fits.ImageHDU(data)]).writeto(
        folder / "card_in_primary.fits"
    )
    tile = astropy_fits.CompImageHDU(data, head, compression_type="GZIP_2", quantize_level=0)
    astropy_fits.HDUList([astropy_fits.PrimaryHDU(), tile]).writeto(folder / "tiles.fits.fz")
    scaled = astropy_fits.PrimaryHDU(data.copy(), head)
    scaled.scale("int16", bscale=2.0, bzero=1200.0)
    scaled.writeto(folder / "scaled.fits")
    return data


def test_everything_a_cutout_may_come_in(tmp_path):
    data = make_unusual(tmp_path)
    found = stamps.read(tmp_path, keys=["MAG"])
    assert found.failed == []
    assert len(found) == 9
    for path, pixels in zip(found.table["path"], found.data, strict=True):
        np.testing.assert_allclose(pixels, data, atol=1.0 if "scaled" in path else 0)
    assert found.table["MAG"].tolist() == [18.5] * 9


def test_blank_pixels_are_nan(tmp_path):
    extra = ["BLANK   =                  257"]
    (tmp_path / "a.fits").write_bytes(minimal(bitpix=16, extra=extra))
    assert np.isnan(stamps.read([tmp_path / "a.fits"]).data).all()


def test_planes(tmp_path):
    data = np.arange(2 * 3 * 4, dtype="f4").reshape(2, 3, 4)
    astropy_fits.PrimaryHDU(data).writeto(tmp_path / "cube.fits")
    names = ("SCI", "REF", "DIFF")
    layers = [astropy_fits.ImageHDU(data[0] + i, name=name) for i, name in enumerate(names)]
    layers[2].header["MAG"] = 17.0
    astropy_fits.HDUList([astropy_fits.PrimaryHDU(), *layers]).writeto(tmp_path / "mef.fits")
    cube = stamps.read([tmp_path / "cube.fits"])
    assert cube.data.shape == (1, 2, 3, 4)
    np.testing.assert_array_equal(cube.data[0], data)
    mef = stamps.read([tmp_path / "mef.fits"], hdu=["SCI", "REF", "DIFF"], keys=["MAG"])
    assert mef.data.shape == (1, 3, 3, 4)
    np.testing.assert_array_equal(mef.data[0, :, 0, 0], [0, 1, 2])
    assert mef.table["MAG"][0] == 17.0
    one = stamps.read([tmp_path / "mef.fits"], hdu="DIFF")
    assert one.data.shape == (1, 3, 4)
    both = stamps.read([tmp_path / "cube.fits", tmp_path / "mef.fits"], hdu="DIFF")
    assert len(both) == 1
    assert "DIFF" in str(both.failed[0][1])


def test_planes_of_different_size(tmp_path):
    images = [astropy_fits.ImageHDU(np.zeros((n, 4), "f4"), name=f"P{n}") for n in (3, 5)]
    astropy_fits.HDUList([astropy_fits.PrimaryHDU(), *images]).writeto(tmp_path / "a.fits")
    error = stamps.read([tmp_path / "a.fits"], hdu=["P3", "P5"]).failed[0][1]
    assert "5 x 4" in str(error)
    assert "3 x 4" in str(error)


def strange(folder):
    """Paths that are no sound cut-outs."""
    (folder / "folder.fits").mkdir()
    (folder / "loop.fits").symlink_to("loop.fits")
    (folder / "dangling.fits").symlink_to("nowhere")
    os.mkfifo(folder / "pipe.fits")
    (folder / "empty.fits").write_bytes(b"")
    (folder / "page.fits").write_text("<!DOCTYPE html><html>Not found</html>")
    (folder / "text.fits").write_bytes(b"SIMPLE  =" + b"x" * 9000)
    names = ("folder", "loop", "dangling", "pipe", "empty", "page", "text", "missing")
    return [folder / f"{name}.fits" for name in names]


def test_what_is_no_cutout_fails_alone(five):
    bad = strange(five[0].parent)
    mixed = [path for pair in itertools.zip_longest(bad, five) for path in pair if path]
    found = stamps.read([*mixed, "nul\0byte.fits"])
    np.testing.assert_array_equal(found.data[:, 0, 0], range(5))
    assert [path for path, _ in found.failed] == [*map(str, bad), "nul\0byte.fits"]
    for path, error in found.failed:
        assert isinstance(error, errors.InputNotFound | errors.CorruptInput)
        assert error.path == path
    with pytest.raises(errors.CorruptInput, match="folder"):
        stamps.read(mixed, on_error="raise")


def test_every_truncation_fails_alone(tmp_path):
    whole = minimal(naxis=(30, 40), data=np.random.default_rng(1).bytes(4800))
    cuts = [end + d for end in range(0, len(whole) + 1, 2880) for d in (-1, 0, 1) if 0 <= end + d < len(whole)]
    for size in cuts:
        (tmp_path / f"{size:05}.fits").write_bytes(whole[:size])
    (tmp_path / "good.fits").write_bytes(whole)
    found = stamps.read(tmp_path)
    # Only the filling behind the pixels may be missing.
    enough = [size for size in cuts if size >= 2880 + 4800]
    assert [Path(path).name for path in found.table["path"]] == [*(f"{n:05}.fits" for n in enough), "good.fits"]
    assert len(found.failed) == len(cuts) - len(enough)
    assert all(isinstance(error, errors.CorruptInput) for _, error in found.failed)


@given(flips=st.lists(st.integers(0, 8 * 2 * 2880 - 1), min_size=1, max_size=20, unique=True))
def test_every_flipped_bit_fails_alone(tmp_path, flips):
    good = tmp_path / "good.fits"
    fits.write_image(good, np.random.default_rng(1).normal(size=(32, 20)).astype("f4"), overwrite=True)
    whole = good.read_bytes()
    paths = [good]
    for number, bit in enumerate(flips):
        raw = bytearray(whole)
        raw[bit // 8] ^= 1 << bit % 8
        paths.append(tmp_path / f"{number}.fits")
        paths[-1].write_bytes(raw)
    found = stamps.read(paths, shape=(32, 20))
    assert len(found) == 1
    assert len(found.failed) == len(flips)
    assert all(isinstance(error, errors.SharedIOError) for _, error in found.failed)


def test_checksums_left_behind_in_a_copied_header(tmp_path, caplog):
    data = np.random.default_rng(2).normal(size=(6, 7)).astype("f4")
    astropy_fits.PrimaryHDU(data + 1).writeto(tmp_path / "a.fits", checksum=True)
    copied = astropy_fits.getheader(tmp_path / "a.fits")
    astropy_fits.PrimaryHDU(data, copied).writeto(tmp_path / "b.fits")
    found = stamps.read([tmp_path / "b.fits"])
    np.testing.assert_array_equal(found.data[0], data)
    assert "belong to another image" in caplog.text


def test_chunks_are_the_whole(five, tmp_path):
    bad = strange(tmp_path)
    paths = [*five, *bad, *five, *five]
    whole = stamps.read(paths, keys=["MAG"])
    for size in (1, 4, 300):
        parts = list(stamps.chunks(iter(paths), size, keys=["MAG"], shape=(4, 5)))
        assert len(parts) == -(-len(paths) // size)
        np.testing.assert_array_equal(np.concatenate([part.data for part in parts]), whole.data)
        assert [i for part in parts for i in part.table["index"]] == list(whole.table["index"])
        assert [path for part in parts for path, _ in part.failed] == [path for path, _ in whole.failed]


def test_chunks_keep_the_shape_of_the_first(five):
    odd = five[0].with_name("odd.fits")
    cut(odd, shape=(6, 7))
    parts = list(stamps.chunks([*five[:2], odd, odd], 2))
    assert [len(part) for part in parts] == [2, 0]
    assert parts[1].data.shape == (0, 4, 5)
    assert len(parts[1].failed) == 2


def test_chunks_ask_for_no_more_paths_than_they_need(five):
    asked = []

    def paths():
        for path in five:
            asked.append(path)
            yield path

    parts = stamps.chunks(paths(), 2)
    assert len(next(parts)) == 2
    assert len(asked) <= 4


def test_workers_change_nothing(five, tmp_path, monkeypatch):
    monkeypatch.setattr("shared_io.stamps.parts._ALONE", 0)
    paths = [*five * 150, *strange(tmp_path), *five]
    one, two = (stamps.read(paths, keys=["MAG", "CANDID"], workers=n) for n in (1, 2))
    np.testing.assert_array_equal(one.data, two.data)
    assert (one.table == two.table).all()
    assert [(path, type(error), str(error)) for path, error in one.failed] == [
        (path, type(error), str(error)) for path, error in two.failed
    ]
    with limits.use(object_bytes=100):
        found = stamps.read(paths[:300], workers=2)
    assert len(found) == 0
    assert all(isinstance(error, errors.InputTooLarge) for _, error in found.failed)


def test_too_much_for_one_array(five):
    with limits.use(object_bytes=820 * 400 - 1), pytest.raises(errors.InputTooLarge, match="chunks"):
        stamps.read(five * 820)


def test_a_chunk_stays_within_the_limit(five):
    with limits.use(object_bytes=200):
        (part,) = stamps.chunks(five, 5)
    assert len(part) == 2
    assert all(isinstance(error, errors.InputTooLarge) for _, error in part.failed)


def test_nothing_at_all(tmp_path):
    with pytest.raises(errors.InputNotFound):
        stamps.read([])
    assert list(stamps.chunks([])) == []
    found = stamps.read([tmp_path / "none.fits"], keys={"MAG": float, "N": int, "NAME": str})
    assert found.data.shape == (0, 0, 0)
    assert len(found.table) == 0
    assert len(found.failed) == 1


@pytest.mark.parametrize(
    "keys", [["MAG*"], ["COMMENT"], [""], ["MAG", "mag"], ["path"], {"MAG": list}, ["A=B"], [7]], ids=str
)
def test_keys_that_mean_no_single_card(five, keys):
    with pytest.raises(errors.SchemaMismatch):
        stamps.read(five, keys=keys)


def test_wrong_options_are_refused_at_once(five):
    with pytest.raises(ValueError, match="positive"):
        stamps.chunks(five, 0)
    with pytest.raises(ValueError, match="on_error"):
        stamps.chunks(five, on_error="ignore")
    with pytest.raises(errors.SchemaMismatch, match="no HDU"):
        stamps.read(five, hdu=[])
