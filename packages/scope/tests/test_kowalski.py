"""Kowalski as the source of light curves, alerts and catalogues: against a stand-in, and its recorded answers."""

from __future__ import annotations

import gzip
import json
import os
import sys
from pathlib import Path

import kowalski_stand_in as stand_in
import numpy as np
import penquins
import pyarrow.parquet as pq
import pytest
from kowalski_stand_in import SOURCES, StandIn
from shared_io import cli
from shared_io.errors import ExternalFailed, InputNotFound

from scope.cli import app
from scope.config import read_config
from scope.features.crossmatch import CATALOGUES
from scope.kowalski.answers import ANSWER
from scope.kowalski.catalogues import KowalskiSky
from scope.kowalski.client import Service, connect
from scope.kowalski.light_curves import KowalskiSources, curves_of
from scope.lightcurves.folder import Quadrant

HERE = Quadrant(297, 3, 4)


@pytest.fixture
def sky(rng: np.random.Generator) -> StandIn:
    return stand_in.sky(rng)


@pytest.fixture
def waited() -> list[float]:
    return []


@pytest.fixture
def service(sky: StandIn, waited: list[float]) -> Service:
    return Service(sky, wait=waited.append)


def test_a_quadrant_comes_in_pages(sky: StandIn, service: Service) -> None:
    curves = KowalskiSources(service, SOURCES, limit=2, min_points=50).quadrant(HERE)
    assert curves.id.tolist() == [10297032000000 + k for k in range(5)]
    assert curves.ra == pytest.approx([40.0, 40.1, 40.2, 40.3, 40.4])
    assert set(zip(curves.field, curves.ccd, curves.quad, curves.filter, strict=True)) == {(297, 3, 4, 1)}
    assert curves[1].hjd.tolist() == [p["hjd"] for p in sky.collections[SOURCES][1]["data"]]
    listings = [q["query"]["filter"] for q in sky.asked if "kwargs" in q]
    assert [f.get("_id") for f in listings] == [None, {"$gt": 10297032000001}, {"$gt": 10297032000003}]
    assert max(len(q["query"]["filter"]["_id"]["$in"]) for q in sky.asked if "kwargs" not in q) == 2


def test_sources_added_between_pages_are_not_lost_or_doubled(sky: StandIn, service: Service) -> None:
    source = KowalskiSources(service, SOURCES, limit=2)
    ids = source.identifiers(HERE)
    first = [next(ids), next(ids)]
    sky.collections[SOURCES].insert(0, {**sky.collections[SOURCES][0], "_id": 1})
    assert first + list(ids) == [10297032000000 + k for k in range(5)]


def test_given_identifiers_and_a_limit(service: Service) -> None:
    source = KowalskiSources(service, SOURCES)
    assert source.sources([10297032000003, 5, 10297032000001]).id.tolist() == [10297032000001, 10297032000003]
    with pytest.raises(InputNotFound, match="none of the 1 sources"):
        source.sources([5])
    assert len(KowalskiSources(service, SOURCES, most=3).quadrant(HERE)) == 3
    with pytest.raises(InputNotFound, match="no source with 61 points in field 297"):
        KowalskiSources(service, SOURCES, min_points=61).quadrant(HERE)


def test_quadrants_of_a_field(service: Service) -> None:
    assert KowalskiSources(service, SOURCES).quadrants([297, 298]) == [HERE]


def test_a_missing_value_is_a_bad_point() -> None:
    point = {"hjd": 2459000.5, "mag": None, "magerr": 0.1}
    curve = curves_of([stand_in.document(1, 10.0, -5.0, data=[point])])[0]
    assert (curve.ra, curve.dec, curve.field) == (10.0, -5.0, -1)
    assert np.isnan(curve.mag[0])
    assert curve.catflags.tolist() == [1]
    with pytest.raises(ExternalFailed, match="unknown shape"):
        curves_of([{"data": [{"hjd": "soon"}], "_id": 1}])


def test_what_fails_for_a_moment_is_asked_again(sky: StandIn, service: Service, waited: list[float]) -> None:
    sky.failures = [ConnectionError("reset"), ValueError("an HTML page is no JSON")]
    assert len(KowalskiSources(service, SOURCES).quadrant(HERE)) == 5
    assert waited == [1.0, 2.0]


