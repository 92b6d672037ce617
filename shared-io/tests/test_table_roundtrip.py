"""A table that is written is the table that is read, in every format."""

# ruff: noqa: PT012  (either outcome may be right; what fails is what happens inside)
from __future__ import annotations

import numpy as np
import pytest
from astropy.table import MaskedColumn, QTable, Table
from hypothesis import given
from hypothesis import strategies as st
from shared_io import errors, table
from shared_io.provenance import Provenance
from shared_io.provenance import read as read_provenance
from tables import SUFFIXES, assert_equal, example, tables


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_one_of_everything(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    table.write(example(), path)
    assert_equal(example(), table.read(path))


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(t=tables())
def test_any_table(tmp_path, suffix, t):
    path = tmp_path / f"a{suffix}"
    table.write(t, path, overwrite=True)
    assert_equal(t, table.read(path))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_bytes_every_time(tmp_path, monkeypatch, suffix):
    for number, clock in enumerate((1.0e9, 1.5e9)):
        monkeypatch.setattr("time.time", lambda clock=clock: clock)
        table.write(example(), tmp_path / f"{number}{suffix}", provenance=Provenance("t", "1", "v"))
    assert (tmp_path / f"0{suffix}").read_bytes() == (tmp_path / f"1{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_columns_are_chosen_by_name(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    table.write(example(), path)
    assert_equal(example()[["text", "huge"]], table.read(path, columns=["text", "huge"]))
    with pytest.raises(errors.SchemaMismatch, match="there is no column 'nothing'"):
        table.read(path, columns=["text", "nothing"])


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("rows", [1, 2, 5, 100])
def test_batches_add_up(tmp_path, suffix, rows):
    path = tmp_path / f"a{suffix}"
    whole = example()
    table.write(whole, path)
    parts = list(table.batches(path, rows=rows, columns=["flux", "text", "m float"]))
    assert all(len(part) <= rows for part in parts)
    start = 0
    for part in parts:
        assert_equal(whole[["flux", "text", "m float"]][start : start + len(part)], part)
        start += len(part)
    assert start == len(whole)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_provenance_goes_with_the_table_and_stays_out_of_its_metadata(tmp_path, suffix):
    made = Provenance("dre", "0.1.0", "fit", {"n": 1}, {"a.fits": "00ff"})
    path = tmp_path / f"a{suffix}"
    table.write(example(), path, provenance=made)
    assert read_provenance(path) == made
    assert_equal(example(), table.read(path))


@pytest.mark.parametrize("suffix", [".ecsv", ".fits"])
def test_astropy_reads_it_too(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    t = example()["big-endian", "flux", "bool", "cube", "m float"]
    table.write(t, path)
    theirs = Table.read(path)
    for name in t.colnames:
        np.testing.assert_array_equal(np.asarray(t[name][:1]), np.asarray(theirs[name][:1]))
    assert theirs["flux"].unit == t["flux"].unit
    assert theirs.meta["EXPTIME"] == 30.5


def test_pyarrow_reads_it_too(tmp_path):
    import pyarrow.parquet as pq

    table.write(example(), tmp_path / "a.parquet")
    found = pq.read_table(tmp_path / "a.parquet", page_checksum_verification=True)
    assert found["m int"].to_pylist() == [None, -(2**63), 3, 4, 5]
    assert found["text"].to_pylist() == list(example()["text"])


def test_a_reader_that_skips_comments_reads_our_csv(tmp_path):
    table.write(example()["huge", "flux"], tmp_path / "a.csv")
    rows = np.genfromtxt(
        tmp_path / "a.csv",
        delimiter=",",
        comments="#",
        skip_header=0,
        dtype=None,
        names=None,
        encoding="utf-8",
    )
    assert rows[0].tolist() == ['"huge"', '"flux"']
    assert rows[1].tolist() == ["9223372036854775808", "1"]


def test_csv_of_others(tmp_path):
    (tmp_path / "a.csv").write_text("id,ra,name,ok,date,x\n1,2.5,a,true,2020-01-01,\n2,nan,,false,2020-01-02,7\n")
    t = table.read(tmp_path / "a.csv")
    assert [t[n].dtype.kind for n in t.colnames] == ["i", "f", "U", "b", "U", "i"]
    assert np.isnan(t["ra"][1])
    assert not np.ma.is_masked(t["ra"][1])
    assert t["name"].tolist() == ["a", ""]
    assert t["x"].mask.tolist() == [True, False]


def test_csv_of_others_with_comments_that_are_metadata(tmp_path):
    (tmp_path / "a.csv").write_text('# made by hand\n# exposure: 30.5\n# "odd key": [1, 2]\na\n1\n')
    t = table.read(tmp_path / "a.csv")
    assert t.meta == {"exposure": 30.5, "odd key": [1, 2]}
    assert t["a"].tolist() == [1]


def test_a_csv_edited_by_hand_can_be_declared_so(tmp_path):
    path = tmp_path / "a.csv"
    table.write(Table({"a": [1, 2]}), path)
    lines = path.read_text().splitlines()
    assert lines[0].startswith("# shared_io.digest: ")
    path.write_text("\n".join([*lines, "3"]) + "\n")
    with pytest.raises(errors.CorruptInput, match=r"shared_io\.digest: null"):
        table.read(path)
    path.write_text("\n".join(["# shared_io.digest: null", *lines[1:], "3"]) + "\n")
    assert table.read(path)["a"].tolist() == [1, 2, 3]


def test_quantities_are_columns_with_units(tmp_path):
    from astropy import units

    table.write(QTable({"r": [1.0, 2.0] * units.arcsec}), tmp_path / "a.parquet")
    found = table.read(tmp_path / "a.parquet")
    assert found["r"].unit == units.arcsec
    assert found["r"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("bad", ["object", "sky", "meta", "ragged"])
def test_what_cannot_be_stored_is_refused_and_leaves_nothing(tmp_path, suffix, bad):
    t = Table({"a": [1, 2]})
    if bad == "object":
        t["o"] = np.array([{1}, {2}], object)
    elif bad == "sky":
        from astropy.coordinates import SkyCoord

        t["o"] = SkyCoord([1, 2], [3, 4], unit="deg")
    elif bad == "ragged":
        t["o"] = np.array([[1], [1, 2]], object)
    else:
        t.meta["o"] = {1, 2}
    with pytest.raises(errors.SchemaMismatch):
        table.write(t, tmp_path / f"a{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_objects_that_are_text_are_text(tmp_path):
    t = Table({"o": np.array(["a", "bcd"], object)})
    table.write(t, tmp_path / "a.parquet")
    assert table.read(tmp_path / "a.parquet")["o"].dtype == np.dtype("U3")


def test_an_unknown_suffix(tmp_path):
    with pytest.raises(errors.SchemaMismatch, match="suffix"):
        table.write(Table({"a": [1]}), tmp_path / "a.xlsx")


@given(parts=st.lists(st.integers(0, 5), min_size=1, max_size=4))
def test_writing_piece_by_piece(tmp_path, parts):
    path = tmp_path / "a.parquet"
    whole = Table(
        {"x": np.arange(sum(parts)), "s": [str(i) * i for i in range(sum(parts))]},
        meta={"k": [1]},
        dtype=["i8", "U99"],
    )
    start = 0
    with table.writer(path, overwrite=True) as out:
        for rows in parts:
            part = whole[start : start + rows]
            out.add(Table(part, dtype=["i8", f"U{max(1, rows)}"] if False else None))
            start += rows
    assert_equal(whole, table.read(path))


def test_pieces_must_agree(tmp_path):
    with (
        pytest.raises(errors.SchemaMismatch, match="first table"),
        table.writer(tmp_path / "a.parquet") as out,
    ):
        out.add(Table({"a": [1]}))
        out.add(Table({"a": [1.5]}))
    with pytest.raises(errors.SchemaMismatch, match="columns"), table.writer(tmp_path / "a.parquet") as out:
        out.add(Table({"a": [1]}))
        out.add(Table({"b": [1]}))
    with pytest.raises(errors.SchemaMismatch, match="no table"), table.writer(tmp_path / "a.parquet"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_text_may_grow_from_piece_to_piece(tmp_path):
    with table.writer(tmp_path / "a.parquet", meta={"m": 1}) as out:
        out.add(Table({"s": ["a"]}))
        out.add(Table({"s": ["longer"]}))
    found = table.read(tmp_path / "a.parquet")
    assert found["s"].tolist() == ["a", "longer"]
    assert found.meta == {"m": 1}


def test_a_masked_column_stays_one_without_a_masked_value(tmp_path):
    t = Table({"a": MaskedColumn([1, 2])})
    table.write(t, tmp_path / "a.csv")
    assert isinstance(table.read(tmp_path / "a.csv")["a"], MaskedColumn)
