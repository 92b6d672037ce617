"""Tables that other programs wrote."""

from __future__ import annotations

import logging
import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
from astropy.io import fits as astropy_fits
from astropy.table import Table
from shared_io import errors, table
from shared_io.table.pandas_hdf5 import list_of_text

HERE = Path(__file__).parent / "data"


def check_frame(t, *, text=True):
    assert t["_id"].tolist() == [i * 10**13 for i in range(6)]
    np.testing.assert_array_equal(t["ra"], np.linspace(0, 1, 6))
    assert t["flag"].tolist() == [True, False] * 3
    assert t["flag"].dtype == bool
    np.testing.assert_array_equal(t["dec"], [1, np.nan, 3, 4, 5, 6])
    if text:
        assert t["coordinates"][:5].tolist() == ["a", "bb", "é", "", "x y"]
        assert t["coordinates"].mask.tolist() == [False] * 5 + [True]


@pytest.mark.parametrize("name", ["pandas_table.h5", "pandas_table_columns.h5"])
def test_pandas_tables_in_hdf5(name, caplog):
    with caplog.at_level(logging.WARNING):
        t = table.read(HERE / name)
    assert t.colnames == ["_id", "ra", "flag", "coordinates", "dec"]
    check_frame(t)
    assert "metadata are a pickle and were left out" in caplog.text
    assert t.meta == {}
    assert [len(part) for part in table.batches(HERE / name, rows=4, key="df")] == [4, 2]


def test_pandas_fixed_frames_in_hdf5():
    t = table.read(HERE / "pandas_fixed.h5")
    assert t.colnames == ["_id", "ra", "n", "f4", "flag", "dec"]
    check_frame(t, text=False)
    assert (t["n"].dtype, t["f4"].dtype) == (np.dtype("i4"), np.dtype("f4"))


def test_pickled_columns_are_refused_and_the_others_read():
    with pytest.raises(errors.UnsafeInput, match="never loaded") as caught:
        table.read(HERE / "pandas_fixed_text.h5")
    assert caught.value.hdu == "df/coordinates"
    t = table.read(HERE / "pandas_fixed_text.h5", columns=["_id", "ra", "flag", "dec"])
    check_frame(t, text=False)


