"""Cut files: ours, those of the predecessor, and damaged ones."""

import h5py
import numpy as np
import pytest
from shared_io.errors import CorruptInput, InputNotFound, SchemaMismatch

from dre.files.cuts import cut_names, read_cuts, write_cuts
from dre.stamp import Stamp


def stamps(count, rng):
    for k in range(1, count + 1):
        obj, rms = rng.normal(size=(2, 128, 128)).astype(np.float32)
        yield Stamp(f"01_{k:04d}", obj, rng.random((128, 128)) > 0.5, rms, 1, k, 100.5 + k, 7.25)


@pytest.mark.parametrize("compression", ["none", "low", "medium", "high"])
def test_round_trip(tmp_path, compression):
    written = list(stamps(3, np.random.default_rng(1)))
    assert write_cuts(tmp_path / "a_cuts.h5", iter(written), compression=compression) == 3
    for before, after in zip(written, read_cuts(tmp_path / "a_cuts.h5"), strict=True):
        assert (after.name, after.ext_number, after.number, after.x, after.y) == (
            before.name, before.ext_number, before.number, before.x, before.y
        )  # fmt: skip
        for part in ("obj", "mask", "rms"):
            assert np.array_equal(getattr(after, part), getattr(before, part))
            assert getattr(after, part).dtype == getattr(before, part).dtype


def test_cuts_of_the_predecessor_with_float_masks_and_no_attributes(tmp_path):
    with h5py.File(tmp_path / "old_cuts.h5", "w") as old:
        group = old.create_group("00_0012")
        for name in ("obj", "seg", "rms"):
            group.create_dataset(name, data=np.eye(128, dtype=np.float32), compression="gzip", chunks=(32, 64))
    (stamp,) = read_cuts(tmp_path / "old_cuts.h5")
    assert (stamp.name, stamp.ext_number, stamp.number, stamp.x) == ("00_0012", 0, 12, None)
    assert np.array_equal(stamp.mask, np.eye(128, dtype=bool))


@pytest.mark.parametrize(("name", "drop", "words"), [("00_0001", "rms", "lacks rms"), ("galaxy", None, "EE_NNNN")])
def test_a_bad_group_is_an_error_in_its_place(tmp_path, name, drop, words):
    with h5py.File(tmp_path / "a_cuts.h5", "w") as bad:
        for group in (name, "00_0002"):
            for part in ("obj", "seg", "rms"):
                if not (group == name and part == drop):
                    bad[f"{group}/{part}"] = np.ones((128, 128), np.float32)
    found = {getattr(item, "name", getattr(item, "hdu", None)): item for item in read_cuts(tmp_path / "a_cuts.h5")}
    assert isinstance(found["00_0002"], Stamp)
    assert isinstance(found[name], SchemaMismatch)
    assert words in str(found[name])


def test_a_file_that_is_none_or_is_not_there(tmp_path):
    (tmp_path / "a_cuts.h5").write_bytes(b"not hdf5 at all")
    with pytest.raises(CorruptInput, match=r"a_cuts\.h5"):
        cut_names(tmp_path / "a_cuts.h5")
    with pytest.raises(InputNotFound):
        cut_names(tmp_path / "b_cuts.h5")
