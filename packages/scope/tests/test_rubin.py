"""Rubin tables, row groups that are skipped, and cross-match catalogues as sources of light curves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shared_io import cli, table
from shared_io.errors import InputNotFound, SchemaMismatch

from scope.cli import app
from scope.lightcurves.folder import Folder, Quadrant
from scope.lightcurves.nested import MJD0
from scope.lightcurves.quality import Cuts, clean
from scope.lightcurves.rubin import FLAGS, read_rubin
from scope.lightcurves.selection import Selection
from scope.lightcurves.tables import read_light_curves

POINT = pa.struct([("hmjd", pa.float64()), ("mag", pa.float32()), ("magerr", pa.float32()), ("catflags", pa.int32())])


def write_tables(folder: Path, visits: int = 80) -> Path:
    """Three objects, one of them blended; r a magnitude fainter than g, 2 min after it."""
    folder.mkdir()
    ids = np.array([611253934900000001, 611253934900000002, 611253934900000003])
    pq.write_table(
        pa.table({"objectId": ids, "coord_ra": [53.0, 53.1, 53.2], "coord_dec": [-28.0] * 3,
                  "detect_isIsolated": [True, True, False]}), folder / "Object.parquet",
    )  # fmt: skip
    rng = np.random.default_rng(5)
    days = np.sort(rng.uniform(0, 400, visits))
    times = np.stack([days, days + 2 / 1440], axis=1).ravel()
    pq.write_table(
        pa.table({"visit": np.arange(2 * visits)[::-1] + 1000, "expMidptMJD": 60600.0 + times[::-1]}),
        folder / "Visit.parquet",
    )
    rows = [(i, v, "gr"[v % 2]) for i in ids for v in range(2 * visits)]
    mag = np.array([20.0 + (b == "r") + 0.3 * np.sin(2 * np.pi * times[v] / 0.618) for i, v, b in rows])
    flux = 10 ** (-0.4 * (mag - 31.4))
    flux[3] = -5.0
    columns = {
        "objectId": [r[0] for r in rows], "visit": [r[1] + 1000 for r in rows], "band": [r[2] for r in rows],
        "psfFlux": flux, "psfFluxErr": np.abs(flux) * 0.01,
        **{f"pixelFlags_{f}": np.zeros(len(rows), bool) for f in FLAGS},
    }  # fmt: skip
    columns["pixelFlags_saturated"][5] = True
    pq.write_table(pa.table(columns), folder / "ForcedSource.parquet", row_group_size=2 * visits)
    return folder


def test_each_band_of_an_isolated_object_is_a_light_curve(tmp_path: Path) -> None:
    curves = read_rubin(write_tables(tmp_path / "dp1"))
    assert list(zip(curves.id % 10, curves.filter, curves.counts, strict=True)) == [
        (1, 1, 80), (1, 2, 79), (2, 1, 80), (2, 2, 80),
    ]  # fmt: skip
    assert curves.hjd.min() > MJD0 + 60600
    assert curves[2].mag.mean() == pytest.approx(20.0, abs=0.1)
    assert curves[3].mag.mean() == pytest.approx(21.0, abs=0.1)
    assert curves[2].magerr == pytest.approx(np.full(80, 2.5 / np.log(10) * 0.01))
    assert sorted(curves[1].catflags.tolist())[-2:] == [0, 1 << FLAGS.index("saturated")]


def test_thinning_of_one_band_takes_no_points_of_another(tmp_path: Path) -> None:
    """All bands of an object used to be one light curve, offsets and all, thinned as one."""
    curves = clean(read_rubin(write_tables(tmp_path / "dp1")), Cuts(50, 5.0))
    assert (curves.counts > 70).all()
    assert curves[0].mag.std() < 0.25


def test_row_groups_without_a_wanted_source_are_not_read(tmp_path: Path) -> None:
    folder = write_tables(tmp_path / "dp1")
    path = folder / "ForcedSource.parquet"
    identifier = 611253934900000002
    groups = list(table.row_groups(path, ["objectId"], where={"objectId": [identifier]}))
    assert [set(g["objectId"].to_pylist()) for g in groups] == [{identifier}]
    assert len(list(table.row_groups(path, ["objectId"]))) == 3
    assert Folder(folder).sources([identifier]).id.tolist() == [identifier] * 2


def test_a_folder_of_tables_goes_by_identifiers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tables(tmp_path / "dp1")
    monkeypatch.chdir(tmp_path)
    words = ["--light-curves", "dp1", "--doSpecificIDs", "--fg-dataset", "dp1/Object.parquet", "--doCPU",
             "--max-freq", "4"]  # fmt: skip
    assert cli.execute(app, prog="generate_features", verb="generate-features", argv=words) == 0
    found = pq.read_table("generated_features/specific_ids/gen_features_specific_ids.parquet").to_pylist()
    assert [row["period_ELS_ECE_EAOV"] for row in found] == pytest.approx([0.618] * 4, rel=1e-3)
    assert [row["n_bands"] for row in found] == [2] * 4
    assert found[0]["field"] == -1
    with pytest.raises(InputNotFound, match="no ZTF quadrants"):
        Folder(tmp_path / "dp1").quadrant(Quadrant(1, 1, 1))


def test_tables_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    folder = write_tables(tmp_path / "dp1")
    visits = pq.read_table(folder / "Visit.parquet")
    pq.write_table(visits.slice(0, 10), folder / "Visit.parquet")
    with pytest.raises(SchemaMismatch, match=r"Visit\.parquet: lacks visits"):
        read_rubin(folder)
    pq.write_table(visits.rename_columns(["visit", "x"]), folder / "Visit.parquet")
    with pytest.raises(SchemaMismatch, match="expMidptMJD"):
        read_rubin(folder)
    pq.write_table(visits, folder / "Visit.parquet")
    pq.write_table(pq.read_table(folder / "ForcedSource.parquet").drop(["psfFlux"]), folder / "ForcedSource.parquet")
    with pytest.raises(SchemaMismatch, match="no column psfFlux"):
        read_rubin(folder)
    (folder / "Visit.parquet").unlink()
    with pytest.raises(InputNotFound, match="no Object, ForcedSource and Visit"):
        read_rubin(folder)


def many(path: Path, sources: int = 300, group: int = 50) -> np.ndarray:
    """A HATS partition in row groups, fields 1 to 6."""
    ids = np.arange(sources) + 10**14
    cells = [
        [{"hmjd": 58000.0 + k, "mag": 15.0, "magerr": 0.1, "catflags": 0} for k in range(i % 4)] for i in range(sources)
    ]
    pq.write_table(
        pa.table({"objectid": ids, "filterid": pa.array(np.ones(sources, np.int8)),
                  "fieldid": np.arange(sources) // group + 1, "rcid": np.arange(sources) % 64,
                  "objra": np.zeros(sources), "objdec": np.zeros(sources),
                  "lightcurve": pa.array(cells, pa.list_(POINT))}), path, row_group_size=group,
    )  # fmt: skip
    return ids


def test_a_quadrant_out_of_a_partition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = many(tmp_path / "part.parquet")
    wanted = Quadrant(3, 10, 2)
    assert wanted.rcid == 37
    read = []
    whole = table.row_groups
    monkeypatch.setattr(table, "row_groups", lambda *a, **k: (read.append(g) or g for g in whole(*a, **k)))
    found = read_light_curves(tmp_path / "part.parquet", Selection(wanted))
    inside = (np.arange(300) // 50 + 1 == 3) & (np.arange(300) % 64 == 37)
    assert found.id.tolist() == ids[inside].tolist()
    assert len(read) == 1
    assert (
        read_light_curves(tmp_path / "part.parquet", Selection(ids=ids[[7, 250]])).id.tolist() == ids[[7, 250]].tolist()
    )
    everything = read_light_curves(tmp_path / "part.parquet")
    assert everything.counts.tolist() == [i % 4 for i in range(300)]


def test_sources_in_the_rows_of_a_cross_match(tmp_path: Path) -> None:
    kind = pa.struct([
        ("objectid", pa.list_(pa.int64())), ("filterid", pa.list_(pa.int8())), ("objra", pa.list_(pa.float32())),
        ("objdec", pa.list_(pa.float32())), ("lc", pa.list_(pa.list_(POINT))),
    ])  # fmt: skip
    one = {"hmjd": 58000.0, "mag": 15.0, "magerr": 0.1, "catflags": 0}
    star = {
        "objectid": [5, 6],
        "filterid": [1, 2],
        "objra": [1.0, 1.0],
        "objdec": [2.0, 2.0],
        "lc": [[one], [one, one]],
    }
    again = {**{k: v[:1] for k, v in star.items()}}
    pq.write_table(
        pa.table({"Name": ["a", "b", "c"], "ztf": pa.array([star, None, again], kind)}), tmp_path / "x.parquet"
    )
    curves = read_light_curves(tmp_path / "x.parquet")
    assert (curves.id.tolist(), curves.counts.tolist(), curves.filter.tolist()) == ([5, 6], [1, 2], [1, 2])


def test_lists_of_different_lengths_are_refused(tmp_path: Path) -> None:
    columns = {"objectid": [1], "filterid": [1], "objra": [1.0], "objdec": [1.0], "hmjd": [[1.0, 2.0]], "mag": [[1.0]],
               "magerr": [[1.0, 1.0]], "catflags": [[0, 0]]}  # fmt: skip
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    with pytest.raises(SchemaMismatch, match="differ in length"):
        read_light_curves(tmp_path / "x.parquet")
    pq.write_table(pa.table({**columns, "mag": ["bright"]}), tmp_path / "x.parquet")
    with pytest.raises(SchemaMismatch, match=r"\[mag\]: lists of numbers"):
        read_light_curves(tmp_path / "x.parquet")
    pq.write_table(pa.table({k: v for k, v in columns.items() if k != "magerr"}), tmp_path / "x.parquet")
    with pytest.raises(SchemaMismatch, match="no column magerr"):
        read_light_curves(tmp_path / "x.parquet")
