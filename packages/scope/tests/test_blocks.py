"""A quadrant in blocks of stars: kills, damage, schedulers, and the table put together from them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import rr_lyrae
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_io import cli
from shared_io.errors import CorruptInput, WriteFailed

from scope import feature_table
from scope.block_file import read_block, write_block
from scope.cli import app
from scope.features import assembly, schema
from scope.features.assembly import Recipe, measure
from scope.features.crossmatch import Catalogue
from scope.lightcurves.record import LightCurves
from scope.lightcurves.spool import some, spooled
from scope.periods.search import Options
from scope.pipeline import blocks
from scope.pipeline.blocks import Blocks, Running
from scope.pipeline.division import SECONDS, divided, seconds

DATA = Path(__file__).parent / "data"
NAME = "gen_features_field_250_ccd_1_quad_1"
WORDS = ["--field", "250", "--light-curves", str(DATA), "--skipCloseSources", "--doCPU", "--max-freq", "2",
         "--Ncore", "1", "--period_batch_size", "5"]  # fmt: skip
QUICK = ["--period-algorithms", "LS"]
FAST = Options(("LS", "CE"), max_freq=4.0, top_n=2)


def run(*words: str) -> int:
    return cli.execute(app, prog="generate_features", verb="generate-features", argv=[*WORDS, *QUICK, *words])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    return tmp_path


def table(folder: str) -> Path:
    return Path(folder) / "field_250" / f"{NAME}.parquet"


def of_blocks(folder: str) -> list[Path]:
    return sorted(Path(folder, "field_250", f".{NAME}.blocks").glob("block_*.arrow"))


@pytest.mark.faults
def test_after_kill_9_the_blocks_that_were_done_are_taken_up_and_the_bytes_are_the_same(here: Path) -> None:
    words = [Path(sys.executable).with_name("generate_features"), *WORDS, "--stop_early", "--limit", "20"]
    killed = subprocess.Popen([*words, "--dirname", "a"], stderr=subprocess.DEVNULL)
    while len(of_blocks("a")) < 2 and killed.poll() is None:
        time.sleep(0.002)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    done = {path: path.stat().st_mtime_ns for path in of_blocks("a")}
    assert len(done) >= 2
    assert not table("a").exists()
    again = subprocess.run([*words, "--dirname", "a", "--json"], check=True, capture_output=True, text=True)
    (entry,) = json.loads(again.stdout)["entries"]
    assert f"; {len(done)} of 4 blocks were there already" in entry["message"]
    assert not list(table("a").parent.glob(".*")), "nothing is left of the blocks"
    subprocess.run([*words, "--dirname", "b"], check=True, capture_output=True)
    assert table("a").read_bytes() == table("b").read_bytes()


FITS = """
import numpy as np
from scope.features.fourier import fourier_features

rng = np.random.default_rng(0)
t = np.sort(rng.uniform(0, 800, 77))
mag, err = 16 + 0.3 * np.sin(7 * t) + rng.normal(0, 0.02, 77), np.full(77, 0.02)
print(list(fourier_features(t, mag, err, 1.234)))
"""


def test_the_process_that_compiles_has_the_bits_of_those_that_find_the_code(tmp_path: Path) -> None:
    """Of kernels that call each other there were two copies, whose sums differed in the last bits."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    found = {
        subprocess.run([sys.executable, "-c", FITS], env=environment, check=True, capture_output=True).stdout
        for _ in range(2)
    }
    assert len(found) == 1