@pytest.mark.parametrize(
    ("failures", "says"),
    [
        ([ConnectionError("reset")] * 4, "does not answer"),
        ([{"gloria": {"status": "error", "message": "ExecutionTimeout"}}], r"\(gloria\): ExecutionTimeout"),
        ([{"gloria": "?"}], "not an answer"),
        ([{}], "an answer of one instance"),
    ],
)
def test_failed_queries_are_errors_not_missing_sources(
    sky: StandIn, service: Service, failures: list[object], says: str
) -> None:
    """A query that fails used to be skipped, and its sources were gone without a word."""
    source = KowalskiSources(service, SOURCES, limit=2)
    assert len(list(source.identifiers(HERE))) == 5
    sky.failures = list(failures)
    with pytest.raises(ExternalFailed, match=says):
        source.quadrant(HERE)


def test_sources_that_are_listed_but_do_not_come_are_an_error(sky: StandIn, service: Service) -> None:
    source = KowalskiSources(service, SOURCES)
    ids = list(source.identifiers(HERE))
    listing = {"gloria": stand_in.success([{"_id": i} for i in [*ids, 10297032000099]])}
    sky.failures = [listing]
    with pytest.raises(ExternalFailed, match="1 of 6 sources of field 297 ccd 3 quad 4 did not come"):
        source.quadrant(HERE)


def test_a_collection_that_is_not_there_is_named(service: Service) -> None:
    with pytest.raises(InputNotFound, match="Catalog NOPE is not available"):
        KowalskiSources(service, "NOPE").quadrant(HERE)


def test_bright_stars_come_in_one_cone(sky: StandIn, service: Service) -> None:
    ra, dec = np.array([40.0, 40.4, np.nan]), np.array([50.0, 50.0, 50.0])
    found = KowalskiSky(service).bright_stars(ra, dec, 300.0)
    assert found.columns["phot_g_mean_mag"].tolist() == [8.0]
    (query,) = sky.asked
    where = query["query"]["object_coordinates"]
    assert list(where["radec"]) == ["o0"]
    assert where["radec"]["o0"] == pytest.approx([40.2, 50.0], abs=1e-3)
    half = 0.2 * np.cos(np.radians(50.0)) * 3600
    assert where["cone_search_radius"] == pytest.approx(half + 300, abs=1)


def test_the_cone_of_a_quadrant_across_zero(sky: StandIn, service: Service) -> None:
    KowalskiSky(service).bright_stars(np.array([359.9, 0.3]), np.array([-10.0, -10.0]), 300.0)
    centre = sky.asked[0]["query"]["object_coordinates"]["radec"]["o0"]
    assert centre == pytest.approx([0.1, -10.0], abs=1e-3)


def test_cones_go_in_batches_with_neutral_names(sky: StandIn, service: Service) -> None:
    ra = np.array([40.0 + 0.1 * k for k in range(5)])
    found = KowalskiSky(service, limit=2).catalogue("AllWISE", CATALOGUES["AllWISE"], ra, np.full(5, 50.0), 2.0)
    assert sorted(found.columns["_id"].tolist()) == [7, 8]
    assert [list(q["query"]["object_coordinates"]["radec"]) for q in sky.asked] == [["o0", "o1"], ["o0", "o1"], ["o0"]]


def test_an_answer_for_fewer_positions_is_an_error(sky: StandIn, service: Service) -> None:
    sky.failures = [{"gloria": stand_in.success({"AllWISE": {}})}]
    with pytest.raises(ExternalFailed, match="did not answer for all 1 positions"):
        KowalskiSky(service).catalogue("AllWISE", ("w1mpro",), np.array([40.0]), np.array([50.0]), 2.0)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KOWALSKI_INSTANCE_TOKEN", raising=False)
    return tmp_path


def write_config(here: Path, port: int, retries: int = 0) -> None:
    host = f"{{host: 127.0.0.1, protocol: http, port: {port}}}"
    (here / "config.yaml").write_text(f"kowalski:\n  max_retries: {retries}\n  hosts:\n    gloria: {host}\n")


RUN = ["--field", "297", "--ccd", "3", "--quad", "4", "--doCPU", "--max-freq", "4",
       "--query_size_limit", "3"]  # fmt: skip
TABLE = "generated_features/field_297/gen_features_field_297_ccd_3_quad_4.parquet"


def run(*words: str) -> int:
    return cli.execute(app, prog="generate_features", verb="generate-features", argv=list(words))


