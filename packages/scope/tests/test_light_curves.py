"""Light curves from files of every shape, and the cuts."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from shared_io.errors import CorruptInput, InputNotFound, SchemaMismatch

from scope.lightcurves.folder import Folder, Quadrant
from scope.lightcurves.nested import MJD0
from scope.lightcurves.quality import Cuts, clean
from scope.lightcurves.record import UNKNOWN, LightCurves
from scope.lightcurves.tables import read_light_curves

DATA = Path(__file__).parent / "data"


def write_nested(path: Path, shape: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    points = [{"hmjd": 58000.25, "mag": 16.5, "magerr": 0.02, "clrcoeff": 0.1, "catflags": 0},
              {"hmjd": 58001.25, "mag": 16.75, "magerr": 0.03, "clrcoeff": 0.1, "catflags": 4}]  # fmt: skip
    cells = [points, points[:1], []]
    if shape == "struct of lists":
        cells = [{k: [p[k] for p in cell] for k in points[0]} for cell in cells]
    kind = [("hmjd", pa.float64()), ("mag", pa.float32()), ("magerr", pa.float32()), ("clrcoeff", pa.float32()),
            ("catflags", pa.int32())]  # fmt: skip
    nested = pa.list_(pa.struct(kind)) if shape == "list of structs" else pa.struct([(n, pa.list_(t)) for n, t in kind])
    pq.write_table(
        pa.table({
            "objectid": [11, 12, 13], "filterid": pa.array([1, 2, 1], pa.int8()), "objra": [10.0, 11.0, 12.0],
            "objdec": [1.0, 2.0, 3.0], "lightcurve": pa.array(cells, nested),
        }), path,
    )  # fmt: skip


@pytest.mark.parametrize("shape", ["list of structs", "struct of lists"])
def test_hats_in_both_nestings(tmp_path: Path, shape: str) -> None:
    write_nested(tmp_path / "hats.parquet", shape)
    curves = read_light_curves(tmp_path / "hats.parquet")
    assert curves.counts.tolist() == [2, 1, 0]
    assert curves.hjd.tolist() == [58000.25 + MJD0, 58001.25 + MJD0, 58000.25 + MJD0]
    assert curves[0].catflags.tolist() == [0, 4]
    assert curves[1].filter == 2
    assert curves[1].mag == pytest.approx([16.5])


def test_the_bulk_file_of_a_real_quadrant(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        curves = read_light_curves(DATA / "ztf_000250_zg_c01_q1_dr5.parquet")
    assert "float32" in caplog.text
    assert len(curves) == 59
    assert set(zip(curves.field, curves.ccd, curves.quad, curves.filter, strict=True)) == {(250, 1, 1, 1)}
    assert curves.hjd.min() > 2458000
    assert (curves.counts >= 50).sum() == 40


def test_a_matchfile_spells_its_identifiers(survey_data: Path) -> None:
    curves = read_light_curves(survey_data / "ztf_000245_zr_c10_q1_match.pytable")
    assert len(curves) == 9
    assert all(str(i).startswith("245210100") for i in curves.id)
    assert (curves.filter == 2).all()
    assert np.isfinite(curves.ra).all()


def test_points_are_grouped_by_source_and_filter(tmp_path: Path) -> None:
    rows = ["oid,hjd,mag,magerr,filtercode,ra,dec"]
    rows += [f"{i},{2459000.5 + k},15.{k},0.1,{f},{i}.5,-3" for k in range(3) for i in (7, 5) for f in ("zr", "zg")]
    (tmp_path / "points.csv").write_text("\n".join(rows) + "\n")
    curves = read_light_curves(tmp_path / "points.csv")
    assert curves.id.tolist() == [5, 5, 7, 7]
    assert curves.filter.tolist() == [1, 2, 1, 2]
    assert curves[2].mag.tolist() == [15.0, 15.1, 15.2]
    assert curves.ra.tolist() == [5.5, 5.5, 7.5, 7.5]


def test_one_star_needs_no_identifier_but_several_do(tmp_path: Path) -> None:
    (tmp_path / "LINEAR_42.csv").write_text("t,mag,magerr\n1,15,0.1\n2,15.5,0.1\n")
    curve = read_light_curves(tmp_path / "LINEAR_42.csv")[0]
    assert (curve.id, curve.filter, len(curve)) == (42, UNKNOWN, 2)
    (tmp_path / "many.csv").write_text("t,mag,magerr,class\n1,15,0.1,RR\n2,15.5,0.1,EA\n")
    with pytest.raises(SchemaMismatch, match=r"no identifier.*drop class"):
        read_light_curves(tmp_path / "many.csv")


@pytest.mark.parametrize(
    ("text", "reason"),
    [("a,b\n1,2\n", "no light curves"), ("id,t,mag,magerr\n1,x,15,0.1\n", r"\[t\]: numbers are needed")],
)
def test_other_tables_are_refused_with_a_reason(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "other.csv").write_text(text)
    with pytest.raises(SchemaMismatch, match=reason):
        read_light_curves(tmp_path / "other.csv")


def test_a_damaged_bulk_file_is_refused(tmp_path: Path) -> None:
    whole = (DATA / "ztf_000250_zg_c01_q1_dr5.parquet").read_bytes()
    (tmp_path / "ztf_000250_zg_c01_q1_dr5.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CorruptInput, match=r"ztf_000250_zg_c01_q1_dr5\.parquet"):
        read_light_curves(tmp_path / "ztf_000250_zg_c01_q1_dr5.parquet")


def test_a_folder_gives_the_files_whose_names_tell(tmp_path: Path) -> None:
    for name in ("ztf_000250_zg_c01_q1_dr5.parquet", "ztf_000250_zg_c01_q2_dr5.parquet", "notes.csv"):
        (tmp_path / name).touch()
    folder = Folder(tmp_path)
    assert [p.name for p in folder.files(Quadrant(250, 1, 2))] == ["ztf_000250_zg_c01_q2_dr5.parquet"]
    assert [p.name for p in folder.files(Quadrant(301, 1, 2))] == ["notes.csv"]


def test_sources_by_identifier() -> None:
    known = read_light_curves(DATA / "ztf_000250_zg_c01_q1_dr5.parquet").id[[3, 8]]
    folder = Folder(DATA)
    assert folder.sources([int(i) for i in known]).id.tolist() == known.tolist()
    with pytest.raises(InputNotFound, match="none of the 1 sources"):
        folder.sources([1])
    with pytest.raises(InputNotFound, match="no source lies in field 7 ccd 1 quad 1"):
        Folder(DATA / "ztf_000250_zg_c01_q1_dr5.parquet").quadrant(Quadrant(7, 1, 1))


def made(**changes: np.ndarray) -> LightCurves:
    values = {
        "hjd": np.array([3.0, 1.0, 2.0, 2.01, 4.0, 5.0]), "mag": np.arange(6.0), "magerr": np.full(6, 0.1),
        "catflags": np.zeros(6), **changes,
    }  # fmt: skip
    return LightCurves.of_points(np.array([1, 1, 1, 1, 1, 2]), **values)


def test_cleaning_sorts_thins_and_drops() -> None:
    curves = clean(made(), Cuts(min_points=1))
    assert curves[0].hjd.tolist() == [1, 2, 3, 4]
    assert curves[0].mag.tolist() == [1, 2, 0, 4]
    assert clean(made(), Cuts(min_points=2)).id.tolist() == [1]
    assert clean(made(), Cuts(min_points=5)).id.tolist() == []
    assert clean(made(), Cuts(min_points=5, min_cadence_minutes=10)).id.tolist() == [1]


@pytest.mark.parametrize(
    "changes",
    [
        {"catflags": np.array([0, 0, 0, 0, 32768, 0])}, {"mag": np.array([0, 1, 2, 3, np.nan, 5])},
        {"magerr": np.array([1, 1, 1, 1, 0.0, 1])}, {"magerr": np.array([1, 1, 1, 1, np.inf, 1])},
    ],
)  # fmt: skip
def test_bad_points_go(changes: dict[str, np.ndarray]) -> None:
    assert clean(made(**changes), Cuts(min_points=1))[0].hjd.tolist() == [1, 2, 3]


def test_max_timestamp_trims_points_not_sources() -> None:
    assert clean(made(), Cuts(min_points=1, max_hjd=2.5))[0].hjd.tolist() == [1, 2]


def test_taking_and_joining_keep_the_points_with_their_source() -> None:
    curves = read_light_curves(DATA / "ztf_000250_zg_c01_q1_dr5.parquet")
    some = curves.take(np.array([7, 2, 2]))
    assert [c.id for c in some] == [curves[7].id, curves[2].id, curves[2].id]
    np.testing.assert_array_equal(some[0].hjd, curves[7].hjd)
    joined = LightCurves.concatenate([some, curves])
    np.testing.assert_array_equal(joined[3 + 58].mag, curves[58].mag)
    assert len(LightCurves.concatenate([])) == 0
