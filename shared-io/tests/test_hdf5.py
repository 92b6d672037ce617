"""Groups of arrays in HDF5."""

# ruff: noqa: PT012, PT017  (either outcome may be right; what fails is what happens inside)
from __future__ import annotations

import pickle

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from shared_io import errors, hdf5, limits
from shared_io.provenance import Provenance
from shared_io.provenance import read as read_provenance


def write(path, compression="medium", **kwargs):
    rng = np.random.default_rng(1)
    with hdf5.writer(path, compression=compression, attrs={"survey": "x", "list": [1, {"a": 2}]}, **kwargs) as out:
        for number in range(3):
            arrays = {"obj": rng.normal(size=(9, 8)).astype("f4"), "seg": rng.integers(0, 9, (9, 8))}
            out.add(f"EE_{number:04d}", arrays, attrs={"row": number})
        out.add_array("cube", np.arange(60.0).reshape(3, 4, 5), attrs={"unit": "Jy"})


@pytest.mark.parametrize("compression", hdf5.PRESETS)
def test_groups_come_back(tmp_path, compression):
    path = tmp_path / "a.h5"
    write(path, compression)
    rng = np.random.default_rng(1)
    with hdf5.reader(path) as file:
        assert file.names == ["EE_0000", "EE_0001", "EE_0002", "cube"]
        assert file.attrs() == {"survey": "x", "list": '[1, {"a": 2}]'}
        np.testing.assert_array_equal(file.arrays("EE_0000")["obj"], rng.normal(size=(9, 8)).astype("f4"))
        assert file.attrs("EE_0002") == {"row": 2}
        np.testing.assert_array_equal(file.array("cube"), np.arange(60.0).reshape(3, 4, 5))
        assert file.array("EE_0001/seg").shape == (9, 8)


@given(
    array=st.sampled_from(["b1", "i1", "u8", ">i4", "f2", ">f8", "c8", "S3", "U3"]).flatmap(
        lambda code: hnp.arrays(code, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    )
)
def test_any_array(tmp_path, array):
    with hdf5.writer(tmp_path / "a.h5", overwrite=True) as out:
        out.add_array("x", array)
    with hdf5.reader(tmp_path / "a.h5") as file:
        found = file.array("x")
    assert found.dtype.isnative
    assert found.shape == array.shape
    assert found.dtype.kind == array.dtype.kind
    np.testing.assert_array_equal(found, array)


def test_every_dataset_has_a_checksum_and_no_time(tmp_path):
    write(tmp_path / "a.h5", "none")
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["cube"].fletcher32
        assert file["EE_0000/obj"].fletcher32
        assert file["cube"].compression is None


def test_the_same_bytes_every_time(tmp_path):
    import time

    write(tmp_path / "a.h5", provenance=Provenance("t", "1", "v"))
    time.sleep(1.1)  # HDF5 keeps times in whole seconds
    write(tmp_path / "b.h5", provenance=Provenance("t", "1", "v"))
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    assert read_provenance(tmp_path / "a.h5") == Provenance("t", "1", "v")


def test_an_error_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError, match="stop"), hdf5.writer(tmp_path / "a.h5") as out:
        out.add_array("x", np.ones(3))
        raise RuntimeError("stop")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("bad", [np.array([{}], object), np.zeros(2, "V4"), np.zeros(2, "f4,i4")])
def test_what_is_not_stored(tmp_path, bad):
    with pytest.raises(errors.SchemaMismatch, match="cannot hold"), hdf5.writer(tmp_path / "a.h5") as out:
        out.add("g", {"x": bad})
    with (
        pytest.raises(errors.SchemaMismatch, match="no compression"),
        hdf5.writer(tmp_path / "a.h5", compression="x"),
    ):
        pass


def test_names_are_used_once(tmp_path):
    with hdf5.writer(tmp_path / "a.h5") as out:
        out.add("g", {"x": np.ones(2)})
        with pytest.raises(errors.SchemaMismatch, match="already"):
            out.add("g", {"x": np.ones(2)})
        with pytest.raises(errors.SchemaMismatch, match="already"):
            out.add_array("g/x", np.ones(2))
        out.add_array("g/y", np.ones(2))
    with hdf5.reader(tmp_path / "a.h5") as file:
        assert sorted(file.arrays("g")) == ["x", "y"]