@pytest.fixture
def unfinished(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A run of which the last block failed."""
    whole = blocks.measure_stars

    def failing(curves: LightCurves, *args: object, **more: object) -> object:
        if len(of_blocks("a")) == 7:
            raise ValueError("this star is too strange")
        return whole(curves, *args, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(blocks, "measure_stars", failing)
        assert run("--dirname", "a") == 3
    assert "block 8 of 8: ValueError: this star is too strange" in capsys.readouterr().out
    assert len(of_blocks("a")) == 7
    return here


def test_a_block_that_fails_is_named_and_keeps_the_others(unfinished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--dirname", "a") == 0
    assert "7 of 8 blocks were there already" in capsys.readouterr().out
    assert not of_blocks("a")


def test_a_star_that_cannot_be_measured_is_named_and_keeps_no_other_from_it(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--dirname", "b") == 0
    whole = pq.read_table(table("b")).to_pylist()
    strange = whole[5]["_id"]
    fit = assembly.fourier_features

    def failing(hjd: np.ndarray, mag: np.ndarray, *more: np.ndarray) -> np.ndarray:
        if np.median(mag) == whole[5]["median"]:
            raise ZeroDivisionError("a star like no other")
        return fit(hjd, mag, *more)

    with monkeypatch.context() as patch:
        patch.setattr(assembly, "fourier_features", failing)
        for _ in range(2):
            capsys.readouterr()
            assert run("--dirname", "a") == 3
            said = capsys.readouterr().out
            assert f"1 of {len(whole)} sources could not be measured and are empty: {strange} (ZeroDivision" in said
    found = pq.read_table(table("a"))
    rows = found.to_pylist()
    assert str(rows[:5] + rows[6:]) == str(whole[:5] + whole[6:])
    assert rows[5]["_id"] == strange
    assert np.isnan([rows[5]["median"], rows[5]["period_LS"], rows[5]["dmdt"][25][25]]).all()
    assert rows[5]["ra"] == whole[5]["ra"]
    failures = json.loads(found.schema.metadata[b"scope"])["failed"]
    assert failures == {str(strange): "ZeroDivisionError: a star like no other"}
    assert run("--dirname", "a") == 0, "it is tried again"
    assert table("a").read_bytes() == table("b").read_bytes()


def test_all_stars_may_fail(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> object:
        raise ValueError("no star is right")

    monkeypatch.setattr(assembly, "fourier_features", failing)
    assert run("--dirname", "a") == 3
    assert all(np.isnan(row["median"]) for row in pq.read_table(table("a")).to_pylist())


def test_a_scheduler_that_is_not_there_is_5_in_one_line(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from shared_io.batch import cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cluster, "_CONNECT", 0.2)
        assert run("--dirname", "a", "--scheduler", "tcp://127.0.0.1:9") == 5
    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() if "warning" not in line]
    assert len(lines) == 1
    assert "no Dask scheduler at tcp://127.0.0.1:9" in lines[0]
    assert not said.out


@pytest.mark.faults
@pytest.mark.parametrize("how", ["cut", "altered", "emptied"])
def test_a_damaged_block_is_measured_again_with_one_line(
    unfinished: Path, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    path = of_blocks("a")[2]
    data = bytearray(path.read_bytes())
    if how == "altered":
        data[len(data) // 3] ^= 0xFF
    path.write_bytes(data[: {"cut": len(data) // 2, "emptied": 0}.get(how, len(data))])
    capsys.readouterr()
    assert run("--dirname", "a") == 0
    said = capsys.readouterr()
    assert "6 of 8 blocks were there already" in said.out
    lines = [line for line in said.err.splitlines() if "measured again" in line]
    assert len(lines) == 1
    assert path.name in lines[0]
    assert run("--dirname", "b") == 0
    assert table("a").read_bytes() == table("b").read_bytes()


@settings(deadline=None)
@given(st.integers(0), st.integers(0, 7), st.booleans())
def test_no_altered_bit_of_a_block_goes_unnoticed(place: int, bit: int, cut: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "block_00000.arrow"
        table = pa.table({"_id": [1, 2], "dmdt": [[[0.5]], [[1.5]]]})
        write_block(path, table, "key")
        assert read_block(path) == ("key", table)
        data = bytearray(path.read_bytes())
        data[place % len(data)] ^= 1 << bit
        path.write_bytes(data[: place % len(data)] if cut else data)
        with pytest.raises(CorruptInput):
            read_block(path)


def test_without_resume_no_block_is_taken_up(unfinished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run("--dirname", "a", "--no-resume") == 0
    assert "were there" not in capsys.readouterr().out


def test_blocks_of_other_options_or_other_data_are_not_taken_up(
    unfinished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run("--dirname", "a", "--samples-per-peak", "9") == 0
    said = capsys.readouterr()
    assert "were there" not in said.out
    assert "measured again" not in said.err


@pytest.fixture
def cluster() -> Iterator[str]:
    from dask.distributed import LocalCluster

    with LocalCluster(
        n_workers=1, threads_per_worker=2, protocol="tcp://", dashboard_address=None, processes=False
    ) as made:  # fmt: skip
        yield made.scheduler_address


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_bytes_are_the_same_wherever_and_by_however_many_the_stars_are_measured(here: Path, cluster: str) -> None:
    ways = {"one": [], "two": ["--Ncore", "2"], "dask": ["--scheduler", cluster],
            "local": ["--scheduler", "local"]}  # fmt: skip
    for folder, words in ways.items():
        some = ["--period-algorithms", "ELS", "EAOV", "ELS_ECE_EAOV", "--stop_early", "--limit", "24"]
        assert run("--dirname", folder, *words, *some) == 0
    meta = json.loads(pq.read_schema(table("one")).metadata[b"scope"])
    assert meta["blocks"]["count"] == 5
    assert {table(folder).read_bytes() for folder in ways} == {table("one").read_bytes()}


def test_a_scheduler_that_is_not_there_is_one_line(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--scheduler", "mars") == 2
    assert run("--scheduler", "local", "--doNotSave") == 0
    assert run("--scheduler", "dask", "--doNotSave") == 2
    assert "exclude each other" in capsys.readouterr().err


def quadrant(rng: np.random.Generator, stars: int) -> LightCurves:
    """Stars in g, then the same in r in another order; every third has no r."""
    parts = []
    for band, order in ((1, range(stars)), (2, reversed(range(stars)))):
        for k in order:
            if band == 2 and k % 3 == 0:
                continue
            hjd, mag, err = rr_lyrae(rng, 60, 0.4 + 0.01 * k)
            fixed = {"ra": 10.0 + k, "dec": 5.0, "filter": band, "field": 301, "ccd": 2, "quad": 4}
            columns = {name: np.full(60, value) for name, value in fixed.items()}
            identifier = np.full(60, 1000 * band + k)
            parts.append(LightCurves.of_points(identifier, hjd=hjd, mag=mag, magerr=err, **columns))
    return LightCurves.concatenate(parts)


@pytest.mark.parametrize("join", [True, False])
def test_the_table_of_blocks_is_that_of_all_at_once(
    rng: np.random.Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, join: bool
) -> None:
    curves = quadrant(rng, 10)
    near = Catalogue(curves.ra[:4], curves.dec[:4], {"_id": np.arange(4), "gMeanPSFMag": np.arange(4.0)})
    recipe = Recipe(FAST, {"PS1_DR1": near}, alerts=near, join_bands=join)
    columns = schema.columns(FAST.algorithms, FAST.top_n)
    monkeypatch.setattr(blocks, "ROW_GROUP", 6)
    made = Blocks(curves, recipe, columns, 4)
    assert len(made) > 3
    groups = list(made.groups(made.measure(tmp_path, Running())[0], {}))
    assert [group.num_rows for group in groups] == [6, 6, 4]
    whole = feature_table.to_arrow(measure(curves, recipe), columns)
    # As text: NaN is not equal to itself.
    assert str(pa.concat_tables(groups).to_pydict()) == str(whole.to_pydict())


@given(st.lists(st.floats(0, 30), max_size=40))
def test_blocks_have_all_stars_in_order_and_end_in_time(costs: list[float]) -> None:
    stars = [np.array([k]) for k in range(len(costs))]
    ends = divided(stars, np.full(len(costs), 60), np.array(costs), 7)
    found = [costs[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    assert [cost for part in found for cost in part] == costs
    assert all(0 < len(part) <= 7 for part in found)
    assert all(sum(part) <= SECONDS or len(part) == 1 for part in found)


def test_a_small_quadrant_is_divided_for_several_processes() -> None:
    stars = [np.array([k]) for k in range(800)]
    for cost, expected in ((0.04, 8), (0.0004, 1), (4.0, 160)):
        found = divided(stars, np.full(800, 60), np.full(800, cost))
        assert expected <= len(found) <= expected + 1


def test_what_costs_more_comes_in_smaller_blocks() -> None:
    def cost(options: Options | None, points: int = 300) -> float:
        return float(seconds(np.array([points]), np.array([1800.0]), Recipe(options))[0])

    assert cost(None) < cost(Options(("LS",))) < cost(Options(("LS", "CE"))) < cost(Options(("BLS",)))
    assert cost(Options(("LS",))) < cost(Options(("LS",)), 1000)
    assert cost(Options()) == cost(Options(("ELS_ECE_EAOV",))), "the decision needs all three screens"
    assert cost(Options()) < cost(Options(full=True)) < cost(Options(compatible=True))
    assert cost(Options(device="cuda")) < cost(Options())
    assert cost(Options(("LS",), samples_per_peak=20)) > cost(Options(("LS",)))


def test_spooled_light_curves_are_the_same_and_leave_no_file(rng: np.random.Generator, tmp_path: Path) -> None:
    parts = [quadrant(rng, 3), LightCurves.concatenate([]), quadrant(rng, 2)]
    whole, found = LightCurves.concatenate(parts), spooled(iter(parts), tmp_path)
    assert not list(tmp_path.iterdir())
    for name in ("id", "ra", "dec", "filter", "offsets", "hjd", "mag", "magerr", "catflags"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))
    assert some(found, np.array([4, 1])).id.tolist() == whole.id[[4, 1]].tolist()
    assert len(spooled(iter([]))) == 0


def test_memory_does_not_grow_with_the_number_of_sources(rng: np.random.Generator, tmp_path: Path) -> None:
    """Of a source that is read, its place stays in memory: not its points."""
    import tracemalloc

    piece = quadrant(rng, 6)
    points = int(piece.offsets[-1]) * 24
    peaks = []
    for count in (20, 200):
        tracemalloc.start()
        curves = spooled((piece for _ in range(count)), tmp_path)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert len(curves) == 200 * len(piece)
    assert peaks[1] - peaks[0] < 0.2 * 180 * points


def test_no_room_for_the_light_curves_is_said(rng: np.random.Generator, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    from scope.lightcurves.spool import _append

    with open("/dev/full", "wb", 0) as full, pytest.raises(WriteFailed, match="no room for the light curves"):
        _append(full, np.zeros(10), tmp_path)
