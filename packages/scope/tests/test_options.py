"""Every option of generate_features that its documents list does what they say.

Those of Kowalski and of the cluster, and some more, are in test_kowalski, test_cluster and test_generate_features.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shared_io import batch, cli

from scope.cli import app
from scope.periods.grid import terrestrial
from scope.pipeline import blocks

DATA = Path(__file__).parent / "data" / "ztf_000250_zg_c01_q1_dr5.parquet"
LS = ["--doCPU", "--period_algorithms", "LS", "--max_freq", "2"]


class Result:
    """A table that was generated: its rows by identifier, its names and its metadata."""

    def __init__(self, table: Any) -> None:
        self.rows = {row["_id"]: row for row in table.to_pylist()}
        self.names = set(table.column_names)
        self.meta = json.loads(table.schema.metadata[b"scope"])

    def of(self, name: str) -> list[Any]:
        return [row[name] for row in self.rows.values()]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table of bright stars 150 arcsec south of some sources; other things are 3 arcsec north."""
    monkeypatch.chdir(tmp_path)
    source = pq.read_table(DATA)
    ra, dec = (source[name].to_pylist() for name in ("objra", "objdec"))
    some = len(ra[::20])
    bright = {"ra": ra[::20], "dec": [d - 150 / 3600 for d in dec[::20]], "phot_g_mean_mag": [4.0] * some}
    bright |= {"bp_rp": [0.7] * some}
    pq.write_table(pa.table(bright), "bright.parquet")
    Path("catalogs").mkdir()
    near = {"_id": list(range(len(ra))), "ra": ra, "dec": [d + 3 / 3600 for d in dec]}
    pq.write_table(pa.table(near | {"w1mpro": [9.0] * len(ra)}), "catalogs/AllWISE.parquet")
    pq.write_table(pa.table(near | {"braai": [0.5] * len(ra)}), "alerts.parquet")
    return tmp_path


def generate(*words: str) -> Result:
    base = ["--light-curves", str(DATA), "--field", "250", "--Ncore", "1", "--overwrite"]
    argv = base if "--bright-stars" in words else [*base, "--skipCloseSources"]
    assert cli.execute(app, prog="generate_features", verb="generate-features", argv=[*argv, *words]) == 0
    return Result(pq.read_table("generated_features/field_250/gen_features_field_250_ccd_1_quad_1.parquet"))


Proof = Callable[[Result, Result], bool]
BRIGHT = ["--bright-stars", "bright.parquet"]
AROUND = ["--catalogs", "catalogs", "--alerts", "alerts.parquet"]
FEW = ["--stop_early", "--limit", "5"]