def test_old_files_without_checksums_are_read(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w", libver="earliest") as file:
        for name in ("obj", "seg", "rms"):
            file[f"EE_0001/{name}"] = np.ones((5, 5), ">f4")
        file["names"] = ["a", "é"]
        file["here"] = h5py.SoftLink("/EE_0001")
    with hdf5.reader(tmp_path / "a.h5") as file:
        assert sorted(file.arrays("EE_0001")) == ["obj", "rms", "seg"]
        assert file.array("names").tolist() == ["a", "é"]
        assert sorted(file.arrays("here")) == ["obj", "rms", "seg"]


def hostile(path, kind):
    other = path.with_name("secret.h5")
    with h5py.File(other, "w") as file:
        file["x"] = np.ones(3)
    path.with_name("secret.bin").write_bytes(b"12345678" * 3)
    with h5py.File(path, "w") as file:
        if kind == "external link":
            file["x"] = h5py.ExternalLink(str(other), "x")
        elif kind == "external link in a group":
            file.create_group("x")["y"] = h5py.ExternalLink(str(other), "x")
        elif kind == "external storage":
            file.create_dataset("x", (3,), "f8", external=[(str(path.with_name("secret.bin")), 0, 24)])
        elif kind == "virtual":
            layout = h5py.VirtualLayout((3,), "f8")
            layout[:] = h5py.VirtualSource(str(other), "x", (3,))
            file.create_virtual_dataset("x", layout)
        elif kind == "loop":
            file["x"], file["y"] = h5py.SoftLink("/y"), h5py.SoftLink("/x")
        elif kind == "pickle":
            dataset = file.create_dataset("x", (1,), h5py.vlen_dtype("u1"))
            dataset[0] = np.frombuffer(pickle.dumps(print), "u1")
        elif kind == "reference":
            file.create_dataset("x", (1,), h5py.ref_dtype)
        elif kind == "attribute":
            file["x"] = np.ones(2)
            file["x"].attrs.create("a", np.array([file["x"].ref], h5py.ref_dtype))
    return path


@pytest.mark.parametrize(
    "kind",
    [
        "external link",
        "external link in a group",
        "external storage",
        "virtual",
        "loop",
        "pickle",
        "reference",
        "attribute",
    ],
)
def test_what_would_leave_the_file_or_run_code(tmp_path, kind):
    path = hostile(tmp_path / "a.h5", kind)
    with hdf5.reader(path) as file, pytest.raises(errors.UnsafeInput) as caught:
        file.attrs("x")
        if "group" in kind:
            file.arrays("x")
        file.array("x")
    assert caught.value.path == str(path)


def test_a_terabyte_of_fill_value_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", (2**37,), "f8", chunks=(1024,))
        file.create_dataset("small/x", (2**26,), "f8", chunks=(1024,))
        file.create_dataset("chunks", (4,), "f8", chunks=(2**27,), maxshape=(None,))
    with hdf5.reader(tmp_path / "a.h5") as file:
        with pytest.raises(errors.InputTooLarge, match="beyond the limit"):
            file.array("x")
        with pytest.raises(errors.InputTooLarge, match="expand"):
            file.arrays("small")
        with pytest.raises(errors.InputTooLarge, match="chunks"):
            file.array("chunks")


def test_groups_count_as_a_whole(tmp_path):
    with hdf5.writer(tmp_path / "a.h5") as out:
        out.add("g", {str(i): np.zeros(1000) for i in range(10)})
    with (
        limits.use(object_bytes=10_000),
        hdf5.reader(tmp_path / "a.h5") as file,
        pytest.raises(errors.InputTooLarge),
    ):
        file.arrays("g")


@pytest.mark.parametrize("name", ["nothing", "EE_0000/none", "EE_0000", "cube/x", "../x"])
def test_what_is_not_there(tmp_path, name):
    write(tmp_path / "a.h5")
    with hdf5.reader(tmp_path / "a.h5") as file, pytest.raises(errors.SchemaMismatch):
        file.array(name)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("hdf5") / "a.h5"
    write(path)
    return path


def everything(path):
    with hdf5.reader(path) as file:
        groups = {name: file.arrays(name) for name in file.names if name != "cube"}
        return groups, file.array("cube"), file.attrs(), file.attrs("EE_0001"), file.attrs("cube")


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_found_or_changes_nothing(tmp_path, written, place, bit):
    raw = bytearray(written.read_bytes())
    raw[int(place * len(raw))] ^= 1 << bit
    (tmp_path / "a.h5").write_bytes(raw)
    try:
        found = everything(tmp_path / "a.h5")
    except errors.SharedIOError as error:
        assert error.path == str(tmp_path / "a.h5")
    else:
        np.testing.assert_equal(found, everything(written))


@given(place=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_refused(tmp_path, written, place):
    raw = written.read_bytes()
    (tmp_path / "a.h5").write_bytes(raw[: int(place * len(raw))])
    with pytest.raises(errors.CorruptInput):
        everything(tmp_path / "a.h5")


def test_metadata_longer_than_an_attribute(tmp_path):
    from astropy.table import Table
    from shared_io import table

    t = Table({f"column {i}": [i] for i in range(900)}, meta={"text": "é x" * 60_000})
    table.write(t, tmp_path / "a.h5")
    found = table.read(tmp_path / "a.h5")
    assert found.meta == t.meta
    assert found.colnames == t.colnames