def test_the_program_with_the_real_client(sky: StandIn, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLORIA_INSTANCE_TOKEN", stand_in.TOKEN)
    with stand_in.server(sky) as port:
        write_config(here, port)
        assert run(*RUN) == 0
    found = pq.read_table(here / TABLE)
    rows = {row["_id"] - 10297032000000: row for row in found.to_pylist()}
    assert sorted(rows) == [0, 1, 2, 3], "the source 20 arcsec from a star of G = 8 is left out"
    assert [rows[k]["period_ELS_ECE_EAOV"] for k in (0, 1, 2, 3)] == pytest.approx([0.5, 0.55, 0.6, 0.65], rel=1e-3)
    assert rows[0]["n_ztf_alerts"] == 3
    assert rows[0]["mean_ztf_alert_braai"] == pytest.approx(0.8)
    assert (rows[1]["n_ztf_alerts"], rows[1]["mean_ztf_alert_braai"]) == (0, 0.0)
    assert (rows[0]["AllWISE___id"], rows[0]["AllWISE__w1mpro"], rows[0]["AllWISE__ph_qual"]) == (8, 12.0, "ABUU")
    assert rows[0]["Gaia_EDR3__parallax"] == 0.25
    assert rows[1]["AllWISE___id"] is None
    meta = json.loads(found.schema.metadata[b"scope"])
    assert meta["ZTF_source_catalog"] == SOURCES
    assert meta["data_release"] == "20240515"
    assert (meta["ZTF_alerts_catalog"], meta["Gaia_catalog"]) == ("ZTF_alerts", "Gaia_EDR3")
    everything = (here / TABLE).read_bytes() + (here / "generated_features" / "meta.json").read_bytes()
    assert stand_in.TOKEN.encode() not in everything


def test_the_collections_and_instances_named_are_those_asked(
    sky: StandIn, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GLORIA_INSTANCE_TOKEN", stand_in.TOKEN)
    names = {"--source_catalog": SOURCES, "--alerts_catalog": stand_in.ALERTS, "--gaia_catalog": stand_in.GAIA}
    sky.collections = {**sky.collections, **{f"{old}_new": sky.collections[old] for old in names.values()}}
    words = [word for option, old in names.items() for word in (option, f"{old}_new")]
    with stand_in.server(sky) as port:
        write_config(here, port)
        assert run(*RUN, *words, "--kowalski_instances", "gloria") == 0
        asked = {name for q in sky.asked if "query" in q for name in ([q["query"]["catalog"]] if "catalog" in q["query"]
                 else q["query"].get("catalogs", ()))}  # fmt: skip
        assert {f"{old}_new" for old in names.values()} <= asked
        assert not {SOURCES, stand_in.ALERTS} & asked, "Gaia_EDR3 is matched with, too"
        assert run(*RUN, "--kowalski_instances", "nobody") == 4
    assert "has no nobody" in capsys.readouterr().err


def test_a_service_that_fails_is_5_in_one_line(
    sky: StandIn, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GLORIA_INSTANCE_TOKEN", "wrong " + stand_in.TOKEN)
    with stand_in.server(sky) as port:
        write_config(here, port)
        assert run(*RUN) == 5
    said = capsys.readouterr().err
    assert stand_in.TOKEN not in said
    assert len([line for line in said.splitlines() if "warning" not in line]) == 1
    assert not list(here.rglob("*.parquet"))


def test_what_was_answered_before_an_outage_is_not_asked_again(
    sky: StandIn, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GLORIA_INSTANCE_TOKEN", stand_in.TOKEN)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    words = [*RUN, "--Ncore", "1", "--period-algorithms", "LS"]

    def answered(words: list[str], exit_code: int) -> list[str]:
        sky.asked.clear()
        assert run(*words) == exit_code
        return [json.dumps(query) for query in sky.asked if query["query_type"] != "info"]

    with stand_in.server(sky) as port:
        write_config(here, port)
        every = answered([*words, "--dirname", "b"], 0)
        assert len(every) > 5
        alerts = sky.collections.pop(stand_in.ALERTS)  # the last that is asked for
        first = answered(words, 3)
        (folder,) = (here / "generated_features").rglob(".*.blocks")
        kept = sorted(folder.iterdir())
        assert [path.name.startswith(ANSWER) for path in kept] == [True] * len(first)
        assert stand_in.TOKEN.encode() not in b"".join(gzip.decompress(path.read_bytes()) for path in kept)
        kept[0].write_bytes(kept[0].read_bytes()[:-9])  # a damaged one is asked for again
        sky.collections[stand_in.ALERTS] = alerts
        again = answered(words, 0)
        assert len(set(again) & set(first)) == 1, "the damaged one"
        assert len(again) == len(every) - len(first) + 1
        assert not folder.exists()
    capsys.readouterr()
    assert (here / TABLE).read_bytes() == (here / TABLE.replace("generated_features", "b", 1)).read_bytes()


def test_an_outage_of_the_gateway_is_waited_out_by_the_real_client(
    sky: StandIn, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLORIA_INSTANCE_TOKEN", stand_in.TOKEN)
    with stand_in.server(sky) as port:
        write_config(here, port, retries=2)
        client = connect(read_config().settings.kowalski)
        assert isinstance(client, penquins.Kowalski)
        sky.failures = [502]
        assert len(KowalskiSources(Service(client, 0), SOURCES).quadrant(HERE)) == 5


def test_without_light_curves_or_a_token_the_program_says_what_it_needs(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*RUN) == 4
    assert "set KOWALSKI_INSTANCE_TOKEN" in capsys.readouterr().err
    assert run(*RUN, "--kowalski") == 4
    assert "no token for Kowalski" in capsys.readouterr().err
    assert run(*RUN, "--kowalski", "--light-curves", "x") == 2


def test_the_quadrants_of_a_survey_are_listed_for_a_cluster(
    sky: StandIn, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GLORIA_INSTANCE_TOKEN", stand_in.TOKEN)
    words = ["--kowalski", "--generateQuadrantFile", "--doCPU", "--kowalski_instance_name", "gloria"]
    call = {"prog": "generate_features_slurm", "verb": "generate-features-slurm"}
    with stand_in.server(sky) as port:
        write_config(here, port)
        assert cli.execute(app, argv=words, **call) == 4
        assert "give --field-list" in capsys.readouterr().err
        assert cli.execute(app, argv=[*words, "--field-list", "296", "297"], **call) == 0
    folder = here / "generated_features" / "slurm"
    assert (folder / "slurm.dat").read_text() == "0 297 3 4\n"
    command = (folder / "slurm.sub").read_text().splitlines()[-1]
    assert f"--config-path {here}/config.yaml" in command
    assert "--kowalski" in command.split()
    assert stand_in.TOKEN not in (folder / "slurm.sub").read_text()


def test_instances_must_be_known(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLORIA_INSTANCE_TOKEN", "x")
    settings = read_config().settings.kowalski
    with pytest.raises(InputNotFound, match="has no nobody"):
        connect(settings, ["nobody"])
    with pytest.raises(InputNotFound, match=r"no token for Kowalski \(melman\)"):
        connect(settings, ["melman"])


def test_without_the_client_library_the_program_says_so(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLORIA_INSTANCE_TOKEN", "x")
    monkeypatch.setitem(sys.modules, "penquins", None)
    with pytest.raises(ExternalFailed, match="penquins is not installed; pip install penquins"):
        connect(read_config().settings.kowalski)


def test_our_queries_are_those_that_were_recorded(sky: StandIn, service: Service) -> None:
    """Every query has the keys, at every level, of a recorded one of its type that was answered."""
    root = os.environ.get("ASTRO_TEST_DATA")
    if not root:
        pytest.skip("ASTRO_TEST_DATA is not set: the recorded answers are not here")
    recorded = json.loads((Path(root) / "fritz" / "kowalski-transcript.json").read_text())
    known: dict[str, list[set[str]]] = {}
    for pair in recorded:
        if "EXC" not in pair["response"]:
            known.setdefault(pair["query"]["query_type"], []).append(set(pair["query"]["query"]))
    source, around = KowalskiSources(service, SOURCES), KowalskiSky(service)
    curves = source.quadrant(HERE)
    source.quadrants([297])
    around.bright_stars(curves.ra, curves.dec, 300.0)
    around.alert_packets(curves.ra, curves.dec, 2.0)
    for query in sky.asked:
        assert set(query["query"]) in known[query["query_type"]], query
        assert set(query.get("kwargs", {})) <= {"limit", "skip", "sort"}


def test_recorded_answers_are_understood(waited: list[float]) -> None:
    root = os.environ.get("ASTRO_TEST_DATA")
    if not root:
        pytest.skip("ASTRO_TEST_DATA is not set: the recorded answers are not here")
    for pair in json.loads((Path(root) / "fritz" / "kowalski-transcript.json").read_text()):
        player = StandIn({})
        response = pair["response"]
        player.failures = [ValueError(response["EXC"]) if "EXC" in response else response]
        service = Service(player, 0, wait=waited.append)
        if "EXC" in response:
            with pytest.raises(InputNotFound, match="is not available in any instance"):
                service.ask(pair["query"])
        elif response["gloria"]["status"] == "error":
            with pytest.raises(ExternalFailed, match=r"gloria"):
                service.ask(pair["query"])
        else:
            assert service.ask(pair["query"]) == response["gloria"]["data"]
