"""Damaged, truncated and hostile tables."""

# ruff: noqa: PT017  (either outcome may be right; what fails is what happens inside)
from __future__ import annotations

import gzip
import json
import struct

import numpy as np
import pytest
from astropy.table import Table
from hypothesis import given
from hypothesis import strategies as st
from shared_io import errors, limits, table
from tables import SUFFIXES, assert_equal, example


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("written")
    for suffix in SUFFIXES:
        table.write(example(), folder / f"a{suffix}")
    return folder


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_found_or_changes_nothing(tmp_path, written, suffix, place, bit):
    raw = bytearray((written / f"a{suffix}").read_bytes())
    raw[int(place * len(raw))] ^= 1 << bit
    path = tmp_path / f"a{suffix}"
    path.write_bytes(raw)
    try:
        found = table.read(path)
    except errors.SharedIOError as error:
        assert error.path == str(path)
        assert "\n" not in str(error)
    else:
        assert_equal(example(), found)


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(place=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_refused(tmp_path, written, suffix, place):
    raw = (written / f"a{suffix}").read_bytes()
    path = tmp_path / f"a{suffix}"
    path.write_bytes(raw[: int(place * len(raw))])
    try:
        found = table.read(path)
    except errors.SharedIOError as error:
        assert error.path == str(path)
    else:  # FITS may lack the filling behind its last row
        assert suffix == ".fits"
        assert_equal(example(), found)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><html><body>Not found</body></html>", b"\x80\x04\x95\0\0"])
def test_what_is_no_table(tmp_path, suffix, content):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(errors.CorruptInput) as caught:
        table.read(path)
    assert caught.value.path == str(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_missing_and_folder(tmp_path, suffix):
    with pytest.raises(errors.InputNotFound):
        table.read(tmp_path / f"none{suffix}")
    (tmp_path / f"a{suffix}").mkdir()
    with pytest.raises(errors.CorruptInput):
        table.read(tmp_path / f"a{suffix}")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_cap_on_bytes_holds(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    table.write(Table({"x": np.arange(20_000)}), path)
    with limits.use(object_bytes=2000), pytest.raises(errors.InputTooLarge):
        table.read(path)


def test_a_csv_bomb_in_gzip(tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"a\n" + b"0\n" * 5_000_000))
    with limits.use(free_bytes=2**20, ratio=50), pytest.raises(errors.InputTooLarge, match="expand"):
        table.read(path)


def test_a_parquet_bomb(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"x": np.zeros(3_000_000)}), path)
    assert path.stat().st_size < 20_000
    with limits.use(free_bytes=2**20), pytest.raises(errors.InputTooLarge, match="expand"):
        table.read(path)


def footer_of(raw):
    length = struct.unpack("<I", raw[-8:-4])[0]
    return len(raw) - 8 - length


def test_every_byte_of_the_footer_is_covered(tmp_path):
    path = tmp_path / "a.parquet"
    table.write(Table({"x": [1, 2]}, meta={"exposure": 30}), path)
    raw = path.read_bytes()
    for at in range(footer_of(raw), len(raw)):
        damaged = bytearray(raw)
        damaged[at] ^= 4
        path.write_bytes(damaged)
        with pytest.raises(errors.CorruptInput):
            table.read(path)


def test_every_byte_of_the_pages_is_covered(tmp_path):
    path = tmp_path / "a.parquet"
    table.write(Table({"x": [1, 2], "s": ["a", "b"]}), path)
    raw = path.read_bytes()
    for at in range(4, raw.index(b"SIOSEAL1") - 32):
        damaged = bytearray(raw)
        damaged[at] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(errors.CorruptInput):
            table.read(path)


def test_a_page_of_others_is_checked_by_its_crc(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "a.parquet"
    data = np.random.default_rng(1).normal(size=500)
    pq.write_table(pa.table({"x": data}), path, write_page_checksum=True, compression="none", use_dictionary=False)
    np.testing.assert_array_equal(table.read(path)["x"], data)
    raw = path.read_bytes()
    path.write_bytes(raw.replace(data[100].tobytes(), data[101].tobytes()))
    with pytest.raises(errors.CorruptInput, match="CRC"):
        table.read(path)


def test_batches_verify_each_piece(tmp_path):
    path = tmp_path / "a.parquet"
    table.write(Table({"x": np.random.default_rng(1).normal(size=500)}), path)
    raw = bytearray(path.read_bytes())
    raw[1000] ^= 1
    path.write_bytes(raw)
    with pytest.raises(errors.CorruptInput, match="row group 0"):
        list(table.batches(path))


def test_batches_of_an_altered_csv(tmp_path):
    path = tmp_path / "a.csv"
    table.write(Table({"x": [1.5, 2.5]}), path)
    path.write_text(path.read_text().replace("2.5", "3.5"))
    with pytest.raises(errors.CorruptInput, match="digest"):
        list(table.batches(path))


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.system ['echo']",
        "!!python/name:os.system",
        "!numpy.ndarray {buffer: !!python/name:os.system '', dtype: object, shape: [1]}",
    ],
)
def test_yaml_in_ecsv_runs_nothing(tmp_path, tag):
    path = tmp_path / "a.ecsv"
    path.write_text(f"# %ECSV 1.0\n# ---\n# datatype:\n# - {{name: a, datatype: int64}}\n# meta: {{x: {tag}}}\na\n1\n")
    with pytest.raises(errors.CorruptInput, match="ECSV"):
        table.read(path)


@pytest.mark.parametrize("dtype", ["O", "V8", "f4,f4", "nonsense", 3])
def test_types_in_a_description_are_not_trusted(tmp_path, dtype):
    path = tmp_path / "a.csv"
    columns = json.dumps([{"name": "a", "dtype": dtype}])
    path.write_text(f"# shared_io.digest: null\n# shared_io.columns: {columns}\na\n1\n")
    with pytest.raises(errors.CorruptInput, match="description"):
        table.read(path)


def test_a_csv_of_ours_without_its_digest(tmp_path):
    path = tmp_path / "a.csv"
    table.write(Table({"x": [1]}), path)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    with pytest.raises(errors.CorruptInput, match="missing"):
        table.read(path)


@pytest.mark.parametrize("text", ["a,b\n1,2\n3\n", "a,b\n1,2,3\n"])
def test_csv_that_is_none(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(errors.CorruptInput, match="CSV"):
        table.read(path)