EFFECTS: dict[str, tuple[list[str], list[str], Proof]] = {
    "bright_star_query_radius_arcsec": (
        BRIGHT, ["--bright_star_query_radius_arcsec", "100"],
        lambda a, b: set(a.rows) < set(b.rows),
    ),
    "skipCloseSources": (
        BRIGHT, ["--skipCloseSources"],
        lambda a, b: set(a.rows) < set(b.rows),
    ),
    "xmatch_radius_arcsec": (
        AROUND, ["--xmatch_radius_arcsec", "4"],
        lambda a, b: 9.0 not in a.of("AllWISE__w1mpro")
        and set(b.of("AllWISE__w1mpro")) == {9.0} and set(a.of("n_ztf_alerts")) == {0}
        and min(b.of("n_ztf_alerts")) == 1,
    ),
    "limit": (
        ["--stop_early", "--limit", "7"], ["--limit", "3"],
        lambda a, b: len(a.rows) == 7 and list(b.rows) == list(a.rows)[:3],
    ),
    "stop_early": (
        ["--limit", "7"], ["--stop_early"],
        lambda a, b: len(a.rows) > 30 and list(b.rows) == list(a.rows)[:7],
    ),
    "period_algorithms": (
        [*LS, *FEW], ["--period_algorithms", "LS", "AOV"],
        lambda a, b: "period_AOV" in b.names - a.names and "period_LS" in a.names,
    ),
    "period_batch_size": (
        [*LS], ["--period_batch_size", "4"],
        lambda a, b: a.rows.keys() == b.rows.keys() and a.of("period_LS") == b.of("period_LS")
        and a.meta["blocks"]["count"] == 1 and b.meta["blocks"] == {"count": 10, "most_sources": 4},
    ),
    "doCPU": (
        FEW, LS,
        lambda a, b: set(a.of("period_Ones")) == {1.0} and "f1_power_Ones" in a.names
        and len(set(b.of("period_LS"))) == 5,
    ),
    "samples_per_peak": (
        [*LS, *FEW], ["--samples_per_peak", "3"],
        lambda a, b: a.of("period_LS") != b.of("period_LS") and b.meta["options"]["periods"]["samples_per_peak"] == 3,
    ),
    "max_freq": (
        [*LS, *FEW], ["--max_freq", "0.1"],
        lambda a, b: min(b.of("period_LS")) > 10.0 > min(a.of("period_LS")),
    ),
    "doScaleMinPeriod": (
        [*LS, *FEW, "--min_n_lc_points", "5"], ["--doScaleMinPeriod", "--min_cadence_minutes", "7200"],
        lambda a, b: min(b.of("period_LS")) > 10.0 > min(a.of("period_LS")),
    ),
    "doRemoveTerrestrial": (
        LS, ["--doRemoveTerrestrial"],
        lambda a, b: any(terrestrial(1 / p) for p in a.of("period_LS"))
        and not any(terrestrial(1 / p) for p in b.of("period_LS")),
    ),
    "min_n_lc_points": (
        [], ["--min_n_lc_points", "55"],
        lambda a, b: 50 <= min(a.of("n")) < 55 <= min(b.of("n")),
    ),
    "min_cadence_minutes": (
        ["--min_n_lc_points", "5"], ["--min_cadence_minutes", "4320"],
        lambda a, b: max(b.of("n")) < max(a.of("n")),
    ),
    "doCesium": (
        FEW, ["--doCesium"],
        lambda a, b: {"period_fast", "cad_probs_100"} <= b.names - a.names,
    ),
    "top_n_periods": (
        [*LS, *FEW], ["--top_n_periods", "3"],
        lambda a, b: "period_10_LS" in a.names and "period_3_LS" in b.names and "period_4_LS" not in b.names,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EFFECTS)
def test_an_option_does_what_it_says(here: Path, name: str) -> None:
    given, more, proof = EFFECTS[name]
    assert proof(generate(*given), generate(*given, *more))


def test_ncore_is_the_number_of_processes(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    whole = batch.run

    def counting(units: Any, work: Any, **more: Any) -> Any:
        asked.append(more.get("workers"))
        return whole(units, work, **more | {"workers": 1} if "workers" in more else more)

    monkeypatch.setattr("os.cpu_count", lambda: 16)
    monkeypatch.setattr(blocks.batch, "run", counting)
    generate("--Ncore", "3", "--period_batch_size", "4")
    generate("--Ncore", "64", "--period_batch_size", "1", *FEW)
    assert [n for n in asked if n is not None] == [3, 5], "never more than there are blocks"


def test_more_top_periods_are_all_judged(here: Path) -> None:
    """``--top_n_periods`` is the number of ELS and ECE periods that the decision looks at, if it is more than 20."""
    from scope import read_light_curves
    from scope.periods import search
    from scope.periods.search import NESTED, Options, find_periods
    from scope.periods.series import Series

    curve = read_light_curves(DATA)[0]
    series = Series.of([(curve.hjd, curve.mag, curve.magerr)])
    seen = []
    whole = search.judge
    for top in (10, 40):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(search, "judge", lambda s, pool, **k: (seen.append(len(pool)), whole(s, pool, **k))[1])
            find_periods(series, Options(("ELS", "ECE", NESTED), max_freq=4.0, top_n=top))
    assert seen == [60, 120]


def test_an_empty_quadrant_and_one_without_long_light_curves_are_empty_tables(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = generate("--min_n_lc_points", "5000", *LS)
    assert found.rows == {}
    assert "period_LS" in found.names
    assert "none of 59 light curves has 5000 good points" in capsys.readouterr().err
    Path("survey").mkdir()
    pq.write_table(pq.read_table(DATA).slice(0, 0), Path("survey", DATA.name))
    argv = ["--light-curves", "survey", "--field", "250", "--dirname", "other", "--skipCloseSources"]
    for says in ("0 sources", "1 skipped"):
        assert cli.execute(app, prog="generate_features", verb="generate-features", argv=argv) == 0
        assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--dirname", "/proc/here"], 6, "the folder cannot be made"),
        (["--filename", "a/b"], 2, "--dirname is the folder"),
        (["--catalogs", "nowhere"], 4, "nowhere: no such folder of catalogues"),
    ],
)
def test_outputs_and_tables_that_cannot_be_are_one_line(
    here: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, says: str
) -> None:
    argv = ["--light-curves", str(DATA), "--field", "250", "--skipCloseSources", *words]
    assert cli.execute(app, prog="generate_features", verb="generate-features", argv=argv) == code
    errors = [line for line in capsys.readouterr().err.splitlines() if "warning" not in line]
    assert len(errors) == 1
    assert says in errors[0]
