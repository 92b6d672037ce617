"""Rows become files: sound, whole, the same bytes each time, and read back as they were."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits as astropy_fits
from astropy.table import Column, MaskedColumn, QTable, Table
from hypothesis import given
from hypothesis import strategies as st
from shared_io import atomic, errors, fits, provenance, stamps

TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=90)
MADE = provenance.Provenance("demo", "1.0", "cut", {"text": "it's & more" * 20})


def rows(count, shape=(4, 5)):
    return np.random.default_rng(1).normal(size=(count, *shape)).astype("f4")


def test_what_is_written_is_read_back(tmp_path):
    table = Table(
        {
            "CANDID": ["a1", "it's", "x" * 100],
            "MAG": MaskedColumn([18.25, 1e-7, 3e22], mask=[False, True, False], unit="mag", description="brightness"),
            "N": [1, -(2**63), 2**63 - 1],
            "EDGE": [True, False, True],
            "mag_calib_long": [1.5, 2.5, -0.0],
        }
    )
    data = rows(3)
    paths = stamps.write(tmp_path / "new" / "folder", data, table, provenance=MADE)
    assert [path.name for path in paths] == ["000000.fits", "000001.fits", "000002.fits"]
    found = stamps.read(paths, keys=table.colnames)
    assert found.failed == []
    assert found.data.tobytes() == data.tobytes()
    for name in table.colnames:
        assert found.table[name].tolist() == table[name].tolist()
    assert provenance.read(paths[0]).key == MADE.key
    assert astropy_fits.getheader(paths[0]).comments["MAG"] == "[mag] brightness"


@pytest.mark.parametrize("dtype", ["f4", "f8", "u1", "i2", "i4", "i8", ">f4", ">i4"])
@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4)])
def test_every_type_and_plane(tmp_path, dtype, shape):
    data = (rows(2, shape) * 50).clip(0).astype(dtype)
    found = stamps.read(stamps.write(tmp_path, data))
    assert found.data.dtype == np.dtype(dtype).newbyteorder("=")
    np.testing.assert_array_equal(found.data, data)


def test_nan_is_a_card_without_a_value(tmp_path):
    table = Table({"MAG": [np.nan, 1.0], "A_LONG_NAME": [2.0, np.nan]})
    found = stamps.read(stamps.write(tmp_path, rows(2), table), keys=table.colnames)
    assert found.table["MAG"].tolist() == [None, 1.0]
    assert found.table["A_LONG_NAME"].tolist() == [2.0, None]
    assert "A_LONG_NAME" in astropy_fits.getheader(tmp_path / "000001.fits")


def test_files_are_sound_to_others(tmp_path):
    table = Table({"MAG": [1.5, np.nan], "LONG": ["x" * 200, "a: b"], "HIER_LONG_NAME": [1, 2]})
    for path in stamps.write(tmp_path, rows(2), table, provenance=MADE):
        assert fits.verify(path) == 1
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with astropy_fits.open(path, checksum=True) as hdus:
                hdus.verify("exception")
                assert len(hdus[0].header["LONG"]) in (200, 4)


@given(text=TEXT, number=st.floats(allow_nan=False, allow_infinity=False), whole=st.integers(-(2**63), 2**63 - 1))
def test_every_value_comes_back(tmp_path, text, number, whole):
    table = Table({"TEXT": [text], "REAL": [number], "WHOLE": [whole], "A_LONG_NAME": [number]})
    try:
        paths = stamps.write(tmp_path, rows(1), table, overwrite=True)
    except errors.SchemaMismatch as error:
        assert "TEXT" in str(error)  # noqa: PT017  (a text that astropy takes for something else)
        return
    found = stamps.read(paths, keys=table.colnames).table
    assert found["TEXT"][0] == text.rstrip()
    for name in ("REAL", "WHOLE", "A_LONG_NAME"):
        assert found[name].tolist() == table[name].tolist()


def test_the_same_rows_give_the_same_bytes(tmp_path):
    table = Table({"MAG": [1.5, 2.5]})
    one = stamps.write(tmp_path / "a", rows(2), table, provenance=MADE)
    two = stamps.write(tmp_path / "b", rows(2), table, provenance=MADE)
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_names(tmp_path):
    table = Table({"path": ["x/b.fits.gz", "y/a.fit"], "index": [5, 6], "MAG": [1.0, 2.0]})
    paths = stamps.write(tmp_path, rows(2), table)
    assert [path.name for path in paths] == ["b.fits", "a.fits"]
    assert "INDEX" not in astropy_fits.getheader(paths[0])
    again = stamps.write([tmp_path / "one.fit", tmp_path / "two.fit"], rows(2), table)
    assert [path.name for path in again] == ["one.fit", "two.fit"]


def test_units_of_quantities_go_into_the_comment(tmp_path):
    (path,) = stamps.write(tmp_path, rows(1), QTable({"FLUX": [3.5] * u.Jy}))
    header = astropy_fits.getheader(path)
    assert (header["FLUX"], header.comments["FLUX"]) == (3.5, "[Jy]")


def test_nothing_is_written_when_one_is_in_the_way(tmp_path):
    (tmp_path / "000002.fits").write_text("mine")
    with pytest.raises(errors.OutputExists, match="000002"):
        stamps.write(tmp_path, rows(4))
    assert [path.name for path in tmp_path.iterdir()] == ["000002.fits"]
    stamps.write(tmp_path, rows(4), overwrite=True)
    assert len(stamps.read(tmp_path)) == 4


REFUSED = {
    "another number of rows": (rows(2), Table({"MAG": [1.0]})),
    "a reserved card": (rows(1), Table({"NAXIS1": [1]})),
    "a checksum": (rows(1), Table({"CHECKSUM": ["x"]})),
    "two of one name": (rows(1), Table({"mag": [1], "MAG": [2]})),
    "infinity": (rows(1), Table({"MAG": [np.inf]})),
    "arrays": (rows(1), Table({"MAG": [[1, 2]]})),
    "letters beyond ASCII": (rows(1), Table({"NAME": ["é"]})),
    "a text that reads as a record": (rows(1), Table({"NAME": ["axis: 3.5"]})),
    "objects": (rows(1), Table({"MAG": Column([{}], dtype=object)})),
    "one image": (rows(1)[0], None),
    "no pixels": (rows(1, (0, 4)), None),
    "unsigned": (rows(1).astype("u2"), None),
    "one name twice": (rows(2), Table({"path": ["a/x.fits", "b/x.fits"]})),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_fits_cannot_hold(tmp_path, name):
    with pytest.raises(errors.SchemaMismatch):
        stamps.write(tmp_path, *REFUSED[name])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("paths", [["a.fits"], ["a.fits", "b.fits.gz"]])
def test_paths_that_do_not_fit(paths):
    with pytest.raises(errors.SchemaMismatch):
        stamps.write(paths, rows(2))


def test_no_file_is_in_place_before_its_bytes_are_on_the_disk(tmp_path, monkeypatch):
    events = []
    flush, link, replace = os.fsync, os.link, os.replace

    def fsync(descriptor):
        events.append(("flush", str(Path(f"/proc/self/fd/{descriptor}").readlink())))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "link", lambda a, b: (events.append(("place", str(a))), link(a, b)))
    monkeypatch.setattr(os, "replace", lambda a, b: (events.append(("place", str(a))), replace(a, b)))
    for overwrite in (False, True):
        events.clear()
        files = [(tmp_path / str(number), b"x") for number in range(5)]
        assert atomic.write_many(files, overwrite=overwrite, batch=3) == 5
        for batch in (events[:7], events[7:]):
            count = (len(batch) - 1) // 2
            assert {kind for kind, _ in batch[:count]} == {"flush"}
            placed = batch[count : 2 * count]
            assert [kind for kind, _ in placed] == ["place"] * count
            assert {name for _, name in placed} == {name for _, name in batch[:count]}
            assert batch[-1] == ("flush", str(tmp_path))


def test_a_failing_flush_leaves_nothing_of_the_batch(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(5, "Input/output error")))
    with pytest.raises(errors.WriteFailed, match="Input/output"):
        stamps.write(tmp_path, rows(3))
    assert list(tmp_path.iterdir()) == []


WRITER = """
import sys, itertools
import numpy as np
from shared_io import stamps
print("ready", flush=True)
for turn in itertools.count(2):
    stamps.write(sys.argv[1], np.full((400, 8, 8), turn, "f4"), overwrite=True)
"""


@pytest.mark.parametrize("delay", [0.01, 0.05, 0.12])
def test_after_a_kill_each_file_is_whole(tmp_path, delay):
    stamps.write(tmp_path, np.full((400, 8, 8), 1, "f4"))
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
    with writer:
        writer.stdout.readline()
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
    found = stamps.read(tmp_path)
    assert found.failed == []
    assert len(found) == 400
    assert (found.data == found.data[:, :1, :1]).all()
    atomic.sweep(tmp_path)
    assert len(list(tmp_path.iterdir())) == 400