def test_no_pickle_is_loaded(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a pickle was loaded")

    monkeypatch.setattr(pickle, "loads", refuse)
    monkeypatch.setattr(pickle, "load", refuse)
    monkeypatch.setattr(pickle, "Unpickler", refuse)
    for path in sorted(HERE.glob("pandas*.h5")):
        assert len(table.read(path, columns=["_id"])) > 0, path.name


@pytest.mark.parametrize("protocol", range(6))
def test_lists_of_text_are_read_from_the_bytes_of_a_pickle(protocol):
    assert list_of_text(pickle.dumps(["a", "é", "c d"], protocol), "x", "p") == ["a", "é", "c d"]


class Evil:
    def __reduce__(self):
        return (print, ("run",))


@pytest.mark.parametrize("content", [[Evil()], [print], ["a", {"b"}]])
def test_other_pickles_are_refused(content):
    with pytest.raises(errors.UnsafeInput):
        list_of_text(pickle.dumps(content), "x", "p")


def test_damaged_pickles():
    with pytest.raises(errors.CorruptInput):
        list_of_text(pickle.dumps(["a", "b"])[:-3], "x", "p")


def test_attributes_under_the_schema_key_scope():
    t = table.read(HERE / "pandas_scope.parquet")
    assert t.meta == {"features_download": "x", "n": 1}
    check_frame(t)


def test_row_labels_without_a_name_are_left_out():
    t = table.read(HERE / "pandas_index.parquet")
    assert t.colnames == ["_id", "ra", "flag", "coordinates", "dec"]
    assert table.read(HERE / "pandas_index.parquet", columns=["__index_level_0__"])[0][0] == 3


@pytest.mark.parametrize("name", ["tile_ldac.fits", "tile_fits10.fits"])
def test_sextractor_catalogues(name):
    key = {"tile_ldac.fits": "LDAC_OBJECTS", "tile_fits10.fits": "OBJECTS"}[name]
    t = table.read(HERE / name, key=key)
    assert len(t) == 46
    assert t.colnames == table.read(HERE / name).colnames
    with astropy_fits.open(HERE / name) as hdus:
        theirs = hdus[key].data
        for column in t.colnames:
            np.testing.assert_array_equal(t[column], theirs[column])
            assert t[column].dtype.isnative
    assert str(t["X_IMAGE"].unit) == "pix"
    assert t["VIGNET"].shape == (46, 25, 25)


def test_the_field_header_of_an_ldac_catalogue():
    cards = table.read(HERE / "tile_ldac.fits", key="LDAC_IMHEAD")["Field Header Card"]
    assert len(cards) == 1
    assert str(cards.ravel()[0]).startswith("SIMPLE")


def test_several_catalogues_need_a_key(tmp_path):
    hdus = [astropy_fits.BinTableHDU(Table({"a": [i]}).as_array(), name="LDAC_OBJECTS") for i in range(2)]
    astropy_fits.HDUList([astropy_fits.PrimaryHDU(), *hdus]).writeto(tmp_path / "a.fits")
    with pytest.raises(errors.SchemaMismatch, match="choose one by key: 1:LDAC_OBJECTS, 2:LDAC_OBJECTS"):
        table.read(tmp_path / "a.fits")
    assert table.read(tmp_path / "a.fits", key=2)["a"].tolist() == [1]


def test_columns_of_every_kind_are_those_of_astropy(tmp_path):
    column = astropy_fits.Column
    hdu = astropy_fits.BinTableHDU.from_columns(
        [
            column("bits", "3X", array=np.array([[1, 0, 1], [0, 1, 1]], bool)),
            column("scaled", "I", array=np.array([1, 2])),
            column("unsigned", "J", bzero=2**31, array=np.array([0, 2**32 - 1], "u4")),
            column("signed byte", "B", bzero=-128, array=np.array([-128, 127], "i1")),
            column("null", "J", null=-99, array=np.array([-99, 5])),
            column("words", "6A", dim="(3,2)", array=np.array([["abc", "de"], ["f", "ghi"]])),
            column("ragged", "PD()", array=np.array([[1.0], [2.0, 3.0]], object)),
            column("logical", "L", array=np.array([True, False])),
        ]
    )
    hdu.header["EXPOSURE"], hdu.header["XSCAL2"], hdu.header["XZERO2"] = 30.0, 0.5, 10
    hdu.writeto(tmp_path / "a.fits")
    raw = (tmp_path / "a.fits").read_bytes()
    (tmp_path / "a.fits").write_bytes(raw.replace(b"XSCAL2", b"TSCAL2").replace(b"XZERO2", b"TZERO2"))
    t = table.read(tmp_path / "a.fits")
    assert t["bits"].tolist() == [[True, False, True], [False, True, True]]
    assert t["scaled"].tolist() == [10.5, 11.0]
    assert t["unsigned"].tolist() == [0, 2**32 - 1]
    assert t["signed byte"].tolist() == [-128, 127]
    assert t["null"].mask.tolist() == [True, False]
    assert t["words"].tolist() == [["abc", "de"], ["f", "ghi"]]
    assert [list(v) for v in t["ragged"]] == [[1.0], [2.0, 3.0]]
    assert t["logical"].tolist() == [True, False]
    assert t.meta == {"EXPOSURE": 30.0}


def test_csv_in_another_encoding(tmp_path):
    (tmp_path / "a.csv").write_bytes("name\nM\xfcller\n".encode("latin-1"))
    assert table.read(tmp_path / "a.csv")["name"].tolist() == ["M\xfcller"]


def test_ascii_tables(tmp_path):
    columns = [
        astropy_fits.Column("x", "E15.7", array=[1.5, 2.5]),
        astropy_fits.Column("s", "A3", array=["a", "bc"]),
    ]
    astropy_fits.TableHDU.from_columns(columns).writeto(tmp_path / "a.fits")
    t = table.read(tmp_path / "a.fits")
    assert (t["x"].tolist(), t["s"].tolist()) == ([1.5, 2.5], ["a", "bc"])


def test_ecsv_of_astropy(tmp_path):
    t = Table({"a": [1, 2], "s": ["x", "y"]}, meta={"k": {"v": [1]}})
    t["a"].unit = "m"
    t.write(tmp_path / "a.ecsv")
    found = table.read(tmp_path / "a.ecsv", columns=["a"])
    assert (found["a"].tolist(), str(found["a"].unit), found.meta["k"]) == ([1, 2], "m", {"v": [1]})


def test_hdf5_of_astropy_and_plain_groups(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["records"] = np.array([(1, b"x"), (2, b"y")], [("a", ">i4"), ("s", "S3")])
        file["group/a"] = np.arange(3)
        file["group/b"] = np.zeros((3, 2))
        file["uneven/a"], file["uneven/b"] = np.arange(3), np.arange(4)
    assert table.read(tmp_path / "a.h5", key="records")["s"].tolist() == ["x", "y"]
    assert table.read(tmp_path / "a.h5", key="group").colnames == ["a", "b"]
    for key in (None, "uneven", "none", "group/b"):
        with pytest.raises(errors.SchemaMismatch):
            table.read(tmp_path / "a.h5", key=key)


def test_parquet_of_others_with_lists_and_structs(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = pa.table(
        {
            "x": pa.array([1, None, 3], pa.int16()),
            "y": pa.array([1.5, float("nan"), None]),
            "lists": [[1.0, 2.0], [], [3.0]],
            "dict": pa.array(["a", "b", "a"]).dictionary_encode(),
            "when": pa.array([0, 1, None], pa.timestamp("ms")),
            "deep": [[{"a": 1}], [], None],
        }
    )
    pq.write_table(found, tmp_path / "a.parquet")
    t = table.read(tmp_path / "a.parquet")
    assert t["x"].mask.tolist() == [False, True, False]
    assert t["x"].dtype == np.int16
    assert np.isnan(t["y"].data.data[1])
    assert t["y"].mask.tolist() == [False, False, True]
    assert [list(v) for v in t["lists"]] == [[1.0, 2.0], [], [3.0]]
    assert t["dict"].tolist() == ["a", "b", "a"]
    assert t["when"].dtype == np.dtype("M8[ms]")
    assert t["deep"][0] == [{"a": 1}]


def test_row_groups_come_as_arrow_and_only_those_that_may_hold_what_is_wanted(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "nested.parquet"
    columns = {"id": list(range(30)), "points": [[float(k)] * (k % 3) for k in range(30)]}
    pq.write_table(pa.table(columns), path, row_group_size=10)
    assert table.arrow_schema(path).names == ["id", "points"]
    groups = list(table.row_groups(path, ["points"]))
    assert [group.num_rows for group in groups] == [10, 10, 10]
    assert groups[1]["points"].to_pylist() == columns["points"][10:20]
    assert [g["id"][0].as_py() for g in table.row_groups(path, where={"id": [25, 3]})] == [0, 20]
    assert list(table.row_groups(path, where={"id": [99]})) == []
    assert len(list(table.row_groups(path, where={"nothing": [99]}))) == 3
    with pytest.raises(errors.SchemaMismatch, match="there is no column 'x'"):
        list(table.row_groups(path, ["x"]))


def test_a_table_without_rows_is_a_sound_file(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(
        pa.table({"id": pa.array([], pa.int64()), "name": pa.array([], pa.string())}), tmp_path / "t.parquet"
    )
    assert pq.read_metadata(tmp_path / "t.parquet").num_row_groups == 1
    assert [group.num_rows for group in table.row_groups(tmp_path / "t.parquet")] == [0]
    assert len(table.read(tmp_path / "t.parquet")) == 0


def test_large_row_groups_come_in_pieces(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "nested.parquet"
    columns = {"id": list(range(300)), "points": [[float(k)] * (k % 30) for k in range(300)]}
    pq.write_table(pa.table(columns), path, row_group_size=200)
    pieces = list(table.row_groups(path, ["id", "points"], most=8000))
    assert len(pieces) >= 5
    assert max(piece.nbytes for piece in pieces) < 16000
    assert [value for piece in pieces for value in piece["points"].to_pylist()] == columns["points"]
    assert [piece.num_rows for piece in table.row_groups(path, ["id"], most=2000)] == [200, 100], "a column is small"
    assert [piece.num_rows for piece in table.row_groups(path, ["id"], most=8000)] == [300], "both together"


def test_row_groups_are_of_parquet_alone_and_verified(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    assert table.arrow_schema(tmp_path / "t.csv") is None
    with pytest.raises(errors.SchemaMismatch, match="only Parquet"):
        list(table.row_groups(tmp_path / "t.csv"))
    path = tmp_path / "t.parquet"
    table.write(Table({"a": np.arange(5000)}), path)
    data = bytearray(path.read_bytes())
    data[200] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(errors.CorruptInput, match=r"t\.parquet"):
        list(table.row_groups(path))
