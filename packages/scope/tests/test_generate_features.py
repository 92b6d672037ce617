"""The program generate_features on real light curves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
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


@pytest.mark.faults
def test_after_a_kill_nothing_is_left_and_a_second_run_gives_the_same_bytes(here: Path) -> None:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    words = [Path(sys.executable).with_name("generate_features"), "--field", "250", "--doCPU", *SOME, "--limit", "20"]
    killed = subprocess.Popen([*words, "--dirname", "a"], env=environment, stderr=subprocess.DEVNULL)
    while not list(here.glob("a/.scope-*.ledger")) and killed.poll() is None:
        time.sleep(0.01)
    killed.kill()
    killed.wait()
    assert not list(here.glob("a/field_250/*"))
    for folder in "ab":
        subprocess.run([*words, "--dirname", folder], env=environment, check=True, capture_output=True)
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


def test_names_at_fritz_come_with_a_list_of_identifiers(here: Path) -> None:
    wanted = pq.read_table(DATA / "ztf_000250_zg_c01_q1_dr5.parquet")["objectid"].to_pylist()
    (here / "gcn.json").write_text(json.dumps({str(i): {"fritz_name": f"ZTF{i % 97}"} for i in wanted}))
    (here / "config.yaml").write_text("feature_generation: {ids_skipGaia: gcn.json}\n")
    assert run("--doSpecificIDs", *SOME) == 0
    path = here / "generated_features" / "specific_ids" / "gen_features_specific_ids.parquet"
    found = pq.read_table(path)
    assert found.column_names[:4] == ["_id", "radec_geojson", "fritz_name", "ra"]
    assert found["fritz_name"].to_pylist() == [f"ZTF{i % 97}" for i in found["_id"].to_pylist()]
    assert not (here / "generated_features" / "meta.json").exists()


def test_alerts_come_from_a_table(here: Path) -> None:
    assert run("--field", "250", *SOME, "--dirname", "all") == 0
    star = pq.read_table(here / "all" / "field_250" / NAME).to_pylist()[1]
    (here / "alerts.csv").write_text(
        f"ra,dec,braai\n{star['ra']},{star['dec']},0.75\n{star['ra']},{star['dec']},0.25\n"
    )
    assert run("--field", "250", *SOME, "--alerts", "alerts.csv") == 0
    found = {row["_id"]: row for row in pq.read_table(here / "generated_features" / "field_250" / NAME).to_pylist()}
    assert [row["n_ztf_alerts"] for row in found.values()].count(0) == 2
    assert (found[star["_id"]]["n_ztf_alerts"], found[star["_id"]]["mean_ztf_alert_braai"]) == (2, 0.5)


@pytest.mark.parametrize(
    ("option", "text", "says"),
    [
        ("--alerts", "x,dec,braai\n1,2,0.5\n", "no columns ra and dec"),
        ("--alerts", "ra,dec,braai\n1,2,high\n", "[braai]: numbers are needed"),
        ("--bright-stars", "ra,dec,phot_g_mean_mag\n1,2,9\n", "no column bp_rp"),
        ("--fg-dataset", "name\nx\n", "no column ztf_id"),
        ("--fg-dataset", "ztf_id\nx\n", "whole numbers"),
    ],
)
def test_tables_that_do_not_fit_are_one_line(
    here: Path, capsys: pytest.CaptureFixture[str], option: str, text: str, says: str
) -> None:
    (here / "t.csv").write_text(text)
    more = ["--doSpecificIDs"] if option == "--fg-dataset" else ["--field", "250"]
    some = [word for word in SOME if word != "--skipCloseSources"]
    assert run(*more, *some, "--doNotSave", option, "t.csv") == 4
    errors = [line for line in capsys.readouterr().err.splitlines() if "warning" not in line]
    assert len(errors) == 1
    assert says in errors[0]


def test_a_star_without_colour_spoils_nothing(here: Path) -> None:
    assert run("--field", "250", *SOME, "--dirname", "all") == 0
    star = pq.read_table(here / "all" / "field_250" / NAME).to_pylist()[0]
    (here / "bright.csv").write_text(
        f"ra,dec,phot_g_mean_mag,bp_rp\n{star['ra']},{star['dec'] + 5 / 3600},7.0,\n1.0,1.0,9.0,0.5\n"
    )
    some = [word for word in SOME if word != "--skipCloseSources"]
    assert run("--field", "250", *some, "--bright-stars", "bright.csv") == 0
    assert star["_id"] in pq.read_table(here / "generated_features" / "field_250" / NAME)["_id"].to_pylist()


def test_the_configuration_is_read_and_options_win(here: Path) -> None:
    (here / "mine.yaml").write_text("feature_generation: {period_algorithms: {CPU: [LS]}, path_to_features: base}\n")
    assert run("--field", "250", *SOME, "--doCPU", "--config-path", "mine.yaml") == 0
    names = pq.read_schema(here / "base" / "generated_features" / "field_250" / NAME).names
    assert "period_LS" in names
    assert "period_ELS" not in names
    again = ["--config", "mine.yaml", "--period-algorithms", "AOV", "--overwrite"]
    assert run("--field", "250", *SOME, "--doCPU", *again) == 0
    assert "period_AOV" in pq.read_schema(here / "base" / "generated_features" / "field_250" / NAME).names
    (here / "mine.yaml").write_text("feature_generation: {period_algorithm: {CPU: [LS]}}\n")
    assert run("--field", "250", *SOME, "--doCPU", "--config-path", "mine.yaml") == 4


def test_the_index_of_tables(here: Path) -> None:
    assert run("--field", "250", *SOME) == 0
    found = json.loads((here / "generated_features" / "meta.json").read_text())
    assert list(found) == ["(250, 1, 1)"]
    assert (found["(250, 1, 1)"]["minobs"], found["(250, 1, 1)"]["total"]) == (50, 3)


def test_more_features_on_request(here: Path) -> None:
    assert run("--field", "250", *SOME, "--doDRW", "--doFlares", "--doCesium") == 0
    found = pq.read_table(here / "generated_features" / "field_250" / NAME)
    assert {"drw_tau", "drw_fit_success", "n_flares", "flare_duty_cycle", "amplitude"} <= set(found.column_names)
    assert found.schema.field("n_flares").type == found.schema.field("drw_fit_success").type == "int64"


def test_a_compatible_run_has_scope_mls_columns(here: Path) -> None:
    words = ["--doCPU", "--compatible", "--period-algorithms", "ELS", "ECE", "EAOV", "EFPW"]
    assert run("--field", "250", *SOME, *words) == 0
    path = here / "generated_features" / "field_250" / NAME
    assert len(pq.read_schema(path).names) == 222
    assert "longest baseline" in json.loads(pq.read_schema(path).metadata[b"scope"])["frequency_grid"]
    assert run("--field", "250", *SOME, "--doCPU", "--compatible", "--period-algorithms", "MHF") == 2


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
        (["--doGPU"], 5, "no CuPy to use a GPU with"),
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
