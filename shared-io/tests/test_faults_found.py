"""Faults that the laboratories found, each by its name."""

from __future__ import annotations

import contextlib
import errno
import gzip
import os
import zlib
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits as astropy_fits
from astropy.table import Table
from fits_samples import several
from shared_io import atomic, errors, fits, hdf5, limits, provenance, table
from shared_io.testing import child, fits_bytes, hostile_fits, layer, samples, strace, writers

WRITERS = {writer.name: writer for writer in writers.WRITERS}


@pytest.mark.parametrize("old", ["old", None])
@pytest.mark.parametrize("overwrite", [True, False])
def test_a_folder_that_cannot_be_flushed_keeps_the_old_file(tmp_path, monkeypatch, old, overwrite):
    target, real = tmp_path / "a", os.fsync
    if old and not overwrite:
        pytest.skip("refused before anything is written")
    if old:
        target.write_text(old)

    def fail(descriptor):
        if Path(f"/proc/self/fd/{descriptor}").is_dir():
            raise OSError(errno.EIO, "Input/output error")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(errors.WriteFailed, match="Input/output"):
        atomic.write_text(target, "new", overwrite=overwrite)
    assert [p.name for p in tmp_path.iterdir()] == (["a"] if old else [])
    assert not old or target.read_text() == "old"


def test_a_folder_that_cannot_be_flushed_where_files_have_one_name_only(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("old")
    real = os.fsync
    monkeypatch.setattr(os, "link", lambda *a: (_ for _ in ()).throw(OSError(errno.EPERM, "no links here")))
    monkeypatch.setattr(os, "fsync", lambda fd: real(fd) if not Path(f"/proc/self/fd/{fd}").is_dir() else os.close(-1))
    atomic.write_text(tmp_path / "a", "new", overwrite=True)  # EBADF: this folder knows no flushing
    assert (tmp_path / "a").read_text() == "new"
    assert len(list(tmp_path.iterdir())) == 1


def test_an_append_on_a_full_disk_is_a_failed_write(tmp_path):
    writer = WRITERS["FITS append"]
    path = writer.prepare(tmp_path)
    for at in range(12):
        with pytest.raises(errors.WriteFailed), layer.Layer(tmp_path, at=at, code=errno.ENOSPC):
            writer.overwrite(path)
        assert writer.state(path) == "old"
        assert len(list(tmp_path.iterdir())) == 1


def test_what_is_made_beside_a_temporary_may_have_the_longest_name(tmp_path):
    target = tmp_path / ("n" * 247 + ".fits.gz")
    fits.write_image(target, np.ones((3, 3)))
    fits.append(target, [astropy_fits.ImageHDU(np.ones((2, 2)))], target, overwrite=True)
    assert len(fits.inspect(target)) == 2


@pytest.mark.skipif(not strace.available(), reason="strace is not there, or may not trace")
def test_the_last_bytes_of_an_array_are_not_lost_in_silence(tmp_path):
    writer = WRITERS["FITS table"]
    path = writer.prepare(tmp_path)
    _, lines = strace.traced(lambda: writer.overwrite(path))
    writes = [number for name, number in strace.seen(lines, tmp_path) if name == "write"]
    assert writes
    for number in writes:
        writer.prepare(tmp_path)
        ending, _ = strace.traced(lambda: writer.overwrite(path), inject=f"write:error=ENOSPC:when={number}")
        assert ending.error.startswith("WriteFailed")
        assert writer.state(path) == "old"


@pytest.mark.parametrize("name", ["HDF5 groups", "HDF5 table"])
def test_hdf5_loses_nothing_in_silence_and_survives_a_full_disk(tmp_path, name):
    writer = WRITERS[name]
    path = writer.prepare(tmp_path)
    calls = child.run(lambda: layer.count(tmp_path, lambda: writer.overwrite(path))).value
    writer.prepare(tmp_path)
    for at in [at for at, call in enumerate(calls) if call in ("pwrite", "ftruncate")]:
        for lasting in (False, True):

            def task(at=at, lasting=lasting):
                with layer.Layer(tmp_path, at=at, code=errno.ENOSPC, lasting=lasting):
                    writer.overwrite(path)

            ending = child.run(task)
            assert "free some space" in ending.error, (at, lasting, ending)
            assert writer.state(path) == "old"


def test_writing_goes_no_further_once_the_disk_has_failed(tmp_path):
    added = []

    def add_two():
        with hdf5.writer(tmp_path / "a.h5", compression="none") as out:
            with layer.Layer(tmp_path, at=0, code=errno.EDQUOT):
                out.add_array("x", np.ones(2**22))
            added.append("x")

    with pytest.raises(errors.WriteFailed, match="quota"):
        add_two()
    assert added == []


def test_headers_are_verified_without_their_data(tmp_path):
    path = tmp_path / "a.fits"
    fits.write_image(path, np.ones((3, 3)), provenance=samples.made())
    raw = path.read_bytes()
    for damaged in (raw.replace(b"laboratory", b"lavoratory"), raw.replace(b"CHECKSUM=", b"CHECKSUL=")):
        path.write_bytes(damaged)
        for read in (fits.inspect, fits.read_image, provenance.read):
            with pytest.raises(errors.CorruptInput, match="CHECKSUM"):
                read(path)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".ecsv"])
