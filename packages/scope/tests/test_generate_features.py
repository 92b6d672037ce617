"""The program generate_features on real light curves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from shared_io import cli, provenance

from scope.cli import app
from scope.files import read_quadrants

DATA = Path(__file__).parent / "data"
NAME = "gen_features_field_250_ccd_1_quad_1.parquet"
SOME = ["--light-curves", str(DATA), "--stop_early", "--limit", "3", "--max-freq", "2", "--skipCloseSources"]


def run(*words: str) -> int:
    return cli.execute(app, prog="generate_features", verb="generate-features", argv=list(words))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_quadrant_becomes_a_table(here: Path) -> None:
    assert run("--field", "250", "--doCPU", *SOME) == 0
    path = here / "generated_features" / "field_250" / NAME
    found = pq.read_table(path)
    assert found.num_rows == 3
    assert [str(found.schema.field(n).type) for n in ("_id", "ra", "n", "dmdt", "n_ztf_alerts")] == [
        "int64", "double", "double", "list<element: list<element: double>>", "int64",
    ]  # fmt: skip
    row = found.to_pylist()[0]
    assert row["radec_geojson"] == {"coordinates": [pytest.approx(row["ra"] - 180), row["dec"]], "type": "Point"}
    assert np.shape(row["dmdt"]) == (26, 26)
    assert row["period_ELS_ECE_EAOV"] > 0.5
    assert row["n_ztf_alerts"] is None
    meta = json.loads(found.schema.metadata[b"scope"])
    assert meta["options"]["periods"]["max_freq"] == 2
    assert meta["feature_generation_start_dateTime_utc"].startswith("20")
    assert provenance.read(path).config["quadrant"] == "field 250 ccd 1 quad 1"


def test_a_second_run_skips_and_other_options_are_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--field", "250", *SOME) == 0
    before = (here / "generated_features" / "field_250" / NAME).read_bytes()
    assert run("--field", "250", *SOME) == 0
    assert "1 skipped" in capsys.readouterr().out
    assert run("--field", "250", *SOME, "--doCPU") == 6
    assert (here / "generated_features" / "field_250" / NAME).read_bytes() == before
    assert run("--field", "250", *SOME, "--doCPU", "--overwrite") == 0
    assert (here / "generated_features" / "field_250" / NAME).read_bytes() != before


def test_the_same_run_gives_the_same_bytes(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    for folder, threads in (("a", "1"), ("b", "2")):
        assert run("--field", "250", "--doCPU", *SOME, "--dirname", folder, "--Ncore", threads) == 0
    one, two = ((here / f / "field_250" / NAME).read_bytes() for f in "ab")
    assert one == two


def test_the_quadrant_file_names_the_quadrant(here: Path) -> None:
    (here / "generated_features" / "slurm").mkdir(parents=True)
    (here / "generated_features" / "slurm" / "slurm.dat").write_text("0 301 2 4\n1 250 1 1\n")
    assert run("--doQuadrantFile", "--quadrant_file", "slurm.dat", "--quadrant_index", "1", *SOME) == 0
    assert (here / "generated_features" / "field_250" / NAME).exists()
    assert run("--doQuadrantFile", "--quadrant_index", "2", *SOME) == 2


def test_specific_ids(here: Path) -> None:
    wanted = pq.read_table(DATA / "ztf_000250_zg_c01_q1_dr5.parquet")["objectid"].to_pylist()
    (here / "ids.csv").write_text("ztf_id\n" + "\n".join(map(str, wanted)) + "\n")
    assert run("--doSpecificIDs", "--fg-dataset", "ids.csv", *SOME) == 0
    path = here / "generated_features" / "specific_ids" / "gen_features_specific_ids.parquet"
    assert set(pq.read_table(path)["_id"].to_pylist()) < set(wanted)
    assert run("--doSpecificIDs", *SOME) == 2


def test_max_timestamp_cuts_light_curves(here: Path) -> None:
    assert run("--field", "250", *SOME, "--min-n-lc-points", "20") == 0
    table = here / "generated_features" / "field_250" / NAME
    whole = pq.read_table(table)["n"].to_pylist()
    cut = ["--min-n-lc-points", "20", "--max-timestamp-hjd", "2458800", "--overwrite"]
    assert run("--field", "250", *SOME, *cut) == 0
    assert sum(pq.read_table(table)["n"].to_pylist()) < sum(whole)


def test_bright_stars_and_catalogues_are_local_tables(here: Path) -> None:
    assert run("--field", "250", *SOME[:-1], "--dirname", "all") == 0
    all_of = pq.read_table(here / "all" / "field_250" / NAME).to_pylist()
    (here / "catalogs").mkdir()
    (here / "catalogs" / "PS1_DR1.csv").write_text(
        f"_id,ra,dec,gMeanPSFMag,qualityFlag\n77,{all_of[1]['ra']},{all_of[1]['dec']},18.5,60\n"
    )
    (here / "bright.csv").write_text(
        f"ra,dec,phot_g_mean_mag,bp_rp\n{all_of[0]['ra']},{all_of[0]['dec'] + 5 / 3600},7.0,0.9\n"
    )
    options = ["--bright-stars", "bright.csv", "--catalogs", "catalogs", "--dirname", "some"]
    assert run("--field", "250", *SOME[:-1], *options) == 0
    found = pq.read_table(here / "some" / "field_250" / NAME).to_pylist()
    assert all_of[0]["_id"] not in [row["_id"] for row in found]
    match = next(row for row in found if row["_id"] == all_of[1]["_id"])
    assert (match["PS1_DR1___id"], match["PS1_DR1__gMeanPSFMag"], match["PS1_DR1__qualityFlag"]) == (77, 18.5, 60)


def test_nothing_is_written_with_do_not_save(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--field", "250", *SOME, "--doNotSave") == 0
    assert "sources" in capsys.readouterr().out
    assert not list(here.rglob("*.parquet"))


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--doGPU"], 5, "no GPU can be used"),
        (["--doCPU", "--doGPU"], 2, "exclude each other"),
        (["--doCPU", "--period-algorithms", "PDM"], 2, "no period algorithm is called 'PDM'"),
        (["--field", "7", "--doCPU"], 4, "no light curves of field 7"),
        (["--field", "250", "--light-curves", "nowhere"], 4, "nowhere"),
    ],
)
def test_mistakes_are_one_line(
    here: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, says: str
) -> None:
    assert run(*SOME, *words) == code
    errors = [line for line in capsys.readouterr().err.splitlines() if "warning" not in line]
    assert says in " ".join(errors)
    assert "Traceback" not in "".join(errors)


def test_algorithms_are_a_list_as_typed(here: Path) -> None:
    assert run("--field", "250", *SOME, "--doCPU", "--period_algorithms", "LS", "AOV", "--top_n_periods", "2") == 0
    names = pq.read_schema(here / "generated_features" / "field_250" / NAME).names
    assert {"period_LS", "period_AOV", "period_1_LS", "period_2_AOV"} <= set(names)
    assert "periodic" not in names


@pytest.mark.parametrize(
    ("text", "reason"),
    [("1 2 3\n", "line 1"), ("0 1 1 1\n0 2 1 1\n", "occurs again"), ("0 301 17 1\n", "CCDs are 1 to 16")],
)
def test_quadrant_files_are_checked(tmp_path: Path, text: str, reason: str) -> None:
    from shared_io.errors import SchemaMismatch

    (tmp_path / "q.dat").write_text(text)
    with pytest.raises(SchemaMismatch, match=reason):
        read_quadrants(tmp_path / "q.dat")


def test_a_star_is_drawn(here: Path) -> None:
    argv = ["--input", str(DATA), "--max-freq", "2", "--output", "star.png"]
    assert cli.execute(app, prog="scope", argv=["plot-lightcurve", *argv]) == 0
    first = (here / "star.png").read_bytes()
    assert first[:4] == b"\x89PNG"
    assert cli.execute(app, prog="scope", argv=["plot-lightcurve", *argv]) == 6
    assert cli.execute(app, prog="scope", argv=["plot-lightcurve", *argv, "--overwrite"]) == 0
    assert (here / "star.png").read_bytes() == first