def test_an_altered_provenance_is_not_believed(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    table.write(Table({"x": [1]}), path, provenance=samples.made())
    assert provenance.read(path) == samples.made()
    raw = gzip.decompress(path.read_bytes()) if suffix == ".csv.gz" else path.read_bytes()
    raw = raw.replace(b"laboratory", b"lavoratory")
    path.write_bytes(gzip.compress(raw) if suffix == ".csv.gz" else raw)
    with pytest.raises(errors.CorruptInput, match="digest"):
        provenance.read(path)


@pytest.mark.parametrize("suffix", [".fits", ".h5", ".parquet", ".ecsv", ".csv"])
def test_a_provenance_is_not_none_for_want_of_a_signature(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    table.write(Table({"x": [1]}), path, provenance=samples.made())
    raw = path.read_bytes()
    path.write_bytes(b"!" + raw[1:])
    with pytest.raises(errors.CorruptInput):
        provenance.read(path)
    assert provenance.read(os.fspath(write(tmp_path / "plain.csv", b"a,b\n1,2\n"))) is None


def write(path, raw):
    path.write_bytes(raw)
    return path


def test_a_tile_that_expands_is_refused_before_it_does(tmp_path):
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    tile = b"".join(packer.compress(bytes(2**20)) for _ in range(64)) + packer.flush()
    path = write(tmp_path / "a.fits", hostile_fits.tiles({}, tile))
    with pytest.raises(errors.CorruptInput, match="expands"):
        fits.read_image(path)


def test_a_large_honest_tile_is_read(tmp_path):
    data = np.zeros((2000, 3000), "i4")
    data[5, 5] = 7
    hdu = astropy_fits.CompImageHDU(data, compression_type="GZIP_1", tile_shape=data.shape)
    fits.write(tmp_path / "a.fits", [hdu])
    np.testing.assert_array_equal(fits.read_image(tmp_path / "a.fits").data, data)


def test_rows_that_share_their_heap(tmp_path):
    raw = hostile_fits.descriptors(9000, 200_000, 0, heap=800_000)
    with pytest.raises(errors.InputTooLarge, match="expand"):
        table.read(write(tmp_path / "a.fits", raw))


@pytest.mark.parametrize("value", [7, "'NONE    '"])
def test_compressions_that_do_not_exist(tmp_path, value):
    with pytest.raises(errors.CorruptInput, match="ZCMPTYPE"):
        fits.inspect(write(tmp_path / "a.fits", hostile_fits.tiles({"ZCMPTYPE": value})))


def test_a_compressed_hdu_is_decompressed_when_it_is_read(tmp_path):
    path = write(tmp_path / "a.fits", hostile_fits.tiles({}))
    with pytest.raises(errors.CorruptInput, match="cannot be read"):
        fits.read_hdu(path, 1)
    fits.write(path, several(), overwrite=True)
    assert fits.read_hdu(path, "MASK").data.shape == (30, 20)


def test_columns_are_checked_when_a_file_is_inspected(tmp_path):
    for changes in ({"TFIELDS": 10**6}, {"TFORM1": "'Y'"}, {"TFORM3": None}):
        path = write(tmp_path / "a.fits", fits_bytes.binary_table(changes))
        for read in (fits.inspect, fits.verify):
            with pytest.raises(errors.SharedIOError):
                read(path)


def test_arrays_of_fill_values_that_are_modest_one_by_one(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for number in range(20):
            file.create_dataset(f"g/x{number}", (10**7,), "f8", chunks=(10**6,))
    with hdf5.reader(tmp_path / "a.h5") as file, pytest.raises(errors.InputTooLarge, match="expand"):
        file.arrays("g")
    with pytest.raises(errors.InputTooLarge, match="expand"):
        table.read(tmp_path / "a.h5")


def test_a_damaged_group_is_refused_when_it_is_looked_up(tmp_path):
    path = tmp_path / "a.h5"
    with hdf5.writer(path) as out:
        out.add("name of the group", {"x": np.ones(3)})
    raw = bytearray(path.read_bytes())
    for at in [i for i in range(len(raw)) if raw.startswith(b"OHDR", i)][1:]:
        damaged = bytearray(raw)
        damaged[at + 20] ^= 1
        path.write_bytes(damaged)
        with hdf5.reader(path) as file, pytest.raises(errors.CorruptInput):
            file.node("name of the group/x")


LONG = "b" * 1_000_000


def long_csv(path):
    path.write_text("a\n" + "b\n" * 20_000 + LONG + "\n")


def long_parquet(path):
    pq.write_table(pa.table({"a": ["a"] * 20_000 + [LONG]}), path)


def long_binary(path):
    pq.write_table(pa.table({"a": [b"a"] * 20_000 + [LONG.encode()]}), path)


def long_hdf5(path):
    with h5py.File(path, "w") as file:
        file["g/a"] = np.array(["a"] * 20_000 + [LONG], dtype=h5py.string_dtype())


@pytest.mark.parametrize("make", [long_csv, long_parquet, long_binary, long_hdf5])
def test_one_long_text_among_many_short_ones(tmp_path, make):
    suffix = {"csv": "csv", "hdf5": "h5"}.get(make.__name__[5:], "parquet")
    make(tmp_path / f"a.{suffix}")
    with pytest.raises(errors.InputTooLarge):
        table.read(tmp_path / f"a.{suffix}")


def test_one_text_repeated_often(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": pa.DictionaryArray.from_arrays(np.zeros(400, "i4"), [LONG])}), path)
    for read in (table.read, lambda path: list(table.batches(path, 150))):
        with pytest.raises(errors.InputTooLarge):
            read(path)


def test_texts_repeated_within_reason_are_read(tmp_path):
    values = [f"name {i % 50} é" for i in range(100_000)] + [None]
    pq.write_table(pa.table({"a": values, "n": range(100_001)}), tmp_path / "a.parquet", row_group_size=30_000)
    with limits.use(free_bytes=10_000, ratio=1e6):
        found = table.read(tmp_path / "a.parquet")
        parts = [row for part in table.batches(tmp_path / "a.parquet", 7000) for row in part["a"].tolist()]
    assert found["a"].tolist() == values == parts


def test_numbers_that_parquet_packs_well(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": np.zeros(30_000_000)}), path)
    with pytest.raises(errors.InputTooLarge, match="expand"):
        table.read(path)


def test_a_type_of_a_column_is_not_unpickled(tmp_path):
    """Other readers once restored such types by loading a pickle (CVE-2023-47248)."""
    trap = tmp_path / "trap"
    about = {
        "ARROW:extension:name": "arrow.py_extension_type",
        "ARROW:extension:metadata": f"cos\nmkdir\n(S'{trap}'\ntR.",
    }
    schema = pa.schema([pa.field("a", pa.list_(pa.int64()), metadata=about)])
    pq.write_table(pa.table({"a": [[1]]}).cast(schema), tmp_path / "a.parquet")
    with contextlib.suppress(errors.SharedIOError):
        table.read(tmp_path / "a.parquet")
    assert not trap.exists()


def test_comment_lines_without_end(tmp_path):
    path = write(tmp_path / "a.csv", b"# a: 1\n" * 200_000 + b"x\n1\n")
    with pytest.raises(errors.InputTooLarge, match="lines before the columns"):
        table.read(path)


@pytest.mark.parametrize("content", ["[1]", '[{"name":"a"}]', '[{"name":"a","dtype":"S2000000000"}]', '["x"]'])
def test_descriptions_that_describe_nothing(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_text(f"# shared_io.digest: null\n# shared_io.columns: {content}\na\n1\n")
    with pytest.raises(errors.SharedIOError):
        table.read(path)


@pytest.mark.parametrize(
    "meta", ["&a {x: *a}", "{a: &a [x, x], b: &b [*a, *a]}", "{x: " + "[" * 20_000 + "}", "{x: [1, [2, {y: 3}]]}"]
)
def test_metadata_of_ecsv_that_refer_to_themselves(tmp_path, meta):
    path = tmp_path / "a.ecsv"
    path.write_text(f"# %ECSV 1.0\n# ---\n# datatype:\n# - {{name: a, datatype: int64}}\n# meta: {meta}\na\n1\n")
    if "*b" in meta or "3}" in meta or "&b" in meta:
        assert table.read(path)["a"].tolist() == [1]
        return
    with pytest.raises(errors.CorruptInput, match=r"themselves|too deep"):
        table.read(path)


def test_metadata_of_ecsv_that_multiply(tmp_path):
    levels = ", ".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10))
    path = tmp_path / "a.ecsv"
    head = "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a, datatype: int64}\n"
    path.write_text(f"{head}# meta: {{a0: &a0 [x, x], {levels}}}\na\n1\n")
    with pytest.raises(errors.CorruptInput, match="too many"):
        table.read(path)


@pytest.mark.parametrize("content", [b"%PDF-1.4\n%\xe2\xe3", b"version https://git-lfs.github.com/spec/v1\n"])
def test_other_documents_are_no_csv(tmp_path, content):
    with pytest.raises(errors.CorruptInput, match="not a table but"):
        table.read(write(tmp_path / "a.csv", content))
